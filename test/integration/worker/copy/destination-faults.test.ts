import { PutObjectCommand, UploadPartCommand } from '@aws-sdk/client-s3';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  accessDenied,
  type ErrorFault,
  type Fault,
  type FaultHook,
  kmsAccessDenied,
  kmsDisabled,
  permanentRedirect,
  slowDown,
} from '../../../../infra/local/aws/s3/faults.ts';
import { endsPlan } from '../../../../lambda/worker/copy/errors.ts';
import { MiB } from '../../../../lambda/worker/copy/plan.ts';
import { createBucketClient } from '../../../../lambda/worker/copy/s3-client.ts';
import type { CopyJob } from '../../../../lambda/worker/copy/types.ts';
import { BUCKET, type Copying, copyWhole, KEY, startCopying } from '../../../support/copying.ts';
import { contentOf } from '../../../support/source-server.ts';

const LARGE = { size: 12 * MiB };
const SMALL = { size: 1000 };

type Operation = Parameters<FaultHook>[0]['operation'];

/** Strikes the first request of an operation. */
function once(operation: Operation, fault: Fault): FaultHook {
  return (request) => (request.operation === operation && request.count === 1 ? fault : undefined);
}

async function faultOf(copying: Copying, given: Partial<CopyJob> = {}): Promise<Error> {
  try {
    await copyWhole(copying.engine, copying.job(given));
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error('the copy succeeded');
}

async function planned(copying: Copying) {
  const job = copying.job();
  const started = await copying.engine.start(job);
  if (started.kind !== 'planned') throw new Error('expected a plan');
  return { job, plan: started.plan };
}

async function putForeignObject(copying: Copying, body = 'theirs'): Promise<void> {
  await copying.client.send(new PutObjectCommand({ Bucket: BUCKET, Key: KEY, Body: body }));
}

describe('an error of the bucket', () => {
  it.each<[string, typeof LARGE, Operation, Fault]>([
    ['SlowDown on a part', LARGE, 'UploadPart', slowDown()],
    ['SlowDown with Retry-After on a part', LARGE, 'UploadPart', slowDown({ 'retry-after': '0' })],
    ['a reset in mid-part', LARGE, 'UploadPart', { cutAfterBytes: MiB }],
    ['a part whose response is lost', LARGE, 'UploadPart', 'lost-response'],
    ['a part damaged on the way', LARGE, 'UploadPart', { status: 400, code: 'BadDigest' }],
    ['an InternalError on create', LARGE, 'CreateMultipartUpload', { status: 500, code: 'InternalError' }],
    [
      'an InternalError on complete',
      LARGE,
      'CompleteMultipartUpload',
      { status: 500, code: 'InternalError' },
    ],
    [
      'an error within the 200 of complete',
      LARGE,
      'CompleteMultipartUpload',
      { status: 200, code: 'InternalError' },
    ],
    ['a completion whose response is lost', LARGE, 'CompleteMultipartUpload', 'lost-response'],
    ['InvalidPart on complete', LARGE, 'CompleteMultipartUpload', { status: 400, code: 'InvalidPart' }],
    ['SlowDown on a small file', SMALL, 'PutObject', slowDown()],
    ['a put whose response is lost', SMALL, 'PutObject', 'lost-response'],
    ['a put while another is under way', SMALL, 'PutObject', { status: 409, code: 'OperationAborted' }],
  ])('is waited out: %s', async (_, file, operation, fault) => {
    const copying = await startCopying({ file, s3: { faults: once(operation, fault) } });

    await copyWhole(copying.engine, copying.job());

    expect((await copying.object()).body.equals(contentOf(file))).toBe(true);
    expect(await copying.openUploads()).toBe(0);
  });

  it.each<[string, Fault, string, string, RegExp]>([
    [
      'access denied',
      accessDenied('s3:PutObject', 'x'),
      'DestinationDenied',
      'action-required',
      /s3:PutObject/,
    ],
    ['a KMS key denied', kmsAccessDenied(), 'DestinationKeyDenied', 'action-required', /kms:GenerateDataKey/],
    [
      'a KMS key disabled',
      kmsDisabled(),
      'DestinationKeyDenied',
      'action-required',
      /KMS\.DisabledException/,
    ],
    [
      'a bucket in another region',
      permanentRedirect(BUCKET, 'eu-west-1'),
      'DestinationWrongRegion',
      'action-required',
      /is in eu-west-1, but the stack is in us-east-1: deploy the stack in eu-west-1/,
    ],
    [
      'a signature for another region',
      { status: 400, code: 'AuthorizationHeaderMalformed', details: { Region: 'eu-west-1' } },
      'DestinationWrongRegion',
      'action-required',
      /is in eu-west-1/,
    ],
    [
      'a refusal of another kind',
      { status: 400, code: 'InvalidStorageClass' },
      'DestinationRefused',
      'action-required',
      /InvalidStorageClass/,
    ],
    ['SlowDown for ever', slowDown(), 'DestinationBusy', 'transient', /SlowDown/],
    ['connections that are always reset', 'reset', 'DestinationBusy', 'transient', /connection/],
    ['no response at all', 'hang', 'DestinationBusy', 'transient', /TimeoutError/],
  ])('is reported by class, category and message: %s', async (_, fault, name, category, message) => {
    for (const file of [SMALL, LARGE]) {
      const copying = await startCopying({
        file,
        ...(fault === 'hang' ? { clientSilenceMs: 500 } : {}),
        s3: { faults: ({ operation }) => (/^(Put|UploadPart)/.test(operation) ? fault : undefined) },
      });

      const error = await faultOf(copying);

      expect(error).toMatchObject({ name, category });
      expect(error.message).toMatch(message);
      expect(error.message).not.toMatch(/arn:aws:sts|Signature/);
    }
  });

  it.each<[string, ErrorFault]>([
    ['has ended', { status: 400, code: 'ExpiredToken' }],
    ['is no token', { status: 400, code: 'InvalidToken' }],
    ['has an unknown key', { status: 403, code: 'InvalidAccessKeyId' }],
    ['was used too late', { status: 400, code: 'RequestExpired' }],
    ['signs with another secret', { status: 403, code: 'SignatureDoesNotMatch' }],
  ])('is not blamed on the bucket when the session of the function %s', async (_, fault) => {
    for (const file of [SMALL, LARGE]) {
      const copying = await startCopying({ file, s3: { faults: () => fault } });

      const first = await faultOf(copying, {});
      const later = await faultOf(copying, { mayExist: true });

      for (const error of [first, later]) {
        expect(error).toMatchObject({ name: 'CredentialsRefused', category: 'transient' });
        expect(error.message).toMatch(/^the function's own credentials were refused/);
      }
    }
  });

  it('is not blamed on the bucket when the function has no credentials at all', async () => {
    const copying = await startCopying({ file: SMALL });
    const none = {
      AWS_ACCESS_KEY_ID: '',
      AWS_CONFIG_FILE: '/dev/null',
      AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    };
    for (const [name, value] of Object.entries(none)) vi.stubEnv(name, value);
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
    onTestFinished(() => void vi.unstubAllEnvs());
    const client = createBucketClient({ aws: { region: 'us-east-1', endpoint: copying.s3.origin } });

    const error: unknown = await copyWhole(copying.anotherEngine({ client }), copying.job()).catch(
      (fault: unknown) => fault,
    );

    expect(error).toMatchObject({ name: 'CredentialsRefused', category: 'transient' });
  });

  it('names the region of the bucket when a HEAD was refused for it', async () => {
    const copying = await startCopying({
      file: SMALL,
      s3: {
        faults: () => ({ status: 400, code: 'BadRequest', headers: { 'x-amz-bucket-region': 'eu-west-1' } }),
      },
    });

    expect(await faultOf(copying, { mayExist: true })).toMatchObject({ name: 'DestinationWrongRegion' });
  });

  it('names a bucket that does not exist', async () => {
    const copying = await startCopying({ file: SMALL, engine: { bucket: 'no-such-bucket' } });

    expect(await faultOf(copying)).toMatchObject({
      name: 'DestinationBucketMissing',
      category: 'action-required',
      message: 'bucket no-such-bucket does not exist: create it, or configure another one',
    });
  });
});

describe('a key that holds an object', () => {
  it.each([SMALL, LARGE])('of the customer is never overwritten ($size bytes)', async (file) => {
    const copying = await startCopying({ file });
    await putForeignObject(copying);

    const error = await faultOf(copying);

    expect(error).toMatchObject({ name: 'DestinationConflict', category: 'conflict' });
    expect((await copying.object()).body.toString()).toBe('theirs');
    expect(await copying.openUploads()).toBe(0);
  });

  it.each([SMALL, LARGE])('made for another file is KeyHeldByAnotherFile ($size bytes)', async (file) => {
    const copying = await startCopying({ file });
    const theirs = { ...copying.job().metadata, 'zencoder-file': 'another' };
    await copying.client.send(
      new PutObjectCommand({ Bucket: BUCKET, Key: KEY, Body: 'theirs', Metadata: theirs }),
    );

    const error = await faultOf(copying);

    expect(error).toMatchObject({ name: 'KeyHeldByAnotherFile', category: 'conflict' });
    expect((await copying.object()).body.toString()).toBe('theirs');
    expect(await copying.openUploads()).toBe(0);
  });

  it('is found before a large file is copied, in one segment as well', async () => {
    const copying = await startCopying({ file: LARGE });
    await putForeignObject(copying);

    await expect(copying.engine.start(copying.job())).rejects.toMatchObject({ name: 'DestinationConflict' });
    expect(copying.source.requests).toHaveLength(1);
    expect(await copying.openUploads()).toBe(0);
  });

  it('of another file since the start has the upload aborted', async () => {
    const copying = await startCopying({ file: LARGE });
    const { job, plan } = await planned(copying);
    await copying.engine.copySegment(job, plan, 0);
    const theirs = { ...job.metadata, 'zencoder-output': '3' };
    await copying.client.send(
      new PutObjectCommand({ Bucket: BUCKET, Key: KEY, Body: 'theirs', Metadata: theirs }),
    );

    await expect(copying.engine.complete(job, plan)).rejects.toMatchObject({ name: 'KeyHeldByAnotherFile' });
    expect(await copying.openUploads()).toBe(0);
  });
});

describe('a job that may have been copied', () => {
  it.each([SMALL, LARGE])('of the same file and size is its copy ($size bytes)', async (file) => {
    const copying = await startCopying({ file });
    const first = await copyWhole(copying.engine, copying.job());

    const second = await copyWhole(copying.engine, copying.job());

    expect(second).toMatchObject({
      alreadyThere: true,
      size: file.size,
      crc32: first.crc32,
      etag: first.etag,
    });
    expect(await copying.openUploads()).toBe(0);
  });

  it('of the same file with another size is not its copy', async () => {
    const copying = await startCopying({ file: SMALL });
    await copyWhole(copying.engine, copying.job());
    copying.source.setFile({ size: 1001, etag: '"v2"' });

    expect(await faultOf(copying)).toMatchObject({ name: 'DestinationConflict' });
  });

  it('reads nothing from the source when the object is there', async () => {
    const copying = await startCopying({ file: LARGE });
    await copyWhole(copying.engine, copying.job());
    const requests = copying.source.requests.length;

    const again = await copying.engine.start(copying.job({ mayExist: true }));

    expect(again).toMatchObject({ kind: 'copied', result: { alreadyThere: true } });
    expect(copying.source.requests.length).toBe(requests);
  });
});

describe('CopyEngine.complete', () => {
  it('copies as usual when the role may not look', async () => {
    const copying = await startCopying({
      file: SMALL,
      s3: { faults: once('HeadObject', accessDenied('s3:GetObject', 'x')) },
    });

    const done = await copying.engine.start(copying.job({ mayExist: true }));

    expect(done).toMatchObject({ kind: 'copied', result: { alreadyThere: false } });
  });

  it('completes once when two attempts run at the same time', async () => {
    const copying = await startCopying({ file: LARGE });
    const { job, plan } = await planned(copying);
    await copying.engine.copySegment(job, plan, 0);

    const results = await Promise.all([
      copying.engine.complete(job, plan),
      copying.anotherEngine().complete(job, plan),
    ]);

    expect(results.map(({ kind }) => kind)).toEqual(['copied', 'copied']);
    expect((await copying.object()).body.equals(contentOf(LARGE))).toBe(true);
  });

  it('returns copied for an upload that is complete', async () => {
    const copying = await startCopying({ file: LARGE });
    const { job, plan } = await planned(copying);
    await copying.engine.copySegment(job, plan, 0);
    await copying.engine.complete(job, plan);

    const later = copying.anotherEngine();

    expect(await later.copySegment(job, plan, 0)).toEqual({ kind: 'done', bytesDone: LARGE.size });
    expect(await later.complete(job, plan)).toMatchObject({ kind: 'copied', result: { alreadyThere: true } });
  });

  it('throws UploadNotFound when the upload is gone', async () => {
    const copying = await startCopying({ file: LARGE });
    const { job, plan } = await planned(copying);
    await copying.anotherEngine().abandon(plan);

    const attempts = [
      () => copying.engine.copySegment(job, plan, 0),
      () => copying.engine.complete(job, plan),
    ];
    for (const attempt of attempts) {
      const error: unknown = await attempt().catch((fault: unknown) => fault);
      expect(error).toMatchObject({ name: 'UploadNotFound', category: 'transient' });
      expect(endsPlan(error)).toBe(true);
    }
  });

  it('does not complete with parts that are not the ones that were sent', async () => {
    const copying = await startCopying({
      file: LARGE,
      s3: {
        faults: ({ operation }) =>
          operation === 'CompleteMultipartUpload' ? { status: 400, code: 'BadDigest' } : undefined,
      },
    });

    const error = await faultOf(copying);

    expect(error).toMatchObject({ name: 'ChecksumMismatch', category: 'transient' });
    expect(await copying.exists()).toBe(false);
    expect(await copying.openUploads()).toBe(0);
  });

  it('does not complete with a part that another process has put in place of its own', async () => {
    const copying = await startCopying({ file: LARGE });
    const { job, plan } = await planned(copying);
    await copying.engine.copySegment(job, plan, 0);
    const part = { UploadId: plan.uploadId, PartNumber: 2, Body: Buffer.alloc(5 * MiB, 1) };
    await copying.client.send(
      new UploadPartCommand({ Bucket: BUCKET, Key: KEY, ...part, ChecksumAlgorithm: 'CRC32' }),
    );

    await expect(copying.engine.complete(job, plan)).rejects.toMatchObject({ name: 'ChecksumMismatch' });
    expect(await copying.exists()).toBe(false);
    expect(await copying.openUploads()).toBe(0);
  });
});
