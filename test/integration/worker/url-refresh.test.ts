import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { OutputMessage } from '../../../lambda/shared/queue/messages.ts';
import { startWorker, type TestWorker } from '../../support/worker.ts';
import { WITH_THUMBNAILS } from '../../support/zencoder-stand-in.ts';

let worker: TestWorker;
beforeAll(async () => {
  worker = await startWorker();
});
afterAll(() => worker?.close());
beforeEach(() => {
  // A minute later the rate limit counts anew.
  worker.advance(61_000);
  worker.metrics();
  worker.lines.splice(0);
  worker.use({ api: worker.standIn.api('full') });
});

/** The message with URLs whose signatures are no good. */
function damaged(message: OutputMessage | undefined): OutputMessage {
  if (message === undefined) throw new Error('expected a message');
  const damage = (url: string) => url.replace(/(?<=Signature=)[0-9a-f]{8}/, '00000000');
  return { ...message, files: message.files.map((file) => ({ ...file, url: damage(file.url) })) };
}

async function deliverDamaged(...outputs: Parameters<TestWorker['failedJob']>) {
  const { jobId, messages } = await worker.failedJob(...outputs);
  const delivered = await worker.deliver(damaged(messages[0]));
  return { jobId, delivered, recoveries: async () => (await worker.job(jobId)).recoveries };
}

describe('a URL that the source refuses before its end', () => {
  it('is exchanged for a fresh one, in the same attempt', async () => {
    const { delivered, recoveries } = await deliverDamaged();
    expect(delivered.isDone).toBe(true);
    expect(await recoveries()).toMatchObject([{ state: 'recovered', attempts: 1 }]);
    expect(worker.lines).toContainEqual(expect.objectContaining({ message: 'signed URL refreshed' }));
  });

  it('is exchanged by one question for all thumbnails of an output', async () => {
    const api = worker.standIn.api('full');
    worker.use({ api });
    const { recoveries } = await deliverDamaged(WITH_THUMBNAILS);
    expect((await recoveries()).map(({ role, state }) => `${role} ${state}`).toSorted()).toEqual([
      'media recovered',
      'thumbnail recovered',
      'thumbnail recovered',
    ]);
    // Reading the job for the test's messages was the first question, on another client of the same account.
    expect(api.remaining).toBe(60 - 1 - 2);
  });

  it('means lost without an API key, and says that a key would have helped', async () => {
    worker.use({ api: null });
    const { delivered, recoveries } = await deliverDamaged();
    expect(delivered.isDone).toBe(true);
    expect(await recoveries()).toMatchObject([
      {
        state: 'lost',
        lastError: {
          errorClass: 'SourceOutOfReach',
          message: expect.stringMatching(/403.*zencoderApiKeySecretArn/),
        },
      },
    ]);
    expect(worker.metrics()).toContainEqual({ metric: 'lostFiles', value: 1, by: 'SourceOutOfReach' });
  });

  it('is something that the customer must act on when the key is a read-only one or unknown', async () => {
    for (const access of ['read-only', 'unknown'] as const) {
      worker.use({ api: worker.standIn.api(access) });
      const { delivered, recoveries } = await deliverDamaged();
      const errorClass = access === 'unknown' ? 'ApiKeyRefused' : 'ReadOnlyKey';
      expect(delivered.isDone).toBe(false);
      expect(await recoveries()).toMatchObject([
        { state: 'pending', lastError: { errorClass, category: 'action-required' } },
      ]);
      expect(worker.metrics()).toContainEqual({ metric: 'actionRequired', value: 1, by: errorClass });

      worker.use({ api: worker.standIn.api('full') });
      worker.advance(15 * 60_000);
      await worker.redeliver(delivered);
      expect(await recoveries()).toMatchObject([{ state: 'recovered', attempts: 2 }]);
    }
  });

  it('waits while the API allows no more requests, or does not answer', async () => {
    const api = worker.standIn.api('full');
    worker.use({ api });
    const { jobId, messages } = await worker.failedJob();
    while ((api.remaining ?? 1) > 0) await api.listJobs(1);
    const delivered = await worker.deliver(damaged(messages[0]));
    expect(delivered.isDone).toBe(false);
    const [limited] = (await worker.job(jobId)).recoveries;
    expect(limited).toMatchObject({ state: 'pending', lastError: { errorClass: 'ApiRateLimited' } });
    expect((limited?.nextAttemptAt ?? 0) - worker.now()).toBeGreaterThan(50_000);

    worker.standIn.zencoder.apiOutage = 503;
    worker.advance(61_000);
    const again = await worker.redeliver(delivered);
    worker.standIn.zencoder.apiOutage = null;
    expect((await worker.job(jobId)).recoveries).toMatchObject([
      { lastError: { errorClass: 'ApiUnavailable' } },
    ]);
    worker.advance(61_000);
    expect((await worker.redeliver(again)).isDone).toBe(true);
    expect((await worker.job(jobId)).recoveries).toMatchObject([{ state: 'recovered' }]);
  });

  it('means lost when the fresh one is refused as well, or Zencoder names the file no more', async () => {
    const { zencoder } = worker.standIn;
    const { urlOf } = zencoder;
    zencoder.urlOf = (...args) => urlOf(...args).replace(/(?<=Signature=)[0-9a-f]{8}/, '00000000');
    const refused = await deliverDamaged();
    zencoder.urlOf = (...args) => urlOf(...args).replace(/\/o\//, '/o/elsewhere/');
    const { jobId, messages } = await worker.failedJob();
    zencoder.urlOf = urlOf;
    await worker.deliver(damaged(messages[0]));
    expect(await refused.recoveries()).toMatchObject([
      { state: 'lost', lastError: { message: expect.stringContaining('refused too') } },
    ]);
    expect((await worker.job(jobId)).recoveries).toMatchObject([
      { state: 'lost', lastError: { message: expect.stringContaining('no longer names the file') } },
    ]);
  });

  it('leaves no signature in the ledger and in the log', async () => {
    const { recoveries } = await deliverDamaged();
    const written = JSON.stringify([await recoveries(), worker.lines, await worker.events()]);
    expect(written).not.toMatch(/Signature=|Credential=/);
  });
});
