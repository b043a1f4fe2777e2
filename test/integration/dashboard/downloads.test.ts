import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { describe, expect, it, onTestFinished } from 'vitest';
import { accessDenied } from '../../../infra/local/aws/s3/faults.ts';
import { createDownloads } from '../../../lambda/dashboard/actions.ts';
import { checkDownload } from '../../../lambda/dashboard/preflight.ts';
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

describe('checkDownload', () => {
  it('passes for an object that the role may read, and fails with the words of S3 for any other', async () => {
    let denied = false;
    await using s3 = await testS3({
      faults: () => (denied ? accessDenied('s3:GetObject', `arn:aws:s3:::${BUCKET}/probe`) : undefined),
    });
    await s3.client.send(new PutObjectCommand({ Bucket: BUCKET, Key: 'probe', Body: 'probe' }));
    const downloads = createDownloads(s3.client, new Set([BUCKET]));
    const check = () => checkDownload(downloads, { bucket: BUCKET, key: 'probe' });

    expect(await check()).toMatchObject({ name: 'download', outcome: 'passed', message: null });
    denied = true;
    expect(await check()).toMatchObject({
      outcome: 'failed',
      needed: true,
      errorClass: 'DownloadRefused',
      message: expect.stringMatching(
        /returned 403 AccessDenied .* DashboardRoleArn s3:GetObject .* kms:Decrypt/,
      ),
      answer: expect.stringContaining('s3:GetObject'),
    });
    await s3.server.close();
    expect(await check()).toMatchObject({ outcome: 'failed', errorClass: 'DownloadFailed' });
  });
});
