import { DeleteMessageCommand } from '@aws-sdk/client-sqs';
import { beforeEach, describe, expect, it } from 'vitest';
import type { OutputRequest } from '../../../infra/local/zencoder/job.ts';
import type { RedriveMessage } from '../../../lambda/shared/queue/messages.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../../lambda/shared/runtime/durations.ts';
import { NotAtZencoder } from '../../../lambda/shared/zencoder/api-errors.ts';
import type { Delivered } from '../../support/worker.ts';
import { denyBucket, failOutput, useWorker, worker } from '../../support/worker-fixture.ts';
import { WITH_THUMBNAILS } from '../../support/zencoder-stand-in.ts';

useWorker();
beforeEach(async () => {
  // A minute later the rate limit counts anew.
  worker.advance(61_000);
  await worker.events();
  worker.use({ api: worker.standIn.api('full') });
});

/** An output whose first attempt the bucket refused. */
async function refusedOutput(output?: Partial<OutputRequest>) {
  const { jobId, outputId, message, recoveries } = await failOutput(output);
  denyBucket();
  const delivered = await worker.deliver(message);
  worker.s3.setFaults(undefined);
  const request: RedriveMessage = { type: 'redrive', version: 1, jobId, outputId };
  return { delivered, recoveries, request };
}

/** As {@link refusedOutput}, an hour after its message was deleted from the queue. */
async function stalledOutput(output?: Partial<OutputRequest>) {
  const refused = await refusedOutput(output);
  await drop(refused.delivered);
  worker.advance(HOUR_MS);
  return refused;
}

async function drop({ message: { ReceiptHandle } }: Delivered): Promise<void> {
  await worker.messaging.sqs.send(new DeleteMessageCommand({ QueueUrl: worker.queueUrl, ReceiptHandle }));
}

describe('the redrive of a waiting recovery', () => {
  it('makes its message visible at once, without a request to Zencoder', async () => {
    worker.use({ api: null });
    const { request, delivered, recoveries } = await refusedOutput();
    expect((await worker.deliver(request)).isDone).toBe(true);
    const redelivered = await worker.next();
    expect(redelivered.message.MessageId).toBe(delivered.message.MessageId);
    expect(redelivered.isDone).toBe(true);
    expect(await recoveries()).toMatchObject([{ state: 'recovered', attempts: 2 }]);
  });

  it('requests a URL from Zencoder when the message was deleted', async () => {
    const { request, delivered, recoveries } = await refusedOutput();
    await drop(delivered);
    expect((await worker.deliver(request)).isDone).toBe(true);
    expect((await worker.next()).isDone).toBe(true);
    expect(await recoveries()).toMatchObject([{ state: 'recovered', attempts: 2 }]);
  });
});

describe('the redrive that an operator requested', () => {
  const requested = { by: 'operator dashboard', at: Date.parse('2026-03-15T12:00:00Z') };

  it('is noted with what it tries again, and with nothing else', async () => {
    const { request, recoveries } = await stalledOutput(WITH_THUMBNAILS);
    const fileId = (await recoveries()).find(({ role }) => role === 'thumbnail')?.fileId ?? '';
    await worker.deliver({ ...request, role: 'thumbnail', fileId, requested });
    await worker.next();
    await worker.deliver({ ...request, requested: { ...requested, by: 'command line' } });
    const noted = (await recoveries()).map(
      ({ fileId: id, retries = [] }) =>
        `${id === fileId ? 'requested' : 'other'}: ${retries.map(({ by }) => by).join()}`,
    );
    expect(noted.toSorted()).toEqual([
      'other: command line',
      'other: command line',
      'requested: operator dashboard',
    ]);
    await worker.next();
    expect((await recoveries()).map(({ state }) => state)).toEqual(['recovered', 'recovered', 'recovered']);
  });

  it('is noted once, with the last ten requests', async () => {
    const { request, recoveries } = await stalledOutput();
    for (let minute = 0; minute < 12; minute += 1) {
      const [record] = await recoveries();
      if (record === undefined) throw new Error('the output has no recovery');
      const retry = { by: `operator ${minute}`, at: requested.at };
      // The second finds the record changed since it was read.
      await worker.ledger.recoveries.noteRetry(record, retry);
      await worker.ledger.recoveries.noteRetry(record, retry);
    }
    await worker.deliver({ ...request, requested });
    await worker.next();
    const [done] = await recoveries();
    expect(done?.state).toBe('recovered');
    expect(done?.retries?.map(({ by }) => by)).toEqual([
      ...Array.from({ length: 9 }, (_, index) => `operator ${index + 3}`),
      'operator dashboard',
    ]);
  });
});

