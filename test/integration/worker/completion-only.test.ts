import { beforeEach, describe, expect, it } from 'vitest';
import { accessDenied } from '../../../infra/local/aws/s3/faults.ts';
import type { OutputMessage } from '../../../lambda/shared/queue/messages.ts';
import { HOUR_MS, MINUTE_MS } from '../../../lambda/shared/runtime/durations.ts';
import { MiB } from '../../../lambda/worker/copy/plan.ts';
import { redriveOf } from '../../support/messages.ts';
import {
  discardMessages,
  messageOf,
  serveSource,
  source,
  useEngine,
  useWorker,
  worker,
} from '../../support/worker-fixture.ts';

useWorker();
beforeEach(async () => {
  await serveSource({ file: { size: 22 * MiB, etag: '"made-up"' } });
  useEngine({ segmentBytes: 10 * MiB });
});

describe('a file whose parts are all in the bucket', () => {
  it('is completed after the deadline of its URL', async () => {
    const given = messageOf(['feature.mp4']);
    source.setFile({ size: 9 * MiB, etag: '"other"' });
    worker.s3.setFaults(({ operation }) =>
      operation === 'CompleteMultipartUpload' ? accessDenied('s3:PutObject', 'arn:aws:s3:::acme') : undefined,
    );
    const first = await worker.deliver(given);
    worker.advance(30 * HOUR_MS);
    const late = await worker.redeliver(first);
    expect(late.isDone).toBe(false);
    const requests = source.requests.length;
    worker.s3.setFaults(undefined);
    worker.advance(15 * MINUTE_MS);

    const done = await worker.redeliver(late);

    expect(done.isDone).toBe(true);
    expect((await worker.job(given.job.id)).recoveries).toMatchObject([{ state: 'recovered' }]);
    expect(source.requests.length).toBe(requests);
  });

  /** Uploads all parts to a bucket that refuses the completion, and deletes the message. */
  async function withoutMessage(bytes: number, expected: number | null = null): Promise<OutputMessage> {
    const plain = messageOf(['feature.mp4']);
    const given = { ...plain, files: plain.files.map((file) => ({ ...file, size: expected })) };
    source.setFile({ size: bytes, etag: '"other"' });
    worker.s3.setFaults(({ operation }) =>
      operation === 'CompleteMultipartUpload' ? accessDenied('s3:PutObject', 'arn:aws:s3:::acme') : undefined,
    );
    let delivered = await worker.deliver(given);
    // A file that differs from its stated size is copied at the third attempt.
    while (expected !== null && (await worker.job(given.job.id)).recoveries[0]?.upload === undefined) {
      worker.advance(15 * MINUTE_MS);
      delivered = await worker.redeliver(delivered);
    }
    while ((await worker.depth()).visible > 0) await worker.next();
    await discardMessages();
    return given;
  }

  it.each([
    ['in one segment', 9 * MiB],
    ['in several segments', 22 * MiB],
  ])('is completed before it is settled as lost, %s', async (_, bytes) => {
    const given = await withoutMessage(bytes);
    worker.s3.setFaults(undefined);
    worker.advance(25 * HOUR_MS);
    const requests = source.requests.length;

    const done = await worker.deliver(redriveOf(given));

    expect(done.isDone).toBe(true);
    expect((await worker.job(given.job.id)).recoveries).toMatchObject([
      { state: 'recovered', size: bytes, verifiedBy: ['crc32'] },
    ]);
    expect(source.requests.length).toBe(requests);
  });

  it('is kept while the bucket refuses the completion, and abandoned with its upload after 40 hours', async () => {
    const given = await withoutMessage(22 * MiB);
    worker.advance(25 * HOUR_MS);

    const kept = await worker.deliver(redriveOf(given));

    expect(kept.isDone).toBe(false);
    expect((await worker.job(given.job.id)).recoveries).toMatchObject([
      { state: 'pending', upload: { segmentsDone: [0, 1, 2] }, lastError: { errorClass: 'DeadlinePassed' } },
    ]);
    worker.advance(16 * HOUR_MS);
    expect(await worker.redeliver(kept)).toMatchObject({ isDone: true });
    expect((await worker.job(given.job.id)).recoveries).toMatchObject([{ state: 'lost' }]);
  });

  it('is completed although it differs from its stated size, with a warning', async () => {
    const given = await withoutMessage(22 * MiB, 1000);
    worker.s3.setFaults(undefined);
    worker.advance(25 * HOUR_MS);

    await worker.deliver(redriveOf(given));

    expect((await worker.job(given.job.id)).recoveries).toMatchObject([
      { state: 'recovered', size: 22 * MiB, warnings: [expect.stringContaining('announced 1000')] },
    ]);
  });

  it('is lost when its upload has disappeared', async () => {
    const given = await withoutMessage(22 * MiB);
    worker.s3.setFaults(({ operation }) =>
      /Multipart|Parts/.test(operation) ? { status: 404, code: 'NoSuchUpload' } : undefined,
    );
    worker.advance(25 * HOUR_MS);

    expect(await worker.deliver(redriveOf(given))).toMatchObject({ isDone: true });

    expect((await worker.job(given.job.id)).recoveries).toMatchObject([
      { state: 'lost', lastError: { errorClass: 'DeadlinePassed' } },
    ]);
  });

  it('is completed although the bucket denies reading the object', async () => {
    const given = await withoutMessage(22 * MiB);
    worker.s3.setFaults(({ operation }) =>
      operation === 'HeadObject' ? accessDenied('s3:GetObject', 'arn:aws:s3:::acme') : undefined,
    );
    worker.advance(25 * HOUR_MS);

    await worker.deliver(redriveOf(given));

    expect((await worker.job(given.job.id)).recoveries).toMatchObject([{ state: 'recovered' }]);
  });
});
