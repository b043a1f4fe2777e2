import type { S3Client } from '@aws-sdk/client-s3';

/** What makes an object with the request that states its headers; the parts of an upload take none of these. */
const CREATING = new Set(['PutObjectCommand', 'CreateMultipartUploadCommand']);

export interface WriteHeaders {
  /** ARN of the KMS key to encrypt by; undefined leaves it to the bucket. */
  readonly kmsKeyArn?: string | undefined;
  /**
   * For a bucket of another account: without it an object belongs to the account that wrote it, where the bucket has ACLs
   * on. Where it has none, S3 accepts this ACL and no other.
   * https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html
   */
  readonly acl?: 'bucket-owner-full-control' | undefined;
}

/**
 * Makes a client state them with each object, as some bucket policies demand it, whatever the bucket's default is
 * (https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html#require-sse-kms).
 */
export function addWriteHeaders(client: S3Client, { kmsKeyArn, acl }: WriteHeaders): void {
  const added = {
    ...(kmsKeyArn !== undefined && { ServerSideEncryption: 'aws:kms' as const, SSEKMSKeyId: kmsKeyArn }),
    ...(acl !== undefined && { ACL: acl }),
  };
  client.middlewareStack.add(
    (next, { commandName = '' }) =>
      (args) =>
        next(CREATING.has(commandName) ? { ...args, input: { ...args.input, ...added } } : args),
    { step: 'initialize', name: 'writeHeaders' },
  );
}
