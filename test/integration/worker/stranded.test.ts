import { PurgeQueueCommand } from '@aws-sdk/client-sqs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { accessDenied } from '../../../infra/local/aws/s3/faults.ts';
import type { RecoveryRecord } from '../../../lambda/shared/ledger/records.ts';
import type { OutputMessage } from '../../../lambda/shared/queue/messages.ts';
import { fileIdOf } from '../../../lambda/shared/zencoder/signed-url.ts';
import { parseStorageAllowList } from '../../../lambda/shared/zencoder/storage.ts';
import { createCopyEngine } from '../../../lambda/worker/copy/engine.ts';
import { IMPATIENT } from '../../support/copying.ts';
import { backupMessage } from '../../support/messages.ts';
import { type SourceServer, startSource } from '../../support/source-server.ts';
import { BUCKET, type Delivered, startWorker, type TestWorker } from '../../support/worker.ts';

/**
 * Crossings of faults in which a recovery could be left open with no message that wakes for it, or its bytes be thrown
 * away. All of them end with the file in the bucket, without a hand.
 */

const MiB = 2 ** 20;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** The queue's `maxReceiveCount`: a message delivered more often is a dead letter. */
const MAX_DELIVERIES = 340;

let worker: TestWorker;
let source: SourceServer;

beforeAll(async () => {
  worker = await startWorker();
});
afterAll(() => worker?.close());
beforeEach(async () => {
  source = await startSource({ file: { size: 22 * MiB, etag: '"made-up"' } });
  worker.use({
    storage: parseStorageAllowList(source.origin),
    api: null,
    engine: createCopyEngine({
      ...{ client: worker.client, bucket: BUCKET, bufferBytes: 32 * MiB, partBytes: 5 * MiB },
      ...{ segmentBytes: 10 * MiB, ...IMPATIENT, clock: worker.now },
    }),
  });
});
afterEach(async () => {
  worker.s3.setFaults(undefined);
  // What a test leaves to be tried again must not come up in the next.
  await worker.messaging.sqs.send(new PurgeQueueCommand({ QueueUrl: worker.queueUrl }));
  await source.close();
});

const message = (names: readonly string[]) =>
  backupMessage({ origin: source.origin, names, now: worker.now() });

/** Handles messages as the queue would bring them, time moved on to each, until all recoveries are settled. */
async function untilSettled(given: OutputMessage, first: Delivered): Promise<readonly RecoveryRecord[]> {
  const hidden = first.isDone ? [] : [first];
  for (let delivery = 0; delivery < 2 * MAX_DELIVERIES; delivery += 1) {
    const { recoveries } = await worker.job(given.job.id);
    if (recoveries.every(({ settledAt }) => settledAt !== undefined)) return recoveries;
    const delivered = await nextOf(hidden);
    if (!delivered.isDone) hidden.push(delivered);
  }
  throw new Error('the recovery never ended');
}

async function nextOf(hidden: Delivered[]): Promise<Delivered> {
  if ((await worker.depth()).visible > 0) return await worker.next();
  const back = hidden.shift();
  if (back === undefined) throw new Error('a recovery is open, and no message will wake for it');
  worker.advance(15 * MINUTE);
  return await worker.redeliver(back);
}

describe('a bucket that refuses for 20 hours', () => {
  it('costs the message of an output with many files no more deliveries than one with one file', {
    timeout: 120_000,
  }, async () => {
    const given = message(Array.from({ length: 4 }, (_, index) => `frame_${index}.png`));
    source.setFile({ size: 1_000 });
    worker.use({ random: Math.random });
    worker.s3.setFaults(({ operation }) =>
      operation === 'PutObject' ? accessDenied('s3:PutObject', 'arn:aws:s3:::acme') : undefined,
    );
    const began = worker.now();
    let deliveries = 1;
    let delivered = await worker.deliver(given);
    while (!delivered.isDone) {
      const { recoveries } = await worker.job(given.job.id);
      const due = Math.min(...recoveries.flatMap(({ nextAttemptAt }) => nextAttemptAt ?? []));
      worker.advance(Math.max(0, due - worker.now()));
      if (worker.now() - began > 20 * HOUR) worker.s3.setFaults(undefined);
      delivered = await worker.redeliver(delivered);
      deliveries += 1;
    }

    const { recoveries } = await worker.job(given.job.id);
    expect(recoveries.map(({ state }) => state)).toEqual(Array.from({ length: 4 }, () => 'recovered'));
    // 20 hours of steps of 7.5 to 15 minutes, and the shorter ones before.
    expect(deliveries).toBeLessThan(180);
  });
});

