import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { PurgeQueueCommand } from '@aws-sdk/client-sqs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  accessDenied,
  type FaultHook,
  kmsAccessDenied,
  permanentRedirect,
  slowDown,
} from '../../../infra/local/aws/s3/faults.ts';
import type { RecoveryRecord } from '../../../lambda/shared/ledger/records.ts';
import type { OutputMessage } from '../../../lambda/shared/queue/messages.ts';
import { parseStorageAllowList } from '../../../lambda/shared/zencoder/storage.ts';
import { createCopyEngine } from '../../../lambda/worker/copy/engine.ts';
import { IMPATIENT, SOON_STALLED } from '../../support/copying.ts';
import { type SourceFault, type SourceServer, startSource } from '../../support/source-server.ts';
import { BUCKET, startWorker, type TestWorker } from '../../support/worker.ts';

/** What each fault of source and destination comes to in the ledger, after one delivery of the message. */

const MiB = 2 ** 20;
const SMALL = 1_000;
const LARGE = 12 * MiB;

let worker: TestWorker;
let source: SourceServer;
let lastJob = 800_000;

beforeAll(async () => {
  worker = await startWorker();
});
afterAll(() => worker?.close());
afterEach(async () => {
  worker.s3.setFaults(undefined);
  // What a test leaves to be tried again must not come up in the next.
  await worker.messaging.sqs.send(new PurgeQueueCommand({ QueueUrl: worker.queueUrl }));
  await source.close();
});

type Operation = Parameters<FaultHook>[0]['operation'];

interface Given {
  readonly size?: number;
  readonly fault?: (count: number) => SourceFault | undefined;
  readonly announced?: { readonly size?: number; readonly md5?: string };
}

/** A message for a file on a source that misbehaves as told. */
async function messageFor({ size = SMALL, fault, announced = {} }: Given = {}): Promise<OutputMessage> {
  lastJob += 1;
  source = await startSource({ file: { size, etag: '"made-up"' }, fault: ({ count }) => fault?.(count) });
  worker.use({
    storage: parseStorageAllowList(source.origin),
    api: null,
    engine: createCopyEngine({
      ...{ client: worker.client, bucket: BUCKET, bufferBytes: 32 * MiB, partBytes: 5 * MiB },
      ...{ segmentBytes: 1024 * MiB, ...IMPATIENT, ...SOON_STALLED, clock: worker.now },
    }),
  });
  return {
    type: 'output',
    version: 1,
    job: { id: String(lastJob), passThrough: null, test: false },
    output: { id: '1', label: null, type: 'standard' },
    failures: [],
    files: [
      {
        role: 'media',
        url: `${source.origin}/o/${lastJob}/web.mp4?Signature=c2VjcmV0`,
        deadline: worker.now() + 86_400_000,
        filename: 'web.mp4',
        thumbnailLabel: null,
        size: announced.size ?? null,
        md5: announced.md5 ?? null,
      },
    ],
    failedAt: worker.now(),
    origin: 'notification',
  };
}

async function recordOf({ job }: OutputMessage): Promise<RecoveryRecord | undefined> {
  const { recoveries } = await worker.job(job.id);
  expect(JSON.stringify(recoveries)).not.toContain('c2VjcmV0');
  return recoveries[0];
}

const always = (fault: SourceFault) => () => fault;

