import { DeleteMessageCommand } from '@aws-sdk/client-sqs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { accessDenied } from '../../../infra/local/aws/s3/faults.ts';
import type { RedriveMessage } from '../../../lambda/shared/queue/messages.ts';
import { NotAtZencoder } from '../../../lambda/shared/zencoder/api-errors.ts';
import { type Delivered, startWorker, type TestWorker } from '../../support/worker.ts';
import { WITH_THUMBNAILS } from '../../support/zencoder-stand-in.ts';

let worker: TestWorker;
beforeAll(async () => {
  worker = await startWorker();
});
afterAll(() => worker?.close());
beforeEach(async () => {
  worker.advance(61_000);
  worker.metrics();
  await worker.events();
  worker.lines.splice(0);
  worker.use({ api: worker.standIn.api('full') });
});
afterEach(() => worker.s3.setFaults(undefined));

const refuse = () => worker.s3.setFaults(() => accessDenied('s3:PutObject', 'arn:aws:s3:::acme'));

/** A job whose first attempt the customer's bucket refused. */
async function refusedJob(...outputs: Parameters<TestWorker['failedJob']>) {
  const { jobId, outputIds, messages } = await worker.failedJob(...outputs);
  const [message] = messages;
  if (message === undefined) throw new Error('expected a message');
  refuse();
  const delivered = await worker.deliver(message);
  worker.s3.setFaults(undefined);
  const recoveries = async () => (await worker.job(jobId)).recoveries;
  const outputId = outputIds[0] ?? '';
  const request: RedriveMessage = { type: 'redrive', version: 1, jobId, outputId };
  return { jobId, outputId, delivered, recoveries, request };
}

/** As {@link refusedJob}, after which somebody deleted the message from the queue. */
async function stalledJob(...outputs: Parameters<TestWorker['failedJob']>) {
  const job = await refusedJob(...outputs);
  await drop(job.delivered);
  worker.advance(3_600_000);
  return job;
}

async function drop(delivered: Delivered): Promise<void> {
  const { ReceiptHandle } = delivered.message;
  await worker.messaging.sqs.send(new DeleteMessageCommand({ QueueUrl: worker.queueUrl, ReceiptHandle }));
}

describe('a redrive of a recovery that waits', () => {
  it('shows its message at once, without a question to Zencoder', async () => {
    worker.use({ api: null });
    const { request, delivered, recoveries } = await refusedJob();
    expect((await worker.deliver(request)).isDone).toBe(true);
    const shown = await worker.next();
    expect(shown.message.MessageId).toBe(delivered.message.MessageId);
    expect(shown.isDone).toBe(true);
    expect(await recoveries()).toMatchObject([{ state: 'recovered', attempts: 2 }]);
  });

  it('asks Zencoder when the message is gone', async () => {
    const { request, delivered, recoveries } = await refusedJob();
    await drop(delivered);
    expect((await worker.deliver(request)).isDone).toBe(true);
    expect((await worker.next()).isDone).toBe(true);
    expect(await recoveries()).toMatchObject([{ state: 'recovered', attempts: 2 }]);
  });
});

