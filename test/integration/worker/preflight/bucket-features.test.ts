import { ListObjectsV2Command, PutObjectCommand, UploadPartCommand } from '@aws-sdk/client-s3';
import { describe, expect, it, onTestFinished } from 'vitest';
import { accessDenied } from '../../../../infra/local/aws/s3/faults.ts';
import type { S3Options } from '../../../../infra/local/aws/s3/server.ts';
import type { PreflightReport } from '../../../../lambda/shared/runtime/preflight.ts';
import { createBucketClient } from '../../../../lambda/worker/copy/s3-client.ts';
import { runPreflight } from '../../../../lambda/worker/preflight/preflight.ts';
import { BUCKET, failure, KEYS, type TestS3, testS3 } from '../../local/aws/s3/fixture.ts';

async function bucketWith(options: Partial<S3Options>): Promise<TestS3> {
  const s3 = await testS3({ partChecksums: 'always', ...options });
  onTestFinished(() => s3[Symbol.asyncDispose]());
  return s3;
}

async function preflight(s3: TestS3): Promise<PreflightReport> {
  const client = createBucketClient({
    aws: { region: 'us-east-1', endpoint: s3.server.origin, credentials: KEYS },
  });
  onTestFinished(() => client.destroy());
  return await runPreflight({
    ...{ client, bucket: BUCKET, now: Date.now, events: { publish: async () => undefined } },
    retry: { attempts: 1, firstMs: 1, maxMs: 1 },
  });
}

function checkOf({ checks }: PreflightReport, name: string) {
  return checks.find((check) => check.name === name);
}

describe('a preflight of a bucket with Object Lock', () => {
  it('passes all that a recovery needs, and says until when objects stay', async () => {
    const s3 = await bucketWith({ retention: { mode: 'COMPLIANCE', days: 30 } });
    const report = await preflight(s3);
    expect(report.ok).toBe(true);
    expect(report.checks.filter(({ outcome }) => outcome !== 'passed').map(({ name }) => name)).toEqual([
      'retention',
      'remove',
    ]);
    expect(checkOf(report, 'retention')).toMatchObject({
      errorClass: 'ObjectsRetained',
      message: expect.stringMatching(/Object Lock \(COMPLIANCE, a new one until \d{4}-.*recoveries work/),
    });
    const { Contents = [] } = await s3.client.send(new ListObjectsV2Command({ Bucket: BUCKET }));
    expect(report.leftBehind).toEqual(Contents.map(({ Key }) => Key));
  });

  it('passes its check where there is none', async () => {
    expect(checkOf(await preflight(await bucketWith({})), 'retention')?.outcome).toBe('passed');
  });

  it('names the permission without which it is not known', async () => {
    const s3 = await bucketWith({
      faults: ({ operation }) =>
        operation === 'GetObjectRetention' ? accessDenied('s3:GetObjectRetention', BUCKET) : undefined,
    });
    const report = await preflight(s3);
    expect(report.ok).toBe(true);
    expect(checkOf(report, 'retention')?.message).toContain('grant the worker role s3:GetObjectRetention');
  });
});

describe('Object Lock of the local S3', () => {
  it('takes no object and no part without a checksum', async () => {
    const s3 = await bucketWith({ retention: { mode: 'GOVERNANCE', days: 1 } });
    const client = s3.makeClient({ requestChecksumCalculation: 'WHEN_REQUIRED' });
    const at = { Bucket: BUCKET, Key: 'x', Body: 'x' };
    await expect(client.send(new PutObjectCommand(at))).rejects.toEqual(failure('InvalidRequest', 400));
    await expect(client.send(new UploadPartCommand({ ...at, UploadId: 'u', PartNumber: 1 }))).rejects.toEqual(
      failure('InvalidRequest', 400),
    );
    await expect(s3.client.send(new PutObjectCommand(at))).resolves.toMatchObject({
      ETag: expect.any(String),
    });
  });
});

describe('a preflight of a Requester Pays bucket', () => {
  it('says so in place of a missing permission', async () => {
    const report = await preflight(await bucketWith({ requesterPays: true }));
    expect(report.ok).toBe(false);
    for (const name of ['create', 'upload']) {
      expect(checkOf(report, name)).toMatchObject({
        errorClass: 'RequesterPays',
        message: expect.stringContaining('turn Requester Pays off'),
      });
    }
  });

  it('is told from a bucket that denies every call', async () => {
    const s3 = await bucketWith({ faults: () => accessDenied('s3:PutObject', BUCKET) });
    expect(checkOf(await preflight(s3), 'create')).toMatchObject({ errorClass: 'DestinationDenied' });
  });
});
