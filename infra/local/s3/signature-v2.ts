import { createHmac } from 'node:crypto';

/** What a version 2 query signature covers. */
export interface SignedV2 {
  readonly method: string;
  /** The bucket when the host names it; undefined when the path does. */
  readonly hostBucket?: string | undefined;
  /** The path as it is sent, percent-encoded. */
  readonly rawPath: string;
  readonly query: Iterable<readonly [string, string]>;
  /** All headers of the request by name in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  /** Epoch seconds, as text. */
  readonly expires: string;
}

/** The query parameters that version 2 signs, by "Signing and authenticating REST requests". */
const SUBRESOURCES = new Set([
  'acl',
  'delete',
  'lifecycle',
  'location',
  'logging',
  'notification',
  'partNumber',
  'policy',
  'requestPayment',
  'response-cache-control',
  'response-content-disposition',
  'response-content-encoding',
  'response-content-language',
  'response-content-type',
  'response-expires',
  'torrent',
  'uploadId',
  'uploads',
  'versionId',
  'versioning',
  'versions',
  'website',
]);

/** The signature (base64 of HMAC-SHA1) and what it was made from. */
export function signV2(
  signed: SignedV2,
  secretAccessKey: string,
): { signature: string; stringToSign: string } {
  const amzHeaders = [...signed.headers]
    .filter(([name]) => name.startsWith('x-amz-'))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}:${value.trim()}\n`);
  const stringToSign = [
    signed.method,
    signed.headers.get('content-md5') ?? '',
    signed.headers.get('content-type') ?? '',
    signed.expires,
    amzHeaders.join('') + canonicalResource(signed),
  ].join('\n');
  return {
    signature: createHmac('sha1', secretAccessKey).update(stringToSign).digest('base64'),
    stringToSign,
  };
}

function canonicalResource({ hostBucket, rawPath, query }: SignedV2): string {
  const subresources = [...query]
    .filter(([name]) => SUBRESOURCES.has(name))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => (value === '' ? name : `${name}=${value}`));
  const resource = (hostBucket === undefined ? '' : `/${hostBucket}`) + rawPath;
  return subresources.length === 0 ? resource : `${resource}?${subresources.join('&')}`;
}