describe('a redrive of a recovery that no message will wake', () => {
  it('queues it with a fresh URL', async () => {
    const { request, recoveries } = await stalledJob(WITH_THUMBNAILS);
    expect((await worker.deliver(request)).isDone).toBe(true);
    expect((await worker.next()).isDone).toBe(true);
    expect((await recoveries()).map(({ state }) => state)).toEqual(['recovered', 'recovered', 'recovered']);
    expect(await worker.depth()).toEqual({ visible: 0, hidden: 0 });
  });

  it('takes only the role and the file that are asked for', async () => {
    const { request, recoveries } = await stalledJob(WITH_THUMBNAILS);
    const fileId = (await recoveries()).find(({ role }) => role === 'thumbnail')?.fileId ?? '';
    await worker.deliver({ ...request, role: 'thumbnail', fileId });
    await worker.next();
    const states = (await recoveries()).map(
      (record) => `${record.fileId === fileId ? 'asked for' : 'other'}: ${record.state}`,
    );
    expect(states.toSorted()).toEqual(['asked for: recovered', 'other: pending', 'other: pending']);
    await worker.deliver(request);
    await worker.next();
    expect((await recoveries()).map(({ state }) => state)).toEqual(['recovered', 'recovered', 'recovered']);
  });

  it('says without an API key what to do, in the ledger, the log and the metrics', async () => {
    worker.use({ api: null });
    const { request, recoveries } = await stalledJob();
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

  it('goes on when the API answers again', async () => {
    const { request, recoveries } = await stalledJob();
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

  it('is left open before its deadline when the API names no such file: a URL that still holds may be on its way', async () => {
    const { request, recoveries, delivered } = await refusedJob();
    await drop(delivered);
    worker.advance(3_600_000);
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
  ] as const)('means lost once its deadline is over, %s', async (_, access) => {
    const { request, recoveries } = await stalledJob(WITH_THUMBNAILS);
    worker.advance(24 * 3_600_000);
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

  it('waits without a key while clocks may differ about its deadline, and is at risk no more', async () => {
    const { request, recoveries } = await stalledJob();
    worker.advance(23 * 3_600_000 + 5 * 60_000);
    worker.use({ api: null });
    expect((await worker.deliver(request)).isDone).toBe(true);
    expect(await recoveries()).toMatchObject([{ state: 'pending' }]);
    const metrics = worker.metrics().map(({ metric }) => metric);
    expect(metrics).not.toContain('atRiskRecoveries');
    expect(metrics).not.toContain('lostFiles');
  });

  it('is settled although the topic does not take the event of its loss, which stays owed', async () => {
    const { request, recoveries } = await stalledJob();
    worker.advance(24 * 3_600_000);
    const { events } = worker.tools();
    worker.use({ events: { publish: () => Promise.reject(new Error('the topic is out of order')) } });
    const delivered = await worker.deliver({ ...request, origin: 'reconcile' });
    worker.use({ events });
    expect(delivered.isDone).toBe(true);
    expect(await recoveries()).toMatchObject([{ state: 'lost', eventOwedAt: expect.any(Number) }]);
  });
});

describe('a redrive of a settled recovery', () => {
  async function lostJob() {
    const { jobId, outputIds, messages } = await worker.failedJob();
    const [message] = messages;
    if (message === undefined) throw new Error('expected a message');
    const files = message.files.map((file) => ({
      ...file,
      url: file.url.replace(/Signature=./, 'Signature=x'),
    }));
    worker.use({ api: null });
    await worker.deliver({ ...message, files });
    worker.use({ api: worker.standIn.api('full') });
    const recoveries = async () => (await worker.job(jobId)).recoveries;
    const request: RedriveMessage = { type: 'redrive', version: 1, jobId, outputId: outputIds[0] ?? '' };
    return { recoveries, request };
  }

  it('opens it again and recovers what can still be had, with an event of its own', async () => {
    const { request, recoveries } = await lostJob();
    expect(await recoveries()).toMatchObject([{ state: 'lost' }]);
    await worker.deliver(request);
    expect(await recoveries()).toMatchObject([{ state: 'pending', redrives: 1 }]);
    await worker.next();
    expect(await recoveries()).toMatchObject([{ state: 'recovered', redrives: 1 }]);
    const events = (await worker.events()).filter(({ type }) => type !== 'primary-failure');
    expect(events.map(({ type }) => type)).toEqual(['recovery-lost', 'recovery-recovered']);
  });

  it('is for a person to ask for: reconcile passes it over', async () => {
    const { request, recoveries } = await lostJob();
    const before = await recoveries();
    const api = worker.standIn.api('full');
    worker.use({ api });
    expect((await worker.deliver({ ...request, origin: 'reconcile' })).isDone).toBe(true);
    expect(await recoveries()).toEqual(before);
    expect(api.remaining).toBeNull();
  });

  it('asks Zencoder nothing once the deadline is over: the file is gone there', async () => {
    const { request, recoveries } = await lostJob();
    const before = await recoveries();
    worker.advance(25 * 3_600_000);
    const api = worker.standIn.api('full');
    worker.use({ api });
    expect((await worker.deliver(request)).isDone).toBe(true);
    expect(await recoveries()).toEqual(before);
    expect(api.remaining).toBeNull();
    expect(worker.lines).toContainEqual(
      expect.objectContaining({ message: 'not redriven', reason: expect.stringContaining('expired at') }),
    );
  });

  it('leaves it as it is when there is no fresh URL', async () => {
    const { request, recoveries } = await lostJob();
    const before = await recoveries();
    worker.use({ api: null });
    expect((await worker.deliver(request)).isDone).toBe(true);
    expect(await recoveries()).toEqual(before);
    expect(worker.metrics()).not.toContainEqual(expect.objectContaining({ metric: 'atRiskRecoveries' }));
  });

  it('does nothing for a recovered file', async () => {
    const { request, recoveries } = await lostJob();
    await worker.deliver(request);
    await worker.next();
    const before = await recoveries();
    expect((await worker.deliver(request)).isDone).toBe(true);
    expect(await recoveries()).toEqual(before);
    expect(await worker.depth()).toEqual({ visible: 0, hidden: 0 });
  });
});

describe('a redrive of an output that the ledger does not know', () => {
  it('records and recovers what Zencoder tells of it', async () => {
    const { jobId, outputIds } = await worker.failedJob();
    await worker.deliver({ type: 'redrive', version: 1, jobId, outputId: outputIds[0] ?? '' });
    await worker.next();
    expect(await worker.job(jobId)).toMatchObject({
      failures: [{ errorClass: expect.stringContaining('Error') }],
      recoveries: [{ state: 'recovered' }],
    });
  });

  it('is done with when Zencoder does not know it either, or there is no key', async () => {
    const request: RedriveMessage = { type: 'redrive', version: 1, jobId: '1', outputId: '2' };
    expect((await worker.deliver(request)).isDone).toBe(true);
    worker.use({ api: null });
    expect((await worker.deliver(request)).isDone).toBe(true);
    expect(await worker.depth()).toEqual({ visible: 0, hidden: 0 });
  });
});
