import type { IncomingMessage } from 'node:http';
import { s3Error } from './errors.ts';

/** The conditional headers of a request; absent ones are undefined. */
export interface Conditions {
  readonly ifMatch?: string | undefined;
  readonly ifNoneMatch?: string | undefined;
  readonly ifModifiedSince?: string | undefined;
  readonly ifUnmodifiedSince?: string | undefined;
}

/**
 * What a GET or HEAD with these conditions comes to, in S3's order of precedence: a matching `If-Match` outweighs
 * `If-Unmodified-Since`, a failing `If-None-Match` outweighs `If-Modified-Since`. Dates count in whole seconds and are
 * ignored when they cannot be read.
 * @param etag without quotes
 * @param lastModified epoch milliseconds
 */
export function evaluateRead(
  conditions: Conditions,
  etag: string,
  lastModified: number,
): 'go-on' | 'not-modified' | 'precondition-failed' {
  const { ifMatch, ifNoneMatch, ifModifiedSince, ifUnmodifiedSince } = conditions;
  const seconds = Math.floor(lastModified / 1000) * 1000;
  if (ifMatch !== undefined) {
    if (!etagMatches(ifMatch, etag)) return 'precondition-failed';
  } else if (seconds > dateOr(ifUnmodifiedSince, Number.POSITIVE_INFINITY)) {
    return 'precondition-failed';
  }
  if (ifNoneMatch !== undefined) return etagMatches(ifNoneMatch, etag) ? 'not-modified' : 'go-on';
  return seconds <= dateOr(ifModifiedSince, Number.NEGATIVE_INFINITY) ? 'not-modified' : 'go-on';
}

/** Whether a list of entity tags (quoted or bare, or `*`) names `etag` (bare). */
export function etagMatches(list: string, etag: string): boolean {
  return list
    .split(',')
    .map(bareEtag)
    .some((tag) => tag === '*' || tag === etag);
}

/** An entity tag without its quotes and its weakness. */
export function bareEtag(tag: string): string {
  return tag
    .trim()
    .replace(/^W\//, '')
    .replace(/^"(.*)"$/, '$1');
}

function dateOr(text: string | undefined, otherwise: number): number {
  const time = text === undefined ? Number.NaN : Date.parse(text);
  return Number.isNaN(time) ? otherwise : time;
}

/** Bytes `start` to `end`, both included, of an object. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

const RANGE = /^bytes=(?:(\d+)-(\d*)|-(\d+))$/;

/**
 * What a `Range` header asks of an object of `size` bytes. As S3 does, more than one range, another unit and nonsense
 * are ignored (`whole`); a range that begins at or after the end, and a suffix of no bytes, are `unsatisfiable` (416).
 */
export function parseRange(header: string | undefined, size: number): ByteRange | 'whole' | 'unsatisfiable' {
  const match = header === undefined ? null : RANGE.exec(header.trim());
  if (match === null) return 'whole';
  const [, first, last, suffix] = match;
  if (first === undefined) return suffixRange(Number(suffix), size);
  const start = Number(first);
  if (last !== undefined && last !== '' && Number(last) < start) return 'whole';
  if (start >= size) return 'unsatisfiable';
  const end = last === undefined || last === '' ? size - 1 : Math.min(Number(last), size - 1);
  return { start, end };
}

function suffixRange(length: number, size: number): ByteRange | 'unsatisfiable' {
  if (length === 0 || size === 0) return 'unsatisfiable';
  return { start: Math.max(0, size - length), end: size - 1 };
}

/** A request taken apart, nothing checked yet. */
export interface S3Request {
  readonly method: string;
  /** The path as sent, percent-encoded, without query. */
  readonly rawPath: string;
  /** The path decoded. */
  readonly path: string;
  readonly query: URLSearchParams;
  /**
   * By name in lower case; repeated headers joined by commas. `x-amz-…` parameters of a presigned version 4 URL count as
   * headers, as presigners move them there.
   */
  readonly headers: ReadonlyMap<string, string>;
  /** The headers that were sent as such. */
  readonly sentHeaders: ReadonlyMap<string, string>;
  /** The bucket that the host header names, if it does (virtual-hosted style). */
  readonly hostBucket: string | undefined;
  /** Empty for the service itself. */
  readonly bucket: string;
  /** Empty for the bucket itself. */
  readonly key: string;
}

/** @throws S3Error InvalidURI when the path cannot be decoded */
export function readRequest(incoming: IncomingMessage): S3Request {
  const target = incoming.url ?? '/';
  const mark = target.indexOf('?');
  const rawPath = mark === -1 ? target : target.slice(0, mark);
  const path = decodePath(rawPath);
  const hostBucket = virtualHostBucket(incoming.headers.host ?? '');
  const slash = path.indexOf('/', 1);
  const pathBucket = slash === -1 ? path.slice(1) : path.slice(1, slash);
  const pathKey = slash === -1 ? '' : path.slice(slash + 1);
  const query = new URLSearchParams(mark === -1 ? '' : target.slice(mark + 1));
  const sentHeaders = readHeaders(incoming);
  return {
    method: incoming.method ?? 'GET',
    rawPath,
    path,
    query,
    headers: new Map([...hoistedHeaders(query), ...sentHeaders]),
    sentHeaders,
    hostBucket,
    bucket: hostBucket ?? pathBucket,
    key: hostBucket === undefined ? pathKey : path.slice(1),
  };
}

const VIRTUAL_HOST =
  /^(.+)\.(?:s3\.localhost|localhost|s3(?:\.dualstack)?(?:[.-][a-z]{2,}-[a-z-]+-\d)?\.amazonaws\.com)(?::\d+)?$/;

/** The bucket that a host header names: `bucket.s3.localhost:9000`, `bucket.s3.us-east-1.amazonaws.com`; or undefined. */
export function virtualHostBucket(host: string): string | undefined {
  const bucket = VIRTUAL_HOST.exec(host)?.[1];
  return bucket === 's3' ? undefined : bucket;
}

function decodePath(rawPath: string): string {
  try {
    return decodeURIComponent(rawPath);
  } catch {
    throw s3Error('InvalidURI', { URI: rawPath });
  }
}

const AUTHORIZATION = /^x-amz-(algorithm|credential|date|expires|signedheaders|signature|security-token)$/;

function* hoistedHeaders(query: URLSearchParams): Iterable<[string, string]> {
  if (!query.has('X-Amz-Signature')) return;
  for (const [name, value] of query) {
    const lower = name.toLowerCase();
    if (lower.startsWith('x-amz-') && !AUTHORIZATION.test(lower)) yield [lower, value];
  }
}

function readHeaders(incoming: IncomingMessage): Map<string, string> {
  const headers = new Map<string, string>();
  for (const [name, value] of Object.entries(incoming.headers)) {
    if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(',') : value);
  }
  return headers;
}
