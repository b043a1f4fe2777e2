import { beforeEach, describe, expect, it } from 'vitest';
import { accessDenied } from '../../../infra/local/aws/s3/faults.ts';
import type { RecoveryRecord } from '../../../lambda/shared/ledger/records.ts';
import type { OutputMessage } from '../../../lambda/shared/queue/messages.ts';
import { HOUR_MS, MINUTE_MS } from '../../../lambda/shared/runtime/durations.ts';
import { fileIdOf } from '../../../lambda/shared/zencoder/signed-url.ts';
import { MiB } from '../../../lambda/worker/copy/plan.ts';
import { signedAnew } from '../../support/messages.ts';
import type { Delivered } from '../../support/worker.ts';
import {
  messageOf,
  serveSource,
  source,
  useEngine,
  useWorker,
  worker,
} from '../../support/worker-fixture.ts';

/**
 * Combinations of faults that could leave a recovery open without a message that retries it, or lose its bytes. All of
 * them end with the file in the bucket, without manual action.
 */

/** The queue's `maxReceiveCount`: a message delivered more often is a dead letter. */
const MAX_DELIVERIES = 340;

useWorker();
beforeEach(async () => {
  await serveSource({ file: { size: 22 * MiB, etag: '"made-up"' } });
  useEngine({ segmentBytes: 10 * MiB });
});

/** Handles messages in the order of the queue, at the time when each is due, until all recoveries are settled. */
async function untilSettled(given: OutputMessage, first: Delivered): Promise<readonly RecoveryRecord[]> {
  const hidden = first.isDone ? [] : [first];
  for (let delivery = 0; delivery < 2 * MAX_DELIVERIES; delivery += 1) {
    const { recoveries } = await worker.job(given.job.id);
    if (recoveries.every(({ settledAt }) => settledAt !== undefined)) return recoveries;
    const delivered = await nextOf(hidden);
    if (!delivered.isDone) hidden.push(delivered);
  }
  throw new Error('the recovery was not settled');
}

async function nextOf(hidden: Delivered[]): Promise<Delivered> {
  if ((await worker.depth()).visible > 0) return await worker.next();
  const next = hidden.shift();
  if (next === undefined) throw new Error('a recovery is open, and no message will retry it');
  worker.advance(15 * MINUTE_MS);
  return await worker.redeliver(next);
}

describe('a bucket that denies access for 20 hours', () => {
  it('costs the message of many files no more deliveries than that of one file', {
    timeout: 120_000,
  }, async () => {
    const given = messageOf(Array.from({ length: 4 }, (_, index) => `frame_${index}.png`));
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
      if (worker.now() - began > 20 * HOUR_MS) worker.s3.setFaults(undefined);
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
  it('is restarted when its upload disappears, also when the new upload is denied at first', async () => {
    const given = messageOf(['mezzanine.mov']);
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

  it('is restarted when its upload disappears before it is completed', async () => {
    const given = messageOf(['mezzanine.mov']);
    let gone: string | undefined;
    worker.s3.setFaults(({ operation, uploadId }) => {
      if (operation === 'CompleteMultipartUpload') gone ??= uploadId;
      return gone !== undefined && uploadId === gone ? { status: 404, code: 'NoSuchUpload' } : undefined;
    });

    const [recovery] = await untilSettled(given, await worker.deliver(given));

    expect(recovery).toMatchObject({ state: 'recovered', size: 22 * MiB });
  });

  it('is copied again where parts have disappeared', async () => {
    const given = messageOf(['mezzanine.mov']);
    const first = await worker.deliver(given);
    const [record] = (await worker.job(given.job.id)).recoveries;
    if (record?.upload === undefined) throw new Error('expected a plan');
    const { uploadId } = record.upload;
    // The ledger says that the first segment is there; S3 has nothing of it.
    await worker.ledger.uploads.finishSegment({ key: record, uploadId, segment: 0 }, 'another worker', 1);

    const [recovery] = await untilSettled(given, first);

    expect(recovery).toMatchObject({ state: 'recovered', size: 22 * MiB });
  });
});

describe('a signed URL that is refused', () => {
  it('is replaced during the copy, which continues in the same upload', async () => {
    await serveSource({
      file: { size: 9 * MiB, etag: '"made-up"' },
      fault: ({ target, count }) =>
        count > 1 && target.includes('Signature=0') ? { status: 403, body: 'no' } : undefined,
    });
    const given = messageOf(['feature.mp4']);
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

  it('is replaced by the URL of a later notification', async () => {
    await serveSource({
      file: { size: 1_000 },
      fault: ({ target }) => (target.includes('Signature=0') ? { status: 403, body: 'no' } : undefined),
    });
    const given = messageOf(['feature.mp4']);
    await worker.deliver(given);
    expect((await worker.job(given.job.id)).recoveries).toMatchObject([{ state: 'lost' }]);

    await worker.deliver(signedAnew(given, '1'));

    expect((await worker.job(given.job.id)).recoveries).toMatchObject([{ state: 'recovered' }]);
  });
});

/** The response of the API for any output. */
async function knownOutput() {
  const { job } = await worker.standIn.failedJob();
  return await worker.standIn.api('full').getOutput(String(job.outputs[0]?.id));
}
