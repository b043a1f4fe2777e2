import type { IncomingMessage } from 'node:http';
import { s3Error } from './errors.ts';

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