describe('the redrive of a recovery that no message will retry', () => {
  it('queues its files with fresh URLs', async () => {
    const { request, recoveries } = await stalledOutput(WITH_THUMBNAILS);
    expect((await worker.deliver(request)).isDone).toBe(true);
    expect((await worker.next()).isDone).toBe(true);
    expect((await recoveries()).map(({ state }) => state)).toEqual(['recovered', 'recovered', 'recovered']);
    expect(await worker.depth()).toEqual({ visible: 0, hidden: 0 });
  });

  it('queues only the requested role and file', async () => {
    const { request, recoveries } = await stalledOutput(WITH_THUMBNAILS);
    const fileId = (await recoveries()).find(({ role }) => role === 'thumbnail')?.fileId ?? '';
    await worker.deliver({ ...request, role: 'thumbnail', fileId });
    await worker.next();
    const states = (await recoveries()).map(
      (record) => `${record.fileId === fileId ? 'requested' : 'other'}: ${record.state}`,
    );
    expect(states.toSorted()).toEqual(['other: pending', 'other: pending', 'requested: recovered']);
    await worker.deliver(request);
    await worker.next();
    expect((await recoveries()).map(({ state }) => state)).toEqual(['recovered', 'recovered', 'recovered']);
  });

  it('reports a missing API key in the ledger, the log and the metrics', async () => {
    worker.use({ api: null });
    const { request, recoveries } = await stalledOutput();
    expect((await worker.deliver(request)).isDone).toBe(true);
    expect(await recoveries()).toMatchObject([
      {
        state: 'pending',
        lastError: { errorClass: 'NoFreshUrl', message: expect.stringContaining('zencoderApiKeySecretArn') },
      },
    ]);
    expect(worker.lines).toContainEqual(
      expect.objectContaining({ level: 'error', message: 'at risk', jobId: request.jobId }),
    );
    expect(worker.metrics()).toContainEqual({ metric: 'atRiskRecoveries', value: 1, by: 'NoFreshUrl' });
  });

  it('continues when the API accepts the key again', async () => {
    const { request, recoveries } = await stalledOutput();
    worker.use({ api: worker.standIn.api('read-only') });
    const blocked = await worker.deliver(request);
    expect(blocked.isDone).toBe(false);
    expect(await recoveries()).toMatchObject([
      { state: 'pending', lastError: { errorClass: 'ReadOnlyKey' } },
    ]);
    expect(worker.metrics().map(({ metric }) => metric)).toEqual(
      expect.arrayContaining(['actionRequired', 'atRiskRecoveries']),
    );
    worker.use({ api: worker.standIn.api('full') });
    expect((await worker.redeliver(blocked)).isDone).toBe(true);
    await worker.next();
    expect(await recoveries()).toMatchObject([{ state: 'recovered' }]);
  });

  it('leaves the recovery open before its deadline when the API lists no such file, since a valid URL may follow', async () => {
    const { request, recoveries, delivered } = await refusedOutput();
    await drop(delivered);
    worker.advance(HOUR_MS);
    const api = worker.standIn.api('full');
    const getOutput = () => Promise.reject(new NotAtZencoder('Zencoder knows no such output'));
    worker.use({ api: { ...api, getOutput } });

    expect((await worker.deliver(request)).isDone).toBe(true);

    expect(await recoveries()).toMatchObject([
      { state: 'pending', lastError: { errorClass: 'NoFreshUrl', category: 'action-required' } },
    ]);
    expect(worker.metrics()).toContainEqual({ metric: 'atRiskRecoveries', value: 1, by: 'NoFreshUrl' });
  });

  it.each([
    ['with an API key, which is not used', 'full'],
    ['without an API key', null],
  ] as const)('settles the recovery as lost after its deadline, %s', async (_, access) => {
    const { request, recoveries } = await stalledOutput(WITH_THUMBNAILS);
    worker.advance(DAY_MS);
    const api = access === null ? null : worker.standIn.api(access);
    worker.use({ api });
    expect((await worker.deliver({ ...request, origin: 'reconcile' })).isDone).toBe(true);
    expect(await recoveries()).toMatchObject(
      [1, 2, 3].map(() => ({
        state: 'lost',
        lastError: {
          errorClass: 'DeadlinePassed',
          message: expect.stringMatching(/expired at 20.*before, it failed with DestinationDenied/),
        },
      })),
    );
    expect(api?.remaining ?? null).toBeNull();
    const lost = (await worker.events()).filter(({ type }) => type === 'recovery-lost');
    expect(lost).toHaveLength(3);
    expect(worker.metrics().filter(({ metric }) => metric === 'lostFiles')).toHaveLength(3);

    await worker.deliver({ ...request, origin: 'reconcile' });
    expect(await worker.events()).toEqual([]);
  });

  it('keeps the recovery pending for the tolerance of clocks after its deadline, and no longer at risk', async () => {
    const { request, recoveries } = await stalledOutput();
    worker.advance(23 * HOUR_MS + 5 * MINUTE_MS);
    worker.use({ api: null });
    expect((await worker.deliver(request)).isDone).toBe(true);
    expect(await recoveries()).toMatchObject([{ state: 'pending' }]);
    const metrics = worker.metrics().map(({ metric }) => metric);
    expect(metrics).not.toContain('atRiskRecoveries');
    expect(metrics).not.toContain('lostFiles');
  });

  it('settles the recovery although the topic refuses the event, which stays owed', async () => {
    const { request, recoveries } = await stalledOutput();
    worker.advance(DAY_MS);
    const { events } = worker.dependencies();
    worker.use({ events: { publish: () => Promise.reject(new Error('the topic is unavailable')) } });
    const delivered = await worker.deliver({ ...request, origin: 'reconcile' });
    worker.use({ events });
    expect(delivered.isDone).toBe(true);
    expect(await recoveries()).toMatchObject([{ state: 'lost', eventOwedAt: expect.any(Number) }]);
  });
});

