import type { S3Client } from '@aws-sdk/client-s3';

/**
 * Names the account that is to own the bucket in every call of a client, so that S3 refuses with 403 a bucket of another
 * account: the name of a deleted bucket is free for any account to take.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html
 *
 * A presigned URL states it as well, in lower case, the only form in a query that S3 enforces
 * (https://github.com/aws/aws-sdk-go-v2/issues/2508).
 *
 * @param ownerOf gives the account id, 12 digits; undefined where it is unknown.
 */
export function expectOwner(client: S3Client, ownerOf: (bucket: string) => string | undefined): void {
  client.middlewareStack.add(
    (next) => (args) => {
      const { input } = args;
      const bucket = 'Bucket' in input ? input.Bucket : undefined;
      const owner = bucket === undefined ? undefined : ownerOf(bucket);
      return next(owner === undefined ? args : { ...args, input: { ...input, ExpectedBucketOwner: owner } });
    },
    { step: 'initialize', name: 'expectedBucketOwner' },
  );
}
