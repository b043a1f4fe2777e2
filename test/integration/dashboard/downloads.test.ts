import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createDownloads } from '../../../lambda/dashboard/actions.ts';
import { expectOwner } from '../../../lambda/shared/runtime/bucket-owner.ts';
import { BUCKET, KEYS, testS3 } from '../local/aws/s3/fixture.ts';

describe('a link to a recovered object', () => {
  it.each([
    [200, 'of the account that is expected', '111122223333'],
    [403, 'of another account', '444455556666'],
  ])('leads to status %d at a bucket %s', async (status, _, expected) => {
    await using s3 = await testS3({ owner: '111122223333' });
    const Key = '1/ä b.mp4';
    await s3.client.send(new PutObjectCommand({ Bucket: BUCKET, Key, Body: 'recovered' }));
    const client = new S3Client({ endpoint: s3.server.origin, region: 'us-east-1', credentials: KEYS });
    onTestFinished(() => client.destroy());
    expectOwner(client, () => expected);

    const link = await createDownloads(client, new Set([BUCKET])).urlOf({
      bucket: BUCKET,
      key: Key,
      filename: 'ä b.mp4',
    });

    expect(new URL(link).searchParams.get('x-amz-expected-bucket-owner')).toBe(expected);
    expect((await fetch(link)).status).toBe(status);
  });
});
