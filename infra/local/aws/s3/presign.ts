import { virtualHostBucket } from './request.ts';
import { amzDate, encodeRfc3986, signV2, signV4, V4_ALGORITHM } from './signatures.ts';

export interface Presign {
  readonly method: string;
  /** The object's URL, path style or virtual-hosted; query parameters that it has are signed too. */
  readonly url: string | URL;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Seconds from `now`. */
  readonly expiresIn: number;
  /** Epoch milliseconds, the present by default. */
  readonly now?: number;
}

/** A URL with a version 4 query signature (`X-Amz-…`), which covers the host header and no body. */
export function presignV4(presign: Presign & { readonly region: string }): string {
  const url = new URL(presign.url);
  const date = amzDate(presign.now ?? Date.now());
  const scope = `${date.slice(0, 8)}/${presign.region}/s3/aws4_request`;
  const query: [string, string][] = [
    ...url.searchParams,
    ['X-Amz-Algorithm', V4_ALGORITHM],
    ['X-Amz-Credential', `${presign.accessKeyId}/${scope}`],
    ['X-Amz-Date', date],
    ['X-Amz-Expires', String(presign.expiresIn)],
    ['X-Amz-SignedHeaders', 'host'],
  ];
  const { signature } = signV4(
    {
      method: presign.method,
      path: decodeURIComponent(url.pathname),
      query,
      headers: new Map([['host', url.host]]),
      payloadHash: 'UNSIGNED-PAYLOAD',
      date,
      scope,
    },
    presign.secretAccessKey,
  );
  return withQuery(url, [...query, ['X-Amz-Signature', signature]]);
}

/** A URL with a version 2 query signature (`AWSAccessKeyId`, `Expires`, `Signature`), as Zencoder's older URLs have. */
export function presignV2(presign: Presign): string {
  const url = new URL(presign.url);
  const expires = String(Math.floor((presign.now ?? Date.now()) / 1000) + presign.expiresIn);
  const { signature } = signV2(
    {
      method: presign.method,
      hostBucket: virtualHostBucket(url.host),
      rawPath: url.pathname,
      query: url.searchParams,
      headers: new Map(),
      expires,
    },
    presign.secretAccessKey,
  );
  return withQuery(url, [
    ...url.searchParams,
    ['AWSAccessKeyId', presign.accessKeyId],
    ['Expires', expires],
    ['Signature', signature],
  ]);
}

function withQuery(url: URL, query: readonly [string, string][]): string {
  const text = query.map(([name, value]) => `${encodeRfc3986(name)}=${encodeRfc3986(value)}`).join('&');
  return `${url.origin}${url.pathname}?${text}`;
}