describe('the redrive of a settled recovery', () => {
  async function lostOutput() {
    const { jobId, outputId, message, recoveries } = await failOutput();
    const files = message.files.map((file) => ({
      ...file,
      url: file.url.replace(/Signature=./, 'Signature=x'),
    }));
    worker.use({ api: null });
    await worker.deliver({ ...message, files });
    worker.use({ api: worker.standIn.api('full') });
    const request: RedriveMessage = { type: 'redrive', version: 1, jobId, outputId };
    return { recoveries, request };
  }

  it('opens a lost recovery again and recovers it, with an event of its own', async () => {
    const { request, recoveries } = await lostOutput();
    expect(await recoveries()).toMatchObject([{ state: 'lost' }]);
    await worker.deliver(request);
    expect(await recoveries()).toMatchObject([{ state: 'pending', redrives: 1 }]);
    await worker.next();
    expect(await recoveries()).toMatchObject([{ state: 'recovered', redrives: 1 }]);
    const events = (await worker.events()).filter(({ type }) => type !== 'primary-failure');
    expect(events.map(({ type }) => type)).toEqual(['recovery-lost', 'recovery-recovered']);
  });

  it('does nothing when reconcile requests it, since only a person may', async () => {
    const { request, recoveries } = await lostOutput();
    const before = await recoveries();
    const api = worker.standIn.api('full');
    worker.use({ api });
    expect((await worker.deliver({ ...request, origin: 'reconcile' })).isDone).toBe(true);
    expect(await recoveries()).toEqual(before);
    expect(api.remaining).toBeNull();
  });

  it('sends no request to Zencoder after the deadline, when the file is removed there', async () => {
    const { request, recoveries } = await lostOutput();
    const before = await recoveries();
    worker.advance(25 * HOUR_MS);
    const api = worker.standIn.api('full');
    worker.use({ api });
    expect((await worker.deliver(request)).isDone).toBe(true);
    expect(await recoveries()).toEqual(before);
    expect(api.remaining).toBeNull();
    expect(worker.lines).toContainEqual(
      expect.objectContaining({ message: 'not redriven', reason: expect.stringContaining('expired at') }),
    );
  });

  it('leaves the recovery as it is when there is no fresh URL', async () => {
    const { request, recoveries } = await lostOutput();
    const before = await recoveries();
    worker.use({ api: null });
    expect((await worker.deliver(request)).isDone).toBe(true);
    expect(await recoveries()).toEqual(before);
    expect(worker.metrics()).not.toContainEqual(expect.objectContaining({ metric: 'atRiskRecoveries' }));
  });

  it('does nothing for a recovered file', async () => {
    const { request, recoveries } = await lostOutput();
    await worker.deliver(request);
    await worker.next();
    const before = await recoveries();
    expect((await worker.deliver(request)).isDone).toBe(true);
    expect(await recoveries()).toEqual(before);
    expect(await worker.depth()).toEqual({ visible: 0, hidden: 0 });
  });
});

describe('the redrive of an output that is not in the ledger', () => {
  it('records its failures and recovers its files as Zencoder lists them', async () => {
    const { jobId, outputId } = await failOutput();
    await worker.deliver({ type: 'redrive', version: 1, jobId, outputId });
    await worker.next();
    expect(await worker.job(jobId)).toMatchObject({
      failures: [{ errorClass: expect.stringContaining('Error') }],
      recoveries: [{ state: 'recovered' }],
    });
  });

  it('does nothing when Zencoder does not know the output, or there is no key', async () => {
    const request: RedriveMessage = { type: 'redrive', version: 1, jobId: '1', outputId: '2' };
    expect((await worker.deliver(request)).isDone).toBe(true);
    worker.use({ api: null });
    expect((await worker.deliver(request)).isDone).toBe(true);
    expect(await worker.depth()).toEqual({ visible: 0, hidden: 0 });
  });
});
