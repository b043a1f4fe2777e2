import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateMultipartUploadCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type S3Server, startS3 } from '../../../../infra/local/aws/s3/server.ts';
import { type DemoOutcome, verify } from '../../../../infra/local/demo/verify.ts';
import { s3Client } from '../../../../infra/local/zencoder/uploads.ts';
import type { RecoveryRecord } from '../../../../lambda/shared/ledger/records.ts';

const BUCKET = 'recovered';
const CONTENT = 'what Zencoder uploaded';
const KEY = 'zencoder-recovery/1/2/media/a.mp4';
const IDENTITY = { jobId: '1', outputId: '2', role: 'media', fileId: '00ff' } as const;

let directory: string;
let server: S3Server;
let s3: S3Client;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'verify-test-'));
  server = await startS3({ dir: directory, buckets: [BUCKET] });
  s3 = s3Client({ origin: server.origin, accessKeyId: 'demo', secretAccessKey: 'demo' }, Date.now());
  await put(KEY, CONTENT);
});

afterEach(async () => {
  s3.destroy();
  await server.close();
  await rm(directory, { recursive: true, force: true });
});

test('verify passes when the bucket and the ledger hold exactly what is expected', async () => {
  expect(await findErrors(outcome())).toEqual([]);
});

test('verify reports an object that differs in a byte', async () => {
  await put(KEY, `${CONTENT}!`);

  expect(await findErrors(outcome())).toEqual([
    expect.stringContaining('differs from what Zencoder uploaded'),
  ]);
});

test('verify reports an unexpected object', async () => {
  await put('unexpected.mp4', 'x');

  expect(await findErrors(outcome())).toEqual([expect.stringContaining('unexpected.mp4')]);
});

test('verify reports an unfinished multipart upload once it holds a part', async () => {
  const its = { Bucket: BUCKET, Key: 'half.mp4' };
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand(its));

  expect(await findErrors(outcome())).toEqual([]);

  await s3.send(new UploadPartCommand({ ...its, UploadId, PartNumber: 1, Body: 'half' }));

  expect(await findErrors(outcome())).toEqual([expect.stringContaining('half.mp4')]);
});

test('verify reports a file that is missing in the ledger or in another state', async () => {
  const unknown = outcome({ ledger: new Map() });
  const failed = outcome({ ledger: ledger({ ...RECOVERED, state: 'failed' }) });

  expect((await findErrors(unknown)).join()).toContain('is unknown');
  expect((await findErrors(failed)).join()).toContain('is failed');
});

test('verify reports a recovery without a backup file', async () => {
  const twice = ledger(RECOVERED, { ...RECOVERED, fileId: 'ffff' });

  expect(await findErrors(outcome({ ledger: twice }))).toEqual(['job 1 has 2 recoveries instead of 1']);
});

test('verify reports a missing or duplicate primary failure', async () => {
  const wrong = outcome({ failures: [failure('UploadTimeoutError')] });

  expect(await findErrors(wrong)).toEqual([
    expect.stringMatching(/^missing: .*UploadAccessDeniedError$/),
    expect.stringMatching(/^too many: .*UploadTimeoutError$/),
  ]);
});

test('verify reports a notification that was not accepted', async () => {
  const attempts = [{ at: 0, status: 500, error: null }];
  const delivery = { kind: 'job', jobId: 1, outputId: null, url: '', attempts, state: 'abandoned' } as const;

  expect(await findErrors(outcome({ deliveries: [delivery] }))).toEqual([
    'a notification of job 1 is abandoned after the responses 500',
  ]);
});

const RECOVERED: RecoveryRecord = {
  ...IDENTITY,
  label: null,
  outputType: null,
  passThrough: null,
  test: false,
  filename: 'a.mp4',
  thumbnailLabel: null,
  source: 'example/a.mp4',
  state: 'recovered',
  deadline: 0,
  expectedSize: null,
  expectedMd5: null,
  failedAt: 0,
  createdAt: 0,
  updatedAt: 0,
  attempts: 1,
  history: [],
  bucket: BUCKET,
  key: KEY,
};

function outcome(changes: Partial<DemoOutcome> = {}): DemoOutcome {
  const sha256 = createHash('sha256').update(CONTENT).digest('hex');
  return {
    expectations: [
      {
        jobId: '1',
        files: [{ ...IDENTITY, name: 'a.mp4', outcome: 'recovered', size: CONTENT.length, sha256 }],
        failures: [{ ...IDENTITY, errorClass: 'UploadAccessDeniedError' }],
        onPrimary: 0,
        delivered: Promise.resolve(),
      },
    ],
    ledger: ledger(RECOVERED),
    failures: [failure('UploadAccessDeniedError')],
    deliveries: [],
    ...changes,
  };
}

function ledger(...recoveries: RecoveryRecord[]) {
  return new Map([['1', { failures: [], recoveries }]]);
}

function failure(errorClass: string) {
  const { jobId, outputId, role } = IDENTITY;
  const about = { label: null, outputType: null, passThrough: null, test: false };
  const details = { message: null, link: null, destinationHost: null };
  return { jobId, outputId, role, errorClass, ...about, ...details, failedAt: 0, recordedAt: 0 };
}

async function findErrors(given: DemoOutcome): Promise<string[]> {
  const checks = await verify(s3, BUCKET, given);
  return checks.flatMap((check) => check.errors);
}

async function put(key: string, content: string): Promise<void> {
  await s3.send(new PutObjectCommand({ Bucket: BUCKET, Key: key, Body: content }));
}
