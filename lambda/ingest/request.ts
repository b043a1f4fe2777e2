import { gunzipSync } from 'node:zlib';
import { RecoveryError } from '../shared/runtime/errors.ts';
import { NotJson, parseJson } from '../shared/runtime/json.ts';
import type { RequestHeaders } from './authenticate.ts';

/** The path that Zencoder posts to. */
export const NOTIFICATION_PATH = '/notifications';

/** Path and method of a request, as an API Gateway event (payload version 2) has them. */
export interface RoutedRequest {
  /** Without the query. */
  readonly rawPath: string;
  readonly requestContext: { readonly http: { readonly method: string } };
}

/** Whether a request is for ingest: posted to its path, with or without a final slash. */
export function isForIngest({ rawPath, requestContext }: RoutedRequest): boolean {
  return (
    requestContext.http.method === 'POST' &&
    (rawPath === NOTIFICATION_PATH || rawPath === `${NOTIFICATION_PATH}/`)
  );
}

/**
 * Largest body in bytes, decompressed too. Lambda takes events of 6 MB, in which the body is escaped or in Base64, so
 * that 4 MiB always arrive; the largest notification to expect (20 outputs with 100 thumbnails each) has about 1 MB.
 */
export const MAX_BODY_BYTES = 4 * 1024 * 1024;

/** A notification has a value in 30 to 60 bytes, so that this is several times what the largest body can mean. */
const MAX_VALUES = 200_000;

/** A request that ingest cannot use, with the HTTP status of the response. Its message is fit for the response. */
export abstract class RequestError extends RecoveryError {
  override readonly category = 'invalid-input';
  abstract readonly status: number;
}

/** The body is larger than {@link MAX_BODY_BYTES}. */
export class BodyTooLarge extends RequestError {
  override readonly name = 'BodyTooLarge';
  override readonly status = 413;
}

/** The body is XML, has another content type than JSON and is none, or is in an unknown encoding. */
export class UnsupportedBody extends RequestError {
  override readonly name = 'UnsupportedBody';
  override readonly status = 415;
}

/** The content encoding is gzip and the body is damaged. */
export class BodyNotInflated extends RequestError {
  override readonly name = 'BodyNotInflated';
  override readonly status = 400;
}

/** The body of a request, as an API Gateway event (payload version 2) has it. */
export interface NotificationRequest {
  readonly headers: RequestHeaders;
  readonly body?: string | undefined;
  readonly isBase64Encoded: boolean;
}

/**
 * The JSON in the body of a request, whatever its content type: senders and gateways label JSON as text, form or bytes. A
 * gzip body is inflated, up to the same bound.
 *
 * @throws {BodyTooLarge | BodyNotInflated | UnsupportedBody | NotJson} with a message that is fit for the response.
 */
export function readBody(request: NotificationRequest): unknown {
  const text = textOf(request);
  if (/^\s*</.test(text)) throw new UnsupportedBody('XML is not supported');
  try {
    return parseJson(text, { values: MAX_VALUES });
  } catch (error) {
    const type = headerOf(request.headers, 'content-type').split(/[;,]/, 1)[0]?.trim() ?? '';
    if (!(error instanceof NotJson) || isOfJson(type)) throw error;
    throw new UnsupportedBody('the content type is not supported, and the body is not JSON', {
      cause: error,
    });
  }
}

function textOf(request: NotificationRequest): string {
  const { body = '', isBase64Encoded, headers } = request;
  const minBytes = isBase64Encoded ? Math.floor((body.length * 3) / 4) - 2 : body.length;
  if (minBytes > MAX_BODY_BYTES) throw tooLarge();
  const bytes = inflated(
    Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8'),
    headerOf(headers, 'content-encoding'),
  );
  if (bytes.length > MAX_BODY_BYTES) throw tooLarge();
  return bytes.toString('utf8').replace(/^\ufeff/, '');
}

function inflated(bytes: Buffer, encoding: string): Buffer {
  if (encoding === '' || encoding === 'identity') return bytes;
  if (encoding !== 'gzip' && encoding !== 'x-gzip') {
    throw new UnsupportedBody('of content encodings, only gzip is supported');
  }
  // A gateway may inflate the body and leave the header.
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    return gunzipSync(bytes, { maxOutputLength: MAX_BODY_BYTES });
  } catch (error) {
    if (error instanceof RangeError) throw tooLarge();
    throw new BodyNotInflated('the body is damaged gzip', { cause: error });
  }
}

function tooLarge(): BodyTooLarge {
  return new BodyTooLarge(`the body is larger than ${MAX_BODY_BYTES} bytes`);
}

function isOfJson(type: string): boolean {
  return type === '' || /^(?:application|text)\/(?:[a-z0-9.-]+\+)?json$/.test(type);
}

/** In lower case; empty when there is none. */
function headerOf(headers: RequestHeaders, name: string): string {
  const value = Object.entries(headers).find(([key]) => key.toLowerCase() === name)?.[1] ?? '';
  return value.trim().toLowerCase();
}