describe('a fault of the source', () => {
  it.each<[string, Given, string]>([
    ['connections that are always reset', { fault: always({ cutAfterBytes: 10 }) }, 'SourceUnavailable'],
    ['500 for ever', { fault: always({ status: 500 }) }, 'SourceUnavailable'],
    ['a slow trickle', { fault: always({ trickleBytes: 20 }), size: LARGE }, 'SourceStalled'],
    ['200 in place of 206', { fault: always('whole'), size: LARGE }, 'UnexpectedSourceResponse'],
    [
      'a wrong Content-Range',
      { fault: always({ headers: { 'content-range': 'bytes 5-9/1000' } }) },
      'UnexpectedSourceResponse',
    ],
    ['compression in transit', { fault: always('gzip') }, 'UnexpectedSourceResponse'],
    ['a redirect that may pass', { fault: always({ status: 307 }) }, 'SourceRedirected'],
    ['a size other than announced', { announced: { size: 999 } }, 'SizeMismatch'],
    ['an MD5 other than announced', { announced: { md5: '0'.repeat(32) } }, 'Md5Mismatch'],
  ])(
    '%s leaves the recovery pending, with the error and the time of the next attempt',
    async (_, given, errorClass) => {
      const message = await messageFor(given);

      const { isDone } = await worker.deliver(message);

      expect(isDone).toBe(false);
      const record = await recordOf(message);
      expect(record).toMatchObject({
        state: 'pending',
        attempts: 1,
        lastError: { errorClass, category: 'transient' },
      });
      expect(record?.nextAttemptAt).toBeGreaterThan(worker.now());
    },
  );

  it.each<[string, SourceFault, string]>([
    [
      '403 with an expiry text',
      { status: 403, body: '<Code>AccessDenied</Code><Message>Request has expired</Message>' },
      'SourceOutOfReach',
    ],
    ['403 without', { status: 403 }, 'SourceOutOfReach'],
    ['400', { status: 400, body: '<Error><Code>InvalidURI</Code></Error>' }, 'SourceOutOfReach'],
    ['a redirect for good', { status: 301 }, 'SourceOutOfReach'],
  ])('%s means lost, at once and with the reason', async (_, fault, errorClass) => {
    const message = await messageFor({ fault: always(fault) });

    const { isDone } = await worker.deliver(message);

    expect(isDone).toBe(true);
    expect(await recordOf(message)).toMatchObject({ state: 'lost', attempts: 1, lastError: { errorClass } });
  });

  it.each<[string, Given, number]>([
    [
      'one connection cut in mid-part',
      { fault: (count) => (count === 2 ? { cutAfterBytes: MiB } : undefined), size: LARGE },
      LARGE,
    ],
    [
      'one 503',
      { fault: (count) => (count === 1 ? { status: 503, headers: { 'retry-after': '0' } } : undefined) },
      SMALL,
    ],
    ['no Content-Length', { fault: always('chunked') }, SMALL],
    ['a file of no bytes', { size: 0 }, 0],
  ])('%s does not keep the file from being recovered in the same attempt', async (_, given, size) => {
    const message = await messageFor(given);

    await worker.deliver(message);

    expect(await recordOf(message)).toMatchObject({ state: 'recovered', attempts: 1, size });
  });

  it('that asks for a long wait is waited for', async () => {
    const message = await messageFor({ fault: always({ status: 503, headers: { 'retry-after': '600' } }) });

    await worker.deliver(message);

    const { nextAttemptAt = 0 } = (await recordOf(message)) ?? {};
    expect(nextAttemptAt - worker.now()).toBeGreaterThan(590_000);
  });

  it('that changes the file in mid-copy gives the new file, never a mixture', async () => {
    const message = await messageFor({
      size: LARGE,
      fault: (count) => {
        if (count === 2) source.setFile({ size: LARGE - MiB, etag: '"other"' });
        return undefined;
      },
    });

    await worker.deliver(message);

    expect(await recordOf(message)).toMatchObject({ state: 'recovered', attempts: 1, size: LARGE - MiB });
  });

  it('that makes a copy too slow for its deadline is said while there is still time', async () => {
    const given = await messageFor({
      // Six parts, two at a time: the fourth comes forty seconds late, and two more are still to come, whatever their order.
      size: 27 * MiB,
      fault: (count) => {
        if (count === 4) worker.advance(40_000);
        return undefined;
      },
    });
    worker.use({
      engine: createCopyEngine({
        ...{ client: worker.client, bucket: BUCKET, bufferBytes: 10 * MiB, partBytes: 5 * MiB },
        ...{ segmentBytes: 1024 * MiB, ...IMPATIENT, clock: worker.now },
      }),
    });
    const deadline = worker.now() + 41_000;

    await worker.deliver({ ...given, files: given.files.map((file) => ({ ...file, deadline })) });

    expect(worker.metrics()).toContainEqual({ metric: 'atRiskRecoveries', value: 1, by: 'TooSlow' });
    expect(await recordOf(given)).toMatchObject({ state: 'recovered' });
  });

  it('that sends a whole small file in place of a range is recovered from, and the record says so', async () => {
    const message = await messageFor({ fault: always('whole') });

    await worker.deliver(message);

    expect(await recordOf(message)).toMatchObject({
      state: 'recovered',
      attempts: 1,
      size: SMALL,
      warnings: [expect.stringContaining('whole file')],
    });
  });

  it('that never sends a range of a large file ends as lost at the deadline, and the record says why', async () => {
    const message = await messageFor({ fault: always('whole'), size: LARGE });

    let delivered = await worker.deliver(message);
    while (!delivered.isDone) {
      worker.advance(8 * 3_600_000);
      delivered = await worker.redeliver(delivered);
    }

    expect(await recordOf(message)).toMatchObject({
      state: 'lost',
      lastError: {
        errorClass: 'DeadlinePassed',
        message: expect.stringMatching(
          /UnexpectedSourceResponse: the source answered 200 to a request for a range/,
        ),
      },
    });
  });

  it.each<[string, Given, string]>([
    ['another MD5', { announced: { md5: '0'.repeat(32) } }, 'MD5'],
    ['no bytes where 70,000 were announced', { size: 0, announced: { size: 70_000 } }, 'has 0 bytes'],
    [
      'less than 60 TB, which no object can have',
      { announced: { size: 60_000_000_000_000 } },
      'announced 60000000000000',
    ],
    [
      'less than 2^53 - 1 bytes',
      { size: LARGE, announced: { size: Number.MAX_SAFE_INTEGER } },
      'announced 9007199254740991',
    ],
  ])('of a file with %s ends with the file kept, and a warning', async (_, given, warning) => {
    const message = await messageFor(given);

    let delivered = await worker.deliver(message);
    while (!delivered.isDone) {
      worker.advance(15 * 60_000);
      delivered = await worker.redeliver(delivered);
    }

    expect(await recordOf(message)).toMatchObject({
      state: 'recovered',
      attempts: 3,
      verifiedBy: ['crc32'],
      warnings: [expect.stringContaining(warning)],
    });
  });
});

