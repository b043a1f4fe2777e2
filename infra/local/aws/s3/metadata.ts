import { s3Error } from './errors.ts';
import { type Exchange, header } from './service.ts';

const MAX_KEY = 1024;
const MAX_METADATA = 2048;
const KEPT = new Set([
  'cache-control',
  'content-disposition',
  'content-language',
  'content-type',
  'expires',
  'x-amz-storage-class',
  'x-amz-server-side-encryption',
  'x-amz-server-side-encryption-aws-kms-key-id',
  'x-amz-server-side-encryption-bucket-key-enabled',
  'x-amz-website-redirect-location',
]);
const UNSUPPORTED = [
  'x-amz-copy-source',
  'x-amz-tagging',
  'x-amz-write-offset-bytes',
  'x-amz-object-lock-mode',
  'x-amz-server-side-encryption-customer-algorithm',
];

/**
 * The headers of a PutObject or CreateMultipartUpload that the object gives back.
 * @throws S3Error MetadataTooLarge
 */
export function keptHeaders(exchange: Exchange): Record<string, string> {
  const kept: Record<string, string> = { 'content-type': 'application/octet-stream' };
  let metadata = 0;
  for (const [name, value] of exchange.request.headers) {
    if (KEPT.has(name)) kept[name] = value;
    if (!name.startsWith('x-amz-meta-')) continue;
    kept[name] = value;
    metadata += name.length - 'x-amz-meta-'.length + value.length;
  }
  if (metadata > MAX_METADATA) {
    throw s3Error('MetadataTooLarge', { Size: metadata, MaxSizeAllowed: MAX_METADATA });
  }
  if (kept['x-amz-storage-class'] === 'STANDARD') delete kept['x-amz-storage-class'];
  const encoding = contentEncoding(header(exchange, 'content-encoding'));
  return encoding === '' ? kept : { ...kept, 'content-encoding': encoding };
}

/** `aws-chunked` describes the request and is no property of the object. */
function contentEncoding(text = ''): string {
  return text
    .split(',')
    .map((encoding) => encoding.trim())
    .filter((encoding) => encoding !== '' && encoding !== 'aws-chunked')
    .join(',');
}

/** @throws S3Error NotImplemented for headers whose effect this server does not have: silence would be a lie */
export function refuseUnsupported(exchange: Exchange): void {
  const name = UNSUPPORTED.find((unsupported) => exchange.request.headers.has(unsupported));
  if (name !== undefined) throw s3Error('NotImplemented', { Header: name });
}

/**
 * Holds a PutObject or CreateMultipartUpload against the ownership of the bucket, which has ACLs off as new buckets have
 * (https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html), and against its policy.
 *
 * @param demanded headers that the policy demands, by name in lower case
 * @throws S3Error AccessControlListNotSupported, AccessDenied
 */
export function checkWriteHeaders(exchange: Exchange, demanded: Readonly<Record<string, string>>): void {
  const { headers } = exchange.request;
  const acl = headers.get('x-amz-acl') ?? FULL_CONTROL;
  const hasGrants = [...headers.keys()].some((name) => name.startsWith('x-amz-grant-'));
  if (acl !== FULL_CONTROL || hasGrants) throw s3Error('AccessControlListNotSupported');
  for (const [name, value] of Object.entries(demanded)) {
    if (headers.get(name) !== value) {
      throw s3Error('AccessDenied', {}, 'Access Denied with an explicit deny in a resource-based policy');
    }
  }
}

const FULL_CONTROL = 'bucket-owner-full-control';

/** @throws S3Error KeyTooLongError */
export function checkKey(key: string): void {
  const size = Buffer.byteLength(key);
  if (size > MAX_KEY) throw s3Error('KeyTooLongError', { Size: size, MaxSizeAllowed: MAX_KEY });
}
