import {
  GetObjectRetentionCommand,
  HeadObjectCommand,
  type ObjectLockRetention,
  type S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3';
import { RecoveryError } from '../../shared/runtime/errors.ts';
import { DestinationDenied } from '../copy/errors.ts';

/** The sender of a request to the bucket pays for it, and has to agree to. */
class RequesterPays extends RecoveryError {
  override readonly name = 'RequesterPays';
  override readonly category = 'action-required';
}

/** The bucket keeps every object for a time, whatever a role may do. */
class ObjectsRetained extends RecoveryError {
  override readonly name = 'ObjectsRetained';
  override readonly category = 'action-required';
}

/**
 * Tells a Requester Pays bucket, which returns 403 to a request without `x-amz-request-payer`, from a missing permission:
 * a look at a free key is refused without the header, and not with it.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/ObjectsinRequesterPaysBuckets.html
 *
 * @returns what gives the error to report for the error of a check.
 */
export function detectRequesterPays(
  client: S3Client,
  bucket: string,
  freeKey: string,
): (error: unknown) => Promise<unknown> {
  const status = async (header: { RequestPayer?: 'requester' }): Promise<number> => {
    try {
      const input = { Bucket: bucket, Key: freeKey, ...header };
      return (await client.send(new HeadObjectCommand(input))).$metadata.httpStatusCode ?? 0;
    } catch (error) {
      return error instanceof S3ServiceException ? (error.$metadata.httpStatusCode ?? 0) : 0;
    }
  };
  let requesterPays: Promise<boolean> | undefined;
  const detect = async () =>
    (await status({})) === 403 && [200, 404].includes(await status({ RequestPayer: 'requester' }));
  return async (error) => {
    if (!(error instanceof DestinationDenied)) return error;
    requesterPays ??= detect();
    if (!(await requesterPays)) return error;
    return new RequesterPays(
      `bucket ${bucket} is a Requester Pays bucket, and recoveries do not agree to pay: turn Requester Pays off ` +
        '(aws s3api put-bucket-request-payment), or configure another bucket',
      { cause: error.cause },
    );
  };
}

/** Codes of a bucket without Object Lock, of an object without retention, and of a store that has neither. */
const NO_RETENTION = new Set([
  'InvalidRequest',
  'MethodNotAllowed',
  'NoSuchObjectLockConfiguration',
  'NotImplemented',
  'ObjectLockConfigurationNotFoundError',
]);

/**
 * Looks for a default retention by Object Lock at an object that was just put. Recoveries work with one: their CRC32 is the
 * checksum that S3 demands then (https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html). But no file, and no
 * probe object, can be removed before its time.
 *
 * @throws {ObjectsRetained}
 * @throws {DestinationDenied} when the role may not look.
 */
export async function requireNoRetention(client: S3Client, bucket: string, key: string): Promise<void> {
  const retention = await retentionOf(client, bucket, key);
  if (retention?.Mode === undefined) return;
  const { Mode, RetainUntilDate } = retention;
  throw new ObjectsRetained(
    `bucket ${bucket} keeps each object by Object Lock (${Mode}, a new one until ` +
      `${RetainUntilDate?.toISOString() ?? 'an unknown time'}): recoveries work, and what is recovered or left by a ` +
      'preflight cannot be deleted before',
  );
}

async function retentionOf(
  client: S3Client,
  bucket: string,
  key: string,
): Promise<ObjectLockRetention | undefined> {
  try {
    return (await client.send(new GetObjectRetentionCommand({ Bucket: bucket, Key: key }))).Retention;
  } catch (cause) {
    if (!(cause instanceof S3ServiceException)) throw cause;
    if (NO_RETENTION.has(cause.name)) return undefined;
    throw new DestinationDenied(
      `whether bucket ${bucket} keeps objects by Object Lock is not known: grant the worker role ` +
        's3:GetObjectRetention on the probe objects',
      { cause },
    );
  }
}