describe('a large file in segments', () => {
  it('is planned anew when its upload vanishes, also when the new beginning meets a fault', async () => {
    const given = message(['mezzanine.mov']);
    const first = await worker.deliver(given);
    expect((await worker.job(given.job.id)).recoveries).toMatchObject([{ upload: { segments: 3 } }]);
    const gone = { status: 404, code: 'NoSuchUpload' };
    let creations = 0;
    worker.s3.setFaults(({ operation }) => {
      if (operation === 'CreateMultipartUpload') creations += 1;
      if (creations === 0 && (operation === 'ListParts' || operation === 'UploadPart')) return gone;
      return creations === 1 && operation === 'CreateMultipartUpload'
        ? accessDenied('s3:PutObject', 'arn:aws:s3:::acme')
        : undefined;
    });

    const [recovery] = await untilSettled(given, first);

    expect(recovery).toMatchObject({ state: 'recovered', size: 22 * MiB });
  });

  it('is planned anew when its upload vanishes before it is completed', async () => {
    const given = message(['mezzanine.mov']);
    let gone: string | undefined;
    worker.s3.setFaults(({ operation, uploadId }) => {
      if (operation === 'CompleteMultipartUpload') gone ??= uploadId;
      return gone !== undefined && uploadId === gone ? { status: 404, code: 'NoSuchUpload' } : undefined;
    });

    const [recovery] = await untilSettled(given, await worker.deliver(given));

    expect(recovery).toMatchObject({ state: 'recovered', size: 22 * MiB });
  });

  it('is copied again where parts have disappeared', async () => {
    const given = message(['mezzanine.mov']);
    const first = await worker.deliver(given);
    const [record] = (await worker.job(given.job.id)).recoveries;
    if (record?.upload === undefined) throw new Error('expected a plan');
    const { uploadId } = record.upload;
    // The ledger says that the first segment is there; S3 has nothing of it.
    await worker.ledger.uploads.finishSegment({ key: record, uploadId, segment: 0 }, 'somebody', 1);

    const [recovery] = await untilSettled(given, first);

    expect(recovery).toMatchObject({ state: 'recovered', size: 22 * MiB });
  });
});

