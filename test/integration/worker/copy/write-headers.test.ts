import { HeadObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Bucket } from '../../../../lambda/worker/copy/bucket.ts';
import { crc32Of } from '../../../../lambda/worker/copy/checksums.ts';
import { createBucketClient } from '../../../../lambda/worker/copy/s3-client.ts';
import { addWriteHeaders, type WriteHeaders } from '../../../../lambda/worker/copy/write-headers.ts';
import { BUCKET, failure, KEYS, type TestS3, testS3 } from '../../local/aws/s3/fixture.ts';

const KEY = 'arn:aws:kms:us-east-1:111122223333:key/0a1b2c3d';
const BODY = Buffer.from('recovered');
const SSE = 'x-amz-server-side-encryption';
const DEMANDED = {
  [SSE]: 'aws:kms',
  [`${SSE}-aws-kms-key-id`]: KEY,
  'x-amz-acl': 'bucket-owner-full-control',
};
const retry = { policy: { attempts: 1, firstMs: 1, maxMs: 1 }, random: Math.random };

function bucketOf(s3: TestS3, headers: WriteHeaders): { bucket: Bucket; client: S3Client } {
  const client = createBucketClient({
    aws: { region: 'us-east-1', endpoint: s3.server.origin, credentials: KEYS },
  });
  onTestFinished(() => client.destroy());
  addWriteHeaders(client, headers);
  return { client, bucket: new Bucket(client, BUCKET, retry) };
}

const headOf = (key: string) => ({ key, contentType: 'text/plain', metadata: {} });

describe('addWriteHeaders', () => {
  it('satisfies a bucket policy that demands a KMS key and an ACL, for objects and uploads', async () => {
    await using s3 = await testS3({ demandedHeaders: DEMANDED });
    const { bucket, client } = bucketOf(s3, { kmsKeyArn: KEY, acl: 'bucket-owner-full-control' });
    await bucket.put(headOf('object'), BODY, crc32Of(BODY));
    const upload = { key: 'upload', uploadId: await bucket.createUpload(headOf('upload')) };
    const etag = await bucket.uploadPart(upload, 1, BODY, crc32Of(BODY));
    const part = { part: 1, bytes: BODY.length, etag, crc32: crc32Of(BODY) };
    await bucket.complete(upload, [part], part.crc32);
    for (const Key of ['object', 'upload']) {
      expect(await client.send(new HeadObjectCommand({ Bucket: BUCKET, Key }))).toMatchObject({
        ServerSideEncryption: 'aws:kms',
        SSEKMSKeyId: KEY,
      });
    }
  });

  it.each([
    ['a KMS key', { acl: 'bucket-owner-full-control' as const }],
    ['an ACL', { kmsKeyArn: KEY }],
  ])('leaves a demand for %s unsatisfied that is not configured', async (_, headers) => {
    await using s3 = await testS3({ demandedHeaders: DEMANDED });
    const { bucket } = bucketOf(s3, headers);
    await expect(bucket.put(headOf('object'), BODY, crc32Of(BODY))).rejects.toThrow('403 AccessDenied');
    await expect(bucket.createUpload(headOf('upload'))).rejects.toThrow('403 AccessDenied');
  });
});

describe('a bucket of the local S3 without ACLs', () => {
  it('accepts the ACL bucket-owner-full-control and no other', async () => {
    await using s3 = await testS3();
    const put = (acl: Partial<ConstructorParameters<typeof PutObjectCommand>[0]>) =>
      s3.client.send(new PutObjectCommand({ Bucket: BUCKET, Key: 'x', Body: 'x', ...acl }));
    await expect(put({ ACL: 'bucket-owner-full-control' })).resolves.toMatchObject({
      ETag: expect.any(String),
    });
    await expect(put({ ACL: 'public-read' })).rejects.toEqual(failure('AccessControlListNotSupported', 400));
    await expect(put({ GrantRead: 'id=abc' })).rejects.toEqual(failure('AccessControlListNotSupported', 400));
  });
});
