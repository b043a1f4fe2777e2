import { PutObjectCommand, S3Client, S3ServiceException } from '@aws-sdk/client-s3';
import type { StreamSource } from '../source.ts';
import { fromStatus, PrimaryUploadFailed } from './failure.ts';

/** An S3 and who Zencoder is to it. */
export interface S3Account {
  /** E.g. `http://127.0.0.1:4567`. */
  readonly origin: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** A failed upload is what the stand-in is for; the SDK would warn about each on the console. */
const SILENT = { debug() {}, info() {}, warn() {}, error() {} };

/**
 * A client that tries once, because what Zencoder makes of a failure is decided by its caller.
 *
 * @param now epoch milliseconds, which may differ from the machine's time: requests are signed with it
 */
export function s3Client(account: S3Account, now: number): S3Client {
  return new S3Client({
    systemClockOffset: now - Date.now(),
    endpoint: account.origin,
    region: 'us-east-1',
    forcePathStyle: true,
    maxAttempts: 1,
    logger: SILENT,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    credentials: { accessKeyId: account.accessKeyId, secretAccessKey: account.secretAccessKey },
  });
}

/**
 * Uploads to `s3://bucket/key` or `s3+region://bucket/key` with the access list that Zencoder asks for by default.
 *
 * @returns the form in which notifications name such a file.
 */
export async function putByS3(
  url: URL,
  file: StreamSource,
  account: S3Account,
  now: number,
  signal: AbortSignal,
): Promise<string> {
  const bucket = url.hostname;
  const client = s3Client(account, now);
  try {
    await client.send(
      new PutObjectCommand({
        Bucket: bucket,
        Key: decodeURIComponent(url.pathname.slice(1)),
        Body: file.open(),
        ContentLength: file.size,
        ACL: 'bucket-owner-full-control',
      }),
      { abortSignal: signal },
    );
  } catch (fault) {
    if (fault instanceof S3ServiceException) throw fromS3Answer(fault, bucket, url);
    throw fault;
  } finally {
    client.destroy();
  }
  return `http://${bucket}.s3.amazonaws.com${url.pathname}`;
}

function fromS3Answer(fault: S3ServiceException, bucket: string, url: URL): PrimaryUploadFailed {
  switch (fault.name) {
    case 'NoSuchBucket':
      return new PrimaryUploadFailed('S3BucketNotFoundError', `No bucket named ${bucket} was found on S3.`, {
        cause: fault,
      });
    case 'InvalidAccessKeyId':
      return new PrimaryUploadFailed(
        'InvalidAccessKeyIdError',
        'No access key matching the one provided was found on S3.',
        { cause: fault },
      );
    default:
      return fromStatus(fault.$metadata.httpStatusCode ?? 500, fault.name, url);
  }
}
