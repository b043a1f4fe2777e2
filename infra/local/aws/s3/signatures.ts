import { createHash, createHmac } from 'node:crypto';

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

/** What a version 4 signature covers. */
export interface SignedV4 {
  readonly method: string;
  /** The path, decoded, e.g. `/bucket/a b.txt`. */
  readonly path: string;
  /** Decoded names and values, without `X-Amz-Signature`. */
  readonly query: Iterable<readonly [string, string]>;
  /** The signed headers by name in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  /** Hex SHA-256 of the body, `UNSIGNED-PAYLOAD` or one of the `STREAMING-…` words. */
  readonly payloadHash: string;
  /** `YYYYMMDDTHHMMSSZ`. */
  readonly date: string;
  /** `YYYYMMDD/region/s3/aws4_request`. */
  readonly scope: string;
}

export interface SignatureV4 {
  /** Hex. */
  readonly signature: string;
  readonly stringToSign: string;
  readonly canonicalRequest: string;
}

export const V4_ALGORITHM = 'AWS4-HMAC-SHA256';

/** Signs as "Authenticating Requests (AWS Signature Version 4)" of the S3 API reference says. */
export function signV4(signed: SignedV4, secretAccessKey: string): SignatureV4 {
  const names = [...signed.headers.keys()].sort();
  const headers = names.map((name) => `${name}:${canonicalValue(signed.headers.get(name) ?? '')}\n`);
  const canonicalRequest = [
    signed.method,
    encodePath(signed.path),
    canonicalQuery(signed.query),
    headers.join(''),
    names.join(';'),
    signed.payloadHash,
  ].join('\n');
  const hash = createHash('sha256').update(canonicalRequest).digest('hex');
  const stringToSign = [V4_ALGORITHM, signed.date, signed.scope, hash].join('\n');
  let key: Buffer | string = `AWS4${secretAccessKey}`;
  for (const word of signed.scope.split('/')) key = createHmac('sha256', key).update(word).digest();
  const signature = createHmac('sha256', key).update(stringToSign).digest('hex');
  return { signature, stringToSign, canonicalRequest };
}

function canonicalQuery(query: Iterable<readonly [string, string]>): string {
  return [...query]
    .map(([name, value]) => `${encodeRfc3986(name)}=${encodeRfc3986(value)}`)
    .sort()
    .join('&');
}

function canonicalValue(value: string): string {
  return value.trim().replace(/ +/g, ' ');
}

/** Percent-encodes everything but letters, digits and `-._~`. */
export function encodeRfc3986(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** The same for a path, whose slashes stay. */
export function encodePath(path: string): string {
  return path.split('/').map(encodeRfc3986).join('/');
}

/** `YYYYMMDDTHHMMSSZ` of a time in epoch milliseconds. */
export function amzDate(time: number): string {
  return `${new Date(time).toISOString().slice(0, 19).replace(/[-:]/g, '')}Z`;
}

/** Epoch milliseconds of `YYYYMMDDTHHMMSSZ`, NaN when it is none. */
export function parseAmzDate(text: string): number {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  if (match === null) return Number.NaN;
  const [, year, month, day, hour, minute, second] = match;
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
}
