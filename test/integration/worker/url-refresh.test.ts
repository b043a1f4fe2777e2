import { beforeEach, describe, expect, it } from 'vitest';
import type { OutputRequest } from '../../../infra/local/zencoder/job.ts';
import type { OutputMessage } from '../../../lambda/shared/queue/messages.ts';
import { MINUTE_MS } from '../../../lambda/shared/runtime/durations.ts';
import { failOutput, useWorker, worker } from '../../support/worker-fixture.ts';
import { WITH_THUMBNAILS } from '../../support/zencoder-stand-in.ts';

useWorker();
beforeEach(() => {
  // A minute later the rate limit counts anew.
  worker.advance(61_000);
  worker.use({ api: worker.standIn.api('full') });
});

/** The message with invalid signatures in its URLs. */
function damaged(message: OutputMessage): OutputMessage {
  const damage = (url: string) => url.replace(/(?<=Signature=)[0-9a-f]{8}/, '00000000');
  return { ...message, files: message.files.map((file) => ({ ...file, url: damage(file.url) })) };
}

async function deliverDamaged(output?: Partial<OutputRequest>) {
  const { message, recoveries } = await failOutput(output);
  return { delivered: await worker.deliver(damaged(message)), recoveries };
}

describe('a URL that the source refuses before its deadline', () => {
  it('is exchanged for a fresh one, in the same attempt', async () => {
    const { delivered, recoveries } = await deliverDamaged();
    expect(delivered.isDone).toBe(true);
    expect(await recoveries()).toMatchObject([{ state: 'recovered', attempts: 1 }]);
    expect(worker.lines).toContainEqual(expect.objectContaining({ message: 'signed URL refreshed' }));
  });

  it('is exchanged by one request for all thumbnails of an output', async () => {
    const api = worker.standIn.api('full');
    worker.use({ api });
    const { recoveries } = await deliverDamaged(WITH_THUMBNAILS);
    expect((await recoveries()).map(({ role, state }) => `${role} ${state}`).toSorted()).toEqual([
      'media recovered',
      'thumbnail recovered',
      'thumbnail recovered',
    ]);
    // Reading the job for the test's messages was the first request, on another client of the same account.
    expect(api.remaining).toBe(60 - 1 - 2);
  });

  it('settles the recovery as lost without an API key, and names the setting', async () => {
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

  it('requires action by the customer when the key is read-only or unknown', async () => {
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
      worker.advance(15 * MINUTE_MS);
      await worker.redeliver(delivered);
      expect(await recoveries()).toMatchObject([{ state: 'recovered', attempts: 2 }]);
    }
  });

  it('is exchanged later when the API limits requests or is unavailable', async () => {
    const api = worker.standIn.api('full');
    worker.use({ api });
    const { message, recoveries } = await failOutput();
    while ((api.remaining ?? 1) > 0) await api.listJobs(1);
    const delivered = await worker.deliver(damaged(message));
    expect(delivered.isDone).toBe(false);
    const [limited] = await recoveries();
    expect(limited).toMatchObject({ state: 'pending', lastError: { errorClass: 'ApiRateLimited' } });
    expect((limited?.nextAttemptAt ?? 0) - worker.now()).toBeGreaterThan(50_000);

    worker.standIn.zencoder.apiOutage = 503;
    worker.advance(61_000);
    const redelivered = await worker.redeliver(delivered);
    worker.standIn.zencoder.apiOutage = null;
    expect(await recoveries()).toMatchObject([{ lastError: { errorClass: 'ApiUnavailable' } }]);
    worker.advance(61_000);
    expect((await worker.redeliver(redelivered)).isDone).toBe(true);
    expect(await recoveries()).toMatchObject([{ state: 'recovered' }]);
  });

  it('settles the recovery as lost when the fresh URL is refused, too, or Zencoder no longer lists the file', async () => {
    const { zencoder } = worker.standIn;
    const { urlOf } = zencoder;
    zencoder.urlOf = (...args) => urlOf(...args).replace(/(?<=Signature=)[0-9a-f]{8}/, '00000000');
    const refused = await deliverDamaged();
    zencoder.urlOf = (...args) => urlOf(...args).replace(/\/o\//, '/o/elsewhere/');
    const { message, recoveries } = await failOutput();
    zencoder.urlOf = urlOf;
    await worker.deliver(damaged(message));
    expect(await refused.recoveries()).toMatchObject([
      { state: 'lost', lastError: { message: expect.stringContaining('refused too') } },
    ]);
    expect(await recoveries()).toMatchObject([
      { state: 'lost', lastError: { message: expect.stringContaining('no longer names the file') } },
    ]);
  });

  it('leaves no signature in the ledger, the log and the events', async () => {
    const { recoveries } = await deliverDamaged();
    const written = JSON.stringify([await recoveries(), worker.lines, await worker.events()]);
    expect(written).not.toMatch(/Signature=|Credential=/);
  });
});
