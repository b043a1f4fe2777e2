import type { RecoveryError } from '../../shared/runtime/errors.ts';
import {
  SourceChanged,
  SourceExpired,
  SourceNotFound,
  SourceRedirected,
  SourceRefused,
  SourceUnavailable,
  UnexpectedSourceResponse,
} from './errors.ts';
import { type StoredHeaders, storedHeadersOf } from './object-headers.ts';
import type { ByteRange } from './plan.ts';

/** Status and headers of a response. */
export interface ResponseHead {
  readonly version: '1.0' | '1.1';
  readonly status: number;
  /** By lower-case name; a header that came more than once has its values joined by `, `. */
  readonly headers: ReadonlyMap<string, string>;
}

/** What a range was asked with. */
export interface RangeQuery {
  readonly range: ByteRange;
  /** ETag that `If-Match` was sent with; null when the file is not known yet, or has none. */
  readonly etag: string | null;
  /** Bytes of the whole file; null when not known yet. */
  readonly size: number | null;
}

/** A range as the source serves it. */
export interface RangeResponse {
  /** Bytes in this range. */
  readonly length: number;
  /** Bytes of the whole file. */
  readonly size: number;
  /** Strong ETag of the file, with quotes; null when the source has none. */
  readonly etag: string | null;
  readonly contentType: string | null;
  readonly stored: StoredHeaders;
  /** True when the source ignored the range and sent the whole file, which is what a small file needs anyway. */
  readonly ignoredRange: boolean;
}

/**
 * Reads the head of an HTTP/1 response, up to but without its empty line.
 *
 * @returns null for anything that is not plainly an HTTP/1 head.
 */
export function parseHead(text: string): ResponseHead | null {
  const [first = '', ...lines] = text.split('\r\n');
  const status = /^HTTP\/(1\.[01]) ([1-5]\d\d)(?: |$)/.exec(first);
  const version = status?.[1];
  if (version !== '1.0' && version !== '1.1') return null;
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    if (colon < 1 || !/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name)) return null;
    const value = line.slice(colon + 1).trim();
    const earlier = headers.get(name);
    headers.set(name, earlier === undefined ? value : `${earlier}, ${value}`);
  }
  return { version, status: Number(status?.[2]), headers };
}

/** Bytes of the body as the head states them; null when it does not, or not clearly. */
export function statedLength(head: ResponseHead): number | null {
  const text = head.headers.get('content-length');
  return text !== undefined && /^\d{1,16}$/.test(text) ? Number(text) : null;
}

/**
 * Checks a response that brings bytes: a 206, or a 200 that plainly is the whole file where its beginning was asked for.
 *
 * @param room bytes that can be received.
 * @returns null for any other response, which is an error; see {@link errorOf}.
 * @throws {UnexpectedSourceResponse} as `validateRange`, and for a 200 with more bytes than there is room for.
 * @throws {SourceChanged} for another size or ETag than the file had.
 */
export function checkResponse(head: ResponseHead, asked: RangeQuery, room: number): RangeResponse | null {
  if (head.status === 206) return validateRange(head, asked);
  const size = statedLength(head);
  const etag = strongEtag(head.headers.get('etag'));
  // Without a length and a name for the bytes it may be any page; encoded, it may have been so for this response alone.
  const isPlain = size !== null && etag !== null && !head.headers.has('content-encoding');
  if (head.status !== 200 || asked.range.from !== 0 || !isPlain) return null;
  assertSameFile(asked, size, etag);
  if (size > room) {
    throw new UnexpectedSourceResponse(
      `the source returned 200 to a request for a range: it sends all of its ${size} bytes`,
      { wholeBytes: size },
    );
  }
  return { length: size, size, etag, ...describe(head), ignoredRange: true };
}

/**
 * Checks a 206: it has to be exactly the range asked for, of the file that is being copied. A `Content-Encoding` is one
 * that the file is stored with: ranges are of the stored bytes, so that encoding on the way would change their length.
 *
 * @throws {UnexpectedSourceResponse} for another range than asked for, and for a length that does not fit.
 * @throws {SourceChanged} for another size or ETag than the file had.
 */
