import { RecoveryError } from '../shared/errors.ts';
import { parseJson } from '../shared/json.ts';
import type { RequestHeaders } from './authenticate.ts';

/**
 * Largest body in bytes. Lambda takes events of 6 MB, in which the body is escaped or in Base64, so that about 4 MiB is
 * what surely arrives; the largest notification to expect (20 outputs with 100 thumbnails each) has about 1 MB.
 */
export const LARGEST_BODY_BYTES = 4 * 1024 * 1024;

/** The body is larger than {@link LARGEST_BODY_BYTES}. */
export class BodyTooLarge extends RecoveryError {
  override readonly name = 'BodyTooLarge';
  override readonly meaning = 'not-understood';
}

/** The body is XML, or says that it is something else than JSON. */
export class UnsupportedBody extends RecoveryError {
  override readonly name = 'UnsupportedBody';
  override readonly meaning = 'not-understood';
}

/** What of a request is looked at; an API Gateway event (payload version 2) is one. */
export interface NotificationRequest {
  readonly headers: RequestHeaders;
  readonly body?: string | undefined;
  readonly isBase64Encoded: boolean;
}

/**
 * The JSON in the body of a request. A missing content type is accepted, as old API versions send none.
 *
 * @throws {BodyTooLarge | UnsupportedBody | NotJson} with a message that is fit for the answer.
 */
export function readBody(request: NotificationRequest): unknown {
  const encoded = request.body ?? '';
  const bytes = request.isBase64Encoded
    ? Math.floor((encoded.length * 3) / 4) - 2
    : Buffer.byteLength(encoded);
  if (bytes > LARGEST_BODY_BYTES) {
    throw new BodyTooLarge(`the body is larger than ${LARGEST_BODY_BYTES} bytes`);
  }
  const text = (request.isBase64Encoded ? Buffer.from(encoded, 'base64').toString('utf8') : encoded).replace(
    /^\ufeff/,
    '',
  );
  const type = mediaTypeOf(request.headers);
  if (/[/+]xml$/.test(type) || /^\s*</.test(text)) throw new UnsupportedBody('XML is not supported');
  if (type !== '' && !/^(?:application|text)\/(?:[a-z0-9.-]+\+)?json$/.test(type)) {
    throw new UnsupportedBody('the content type is not supported');
  }
  return parseJson(text);
}

function mediaTypeOf(headers: RequestHeaders): string {
  const header = Object.entries(headers).find(([name]) => name.toLowerCase() === 'content-type')?.[1] ?? '';
  return header.split(/[;,]/, 1)[0]?.trim().toLowerCase() ?? '';
}