describe('a file that is wholly in the bucket but for its completion', () => {
  it('is not given up at the deadline of a URL that it no longer needs', async () => {
    const given = message(['feature.mp4']);
    source.setFile({ size: 9 * MiB, etag: '"other"' });
    worker.s3.setFaults(({ operation }) =>
      operation === 'CompleteMultipartUpload' ? accessDenied('s3:PutObject', 'arn:aws:s3:::acme') : undefined,
    );
    const first = await worker.deliver(given);
    worker.advance(30 * HOUR);
    const late = await worker.redeliver(first);
    expect(late.isDone).toBe(false);
    const asked = source.requests.length;
    worker.s3.setFaults(undefined);
    worker.advance(15 * MINUTE);

    const done = await worker.redeliver(late);

    expect(done.isDone).toBe(true);
    expect((await worker.job(given.job.id)).recoveries).toMatchObject([{ state: 'recovered' }]);
    expect(source.requests.length).toBe(asked);
  });

  const redriveOf = ({ job }: OutputMessage) =>
    ({ type: 'redrive', version: 1, jobId: job.id, outputId: '1', origin: 'reconcile' }) as const;

  /** All parts are in the upload, the bucket refuses the completion, and then the message is gone. */
  async function withoutMessage(bytes: number, announced: number | null = null): Promise<OutputMessage> {
    const plain = message(['feature.mp4']);
    const given = { ...plain, files: plain.files.map((file) => ({ ...file, size: announced })) };
    source.setFile({ size: bytes, etag: '"other"' });
    worker.s3.setFaults(({ operation }) =>
      operation === 'CompleteMultipartUpload' ? accessDenied('s3:PutObject', 'arn:aws:s3:::acme') : undefined,
    );
    let delivered = await worker.deliver(given);
    // A file that differs from its announcement is copied at the third attempt.
    while (announced !== null && (await worker.job(given.job.id)).recoveries[0]?.upload === undefined) {
      worker.advance(15 * MINUTE);
      delivered = await worker.redeliver(delivered);
    }
    while ((await worker.depth()).visible > 0) await worker.next();
    await worker.messaging.sqs.send(new PurgeQueueCommand({ QueueUrl: worker.queueUrl }));
    return given;
  }

  it.each([
    ['in one segment', 9 * MiB],
    ['in several segments', 22 * MiB],
  ])('is completed before it is settled as lost, %s', async (_, bytes) => {
    const given = await withoutMessage(bytes);
    worker.s3.setFaults(undefined);
    worker.advance(25 * HOUR);
    const asked = source.requests.length;

    const done = await worker.deliver(redriveOf(given));

    expect(done.isDone).toBe(true);
    expect((await worker.job(given.job.id)).recoveries).toMatchObject([
      { state: 'recovered', size: bytes, verifiedBy: ['crc32'] },
    ]);
    expect(source.requests.length).toBe(asked);
  });

  it('is kept while the bucket refuses the completion, and given up with its upload after 40 hours', async () => {
    const given = await withoutMessage(22 * MiB);
    worker.advance(25 * HOUR);

    const kept = await worker.deliver(redriveOf(given));

    expect(kept.isDone).toBe(false);
    expect((await worker.job(given.job.id)).recoveries).toMatchObject([
      { state: 'pending', upload: { segmentsDone: [0, 1, 2] }, lastError: { errorClass: 'DeadlinePassed' } },
    ]);
    worker.advance(16 * HOUR);
    expect(await worker.redeliver(kept)).toMatchObject({ isDone: true });
    expect((await worker.job(given.job.id)).recoveries).toMatchObject([{ state: 'lost' }]);
  });

  it('is completed before it is lost although it differs from its announcement, which is said', async () => {
    const given = await withoutMessage(22 * MiB, 1000);
    worker.s3.setFaults(undefined);
    worker.advance(25 * HOUR);

    await worker.deliver(redriveOf(given));

    expect((await worker.job(given.job.id)).recoveries).toMatchObject([
      { state: 'recovered', size: 22 * MiB, warnings: [expect.stringContaining('announced 1000')] },
    ]);
  });

  it('is lost when its upload is gone', async () => {
    const given = await withoutMessage(22 * MiB);
    worker.s3.setFaults(({ operation }) =>
      /Multipart|Parts/.test(operation) ? { status: 404, code: 'NoSuchUpload' } : undefined,
    );
    worker.advance(25 * HOUR);

    expect(await worker.deliver(redriveOf(given))).toMatchObject({ isDone: true });

    expect((await worker.job(given.job.id)).recoveries).toMatchObject([
      { state: 'lost', lastError: { errorClass: 'DeadlinePassed' } },
    ]);
  });

  it('is completed although the bucket does not let anyone look for the object', async () => {
    const given = await withoutMessage(22 * MiB);
    worker.s3.setFaults(({ operation }) =>
      operation === 'HeadObject' ? accessDenied('s3:GetObject', 'arn:aws:s3:::acme') : undefined,
    );
    worker.advance(25 * HOUR);

    await worker.deliver(redriveOf(given));

    expect((await worker.job(given.job.id)).recoveries).toMatchObject([{ state: 'recovered' }]);
  });
});

describe('a signed URL that is refused', () => {
  it('in mid-copy is replaced and the same upload goes on', async () => {
    await source.close();
    source = await startSource({
      file: { size: 9 * MiB, etag: '"made-up"' },
      fault: ({ target, count }) =>
        count > 1 && target.includes('Signature=0') ? { status: 403, body: 'no' } : undefined,
    });
    worker.use({ storage: parseStorageAllowList(source.origin) });
    const given = message(['feature.mp4']);
    const [file] = given.files;
    if (file === undefined) throw new Error('expected a file');
    const fresh = file.url.replace('Signature=0', 'Signature=1');
    const api = worker.standIn.api('full');
    worker.use({ api: { ...api, getOutput: async () => ({ ...(await knownOutput()), url: fresh }) } });

    const delivered = await worker.deliver(given);

    expect(delivered.isDone).toBe(true);
    const [recovery] = (await worker.job(given.job.id)).recoveries;
    expect(recovery).toMatchObject({ state: 'recovered', attempts: 1, fileId: fileIdOf(fresh) });
  });

  it('is tried again by the URL of a later notification', async () => {
    await source.close();
    source = await startSource({
      file: { size: 1_000 },
      fault: ({ target }) => (target.includes('Signature=0') ? { status: 403, body: 'no' } : undefined),
    });
    worker.use({ storage: parseStorageAllowList(source.origin) });
    const given = message(['feature.mp4']);
    await worker.deliver(given);
    expect((await worker.job(given.job.id)).recoveries).toMatchObject([{ state: 'lost' }]);

    const files = given.files.map((file) => ({
      ...file,
      url: file.url.replace('Signature=0', 'Signature=1'),
    }));
    await worker.deliver({ ...given, files });

    expect((await worker.job(given.job.id)).recoveries).toMatchObject([{ state: 'recovered' }]);
  });
});

/** What the API tells of an output, with everything that a test does not care for. */
async function knownOutput() {
  const { job } = await worker.standIn.failedJob();
  return await worker.standIn.api('full').getOutput(String(job.outputs[0]?.id));
}