export function validateRange(head: ResponseHead, asked: RangeQuery): RangeResponse {
  const found = /^bytes (\d{1,16})-(\d{1,16})\/(\d{1,16})$/i.exec(head.headers.get('content-range') ?? '');
  if (found === null) throw new UnexpectedSourceResponse('the source does not say which range it sends');
  const [from, last, size] = [Number(found[1]), Number(found[2]), Number(found[3])];
  const etag = strongEtag(head.headers.get('etag'));
  assertSameFile(asked, size, etag);
  const to = Math.min(asked.range.to, size);
  const stated = statedLength(head);
  if (from !== asked.range.from || last !== to - 1 || (stated !== null && stated !== to - from)) {
    throw new UnexpectedSourceResponse('the source sends another range than it was asked for');
  }
  return { length: to - from, size, etag, ...describe(head), ignoredRange: false };
}

function assertSameFile(asked: RangeQuery, size: number, etag: string | null): void {
  if (asked.size !== null && size !== asked.size) {
    throw new SourceChanged('the file has another size than before');
  }
  if (asked.etag !== null && etag !== asked.etag) {
    throw new SourceChanged('the file has another ETag than before');
  }
}

function describe({ headers }: ResponseHead): Pick<RangeResponse, 'contentType' | 'stored'> {
  return { contentType: headers.get('content-type') ?? null, stored: storedHeadersOf(headers) };
}

/** Weak ETags cannot be used with `If-Match`. */
function strongEtag(text: string | undefined): string | null {
  return text !== undefined && /^"[\x21\x23-\x7e\x80-\xff]*"$/.test(text) ? text : null;
}

/** Whether the response says that the file has no bytes at all: then there is no range to send. */
export function isEmptyFile(head: ResponseHead, asked: RangeQuery): boolean {
  if (head.status !== 416 || asked.range.from !== 0 || asked.size !== null) return false;
  const range = head.headers.get('content-range');
  return range === undefined || /^bytes \*\/0$/i.test(range);
}

/**
 * The error that a response other than 206 means. Nothing of the body gets into the message but S3's error code.
 *
 * @param body the beginning of the body; S3 explains itself there in XML.
 */
export function errorOf(head: ResponseHead, body: string): RecoveryError {
  const { status } = head;
  const code = /<Code>([A-Za-z.]{1,60})<\/Code>/.exec(body)?.[1];
  const response = code === undefined ? `${status}` : `${status} ${code}`;
  if (status === 503 || status === 429 || status === 408 || status >= 500 || code === 'RequestTimeout') {
    return new SourceUnavailable(`the source returned ${response}`, { retryAfterMs: retryAfterMs(head) });
  }
  if (status >= 300 && status < 400) return new SourceRedirected(status);
  if (status === 400 || status === 401 || status === 403) return refusal(response, body);
  if (status === 404 || status === 410) return new SourceNotFound(`the source returned ${response}`);
  if (status === 412) return new SourceChanged('the file has another ETag than before');
  if (status === 416) return new SourceChanged('the file is shorter than before');
  return new UnexpectedSourceResponse(`the source returned ${response} to a request for a range`);
}

function refusal(response: string, body: string): RecoveryError {
  return /\bexpired\b|<Expires>|ExpiredToken/i.test(body)
    ? new SourceExpired(`the source returned ${response}: the URL has expired`)
    : new SourceRefused(`the source returned ${response}`);
}

function retryAfterMs(head: ResponseHead): number | null {
  return parseRetryAfter(head.headers.get('retry-after'), Date.now());
}

/**
 * Reads `Retry-After`: seconds, or a date.
 *
 * @returns milliseconds from `now` (epoch milliseconds), not below 0; null for no header or an unreadable one.
 */
export function parseRetryAfter(text: string | undefined, now: number): number | null {
  if (text === undefined) return null;
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  const date = /^[A-Z][a-z]{2}, /.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(date) ? null : Math.max(0, date - now);
}
