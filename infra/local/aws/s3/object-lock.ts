import { DAY_MS } from '../../../../lambda/shared/runtime/durations.ts';
import { s3Error } from './errors.ts';
import type { ObjectRecord } from './records.ts';
import { bucketOf, type DefaultRetention, type Exchange, type Operation, type Service } from './service.ts';
import { xmlDocument } from './xml.ts';

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectRetention.html */
export const getObjectRetention: Operation = (exchange, service) => {
  const { key } = exchange.request;
  const object = bucketOf(exchange, service).objects.get(key);
  if (object === undefined) throw s3Error('NoSuchKey', { Key: key });
  const { retention } = service;
  if (retention === undefined)
    throw s3Error('InvalidRequest', {}, 'Bucket is missing Object Lock Configuration');
  const xml = xmlDocument('Retention', {
    Mode: retention.mode,
    RetainUntilDate: new Date(retainedUntil(object, retention)).toISOString(),
  });
  return { status: 200, xml };
};

/**
 * Demands the checksum that Object Lock demands of each upload: a `Content-MD5` or `x-amz-checksum-…` header, or a trailer
 * (https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html).
 *
 * @throws S3Error InvalidRequest
 */
export function checkLockedWrite({ request: { headers } }: Exchange, { retention }: Service): void {
  if (retention === undefined || headers.has('content-md5') || headers.has('x-amz-trailer')) return;
  if ([...headers.keys()].some((name) => /^x-amz-checksum-(?:crc|sha)/.test(name))) return;
  const message =
    'Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters';
  throw s3Error('InvalidRequest', {}, message);
}

/**
 * Refuses to delete an object before its time. This server has no versions: a deletion is always that of the version, which S3
 * refuses, and never puts a marker over it, which S3 allows.
 *
 * @throws S3Error AccessDenied
 */
export function checkLockedDeletion(object: ObjectRecord | undefined, service: Service): void {
  const { retention } = service;
  if (object === undefined || retention === undefined) return;
  if (service.now() >= retainedUntil(object, retention)) return;
  throw s3Error('AccessDenied', {}, 'Access Denied because object protected by object lock.');
}

function retainedUntil({ lastModified }: ObjectRecord, { days }: DefaultRetention): number {
  return lastModified + days * DAY_MS;
}