describe('a fault of the destination', () => {
  const onWrites =
    (fault: ReturnType<FaultHook>): FaultHook =>
    ({ operation }) =>
      operation === 'PutObject' ? fault : undefined;

  it.each<[string, ReturnType<FaultHook>, string, string, RegExp]>([
    ['SlowDown for ever', slowDown(), 'DestinationBusy', 'transient', /SlowDown|503/],
    [
      'access denied',
      accessDenied('s3:PutObject', 'arn:aws:s3:::acme'),
      'DestinationDenied',
      'action-required',
      /s3:PutObject/,
    ],
    [
      'a KMS key that may not be used',
      kmsAccessDenied(),
      'DestinationKeyDenied',
      'action-required',
      /KMS|key/i,
    ],
    [
      'no such bucket',
      { status: 404, code: 'NoSuchBucket' },
      'DestinationBucketMissing',
      'action-required',
      /acme-recovered/,
    ],
    [
      'a bucket in another region',
      permanentRedirect(BUCKET, 'eu-central-1'),
      'DestinationWrongRegion',
      'action-required',
      /eu-central-1/,
    ],
  ])(
    '%s leaves the recovery pending and says what to change',
    async (_, fault, errorClass, category, message) => {
      const given = await messageFor();
      worker.s3.setFaults(onWrites(fault));

      const { isDone } = await worker.deliver(given);

      expect(isDone).toBe(false);
      const record = await recordOf(given);
      expect(record).toMatchObject({ state: 'pending', lastError: { errorClass, category } });
      expect(record?.lastError?.message).toMatch(message);
    },
  );

  it.each<[string, number, Operation, Exclude<ReturnType<FaultHook>, undefined>]>([
    ['a reset in mid-PUT', SMALL, 'PutObject', { cutAfterBytes: 100 }],
    [
      'an InvalidPart at the completion',
      LARGE,
      'CompleteMultipartUpload',
      { status: 400, code: 'InvalidPart' },
    ],
    [
      'a 409 at the completion',
      LARGE,
      'CompleteMultipartUpload',
      { status: 409, code: 'ConditionalRequestConflict' },
    ],
  ])('%s does not keep the file from being recovered', async (_, size, operation, fault) => {
    const given = await messageFor({ size });
    let struck = false;
    worker.s3.setFaults((request) => {
      if (struck || request.operation !== operation) return undefined;
      struck = true;
      return fault;
    });

    let delivered = await worker.deliver(given);
    if (!delivered.isDone) delivered = await worker.redeliver(delivered);

    expect(await recordOf(given)).toMatchObject({ state: 'recovered', size });
  });

  it('that is an object of the customer at the key is a conflict, and the object stays as it was', async () => {
    const given = await messageFor();
    const Key = `zencoder-recovery/${given.job.id}/1/media/web.mp4`;
    await worker.client.send(new PutObjectCommand({ Bucket: BUCKET, Key, Body: 'theirs' }));

    const { isDone } = await worker.deliver(given);

    expect(isDone).toBe(true);
    expect(await recordOf(given)).toMatchObject({
      state: 'failed',
      key: Key,
      lastError: { errorClass: 'DestinationConflict', category: 'conflict' },
    });
    const object = await worker.client.send(new GetObjectCommand({ Bucket: BUCKET, Key }));
    expect(await object.Body?.transformToString()).toBe('theirs');
    expect(worker.metrics()).toContainEqual({ metric: 'failedFiles', value: 1, by: 'DestinationConflict' });
  });
});
