import { DeleteMessageCommand, PurgeQueueCommand, SendMessageBatchCommand } from '@aws-sdk/client-sqs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { accessDenied } from '../../../infra/local/aws/s3/faults.ts';
import type { ReconcileDependencies } from '../../../lambda/reconcile/dependencies.ts';
import { backlogOf, stalledAfterMs } from '../../../lambda/reconcile/open-recoveries.ts';
import { reconcile } from '../../../lambda/reconcile/reconcile.ts';
import { failureKey, recoveryKey } from '../../../lambda/shared/ledger/table.ts';
import { encodeMessage, type RecoveryMessage } from '../../../lambda/shared/queue/messages.ts';
import { sendMessages } from '../../../lambda/shared/queue/send.ts';
import type { ZencoderApi } from '../../../lambda/shared/zencoder/api.ts';
import { NotAtZencoder } from '../../../lambda/shared/zencoder/api-errors.ts';
import { parseJobDetails } from '../../../lambda/shared/zencoder/job-details.ts';
import { parseStorageAllowList } from '../../../lambda/shared/zencoder/storage.ts';
import { type Measured, startWorker, type TestWorker } from '../../support/worker.ts';
import { WITH_THUMBNAILS } from '../../support/zencoder-stand-in.ts';

const HOUR = 3_600_000;

let worker: TestWorker;
let sent: RecoveryMessage[];
let measured: Measured[];
let lines: Record<string, unknown>[];

beforeAll(async () => {
  worker = await startWorker();
});
afterAll(() => worker?.close());
beforeEach(() => {
  // The rate limit counts anew, and Zencoder's notifications have had their time.
  worker.advance(10 * 60_000);
  worker.use({ api: worker.standIn.api('full') });
  [sent, measured, lines] = [[], [], []];
});
afterEach(() => {
  worker.s3.setFaults(undefined);
  worker.standIn.zencoder.apiOutage = null;
});

function tools(given: Partial<ReconcileDependencies> = {}): ReconcileDependencies {
  const log =
    (level: string) =>
    (text: unknown, ...details: unknown[]) => {
      lines.push(Object.assign({ level, message: text }, ...details));
    };
  return {
    ledger: worker.ledger,
    api: worker.standIn.api('full'),
    send: async (messages) => {
      sent.push(...messages);
      await sendMessages(worker.messaging.sqs, worker.queueUrl, messages.map(encodeMessage));
    },
    events: worker.tools().events,
    backlog: () => backlogOf(worker.messaging.sqs, worker.queueUrl),
    settings: { storage: parseStorageAllowList(worker.standIn.allowed), collectUnsentOutputs: false },
    atRiskMs: 6 * HOUR,
    stalledAfterMs: stalledAfterMs(990),
    meter: { add: (metric, value, by) => void measured.push({ metric, value, by }) },
    logger: { info: log('info'), warn: log('warn'), error: log('error') },
    now: worker.now,
    ...given,
  };
}

const run = (given: Partial<ReconcileDependencies> = {}) => reconcile(tools(given), worker.now() + 300_000);
const level = (metric: string) => measured.filter((each) => each.metric === metric).map(({ value }) => value);

/** Handles all that is on the queue. */
async function work(): Promise<void> {
  while ((await worker.depth()).visible > 0) await worker.next();
}

/** A recovery that waits for its next attempt. */
async function waitingJob() {
  const { jobId, messages } = await worker.failedJob();
  worker.s3.setFaults(() => accessDenied('s3:PutObject', 'arn:aws:s3:::acme'));
  const { message } = await worker.deliver(messages[0] ?? '');
  worker.s3.setFaults(undefined);
  const recovery = async () => (await worker.job(jobId)).recoveries[0];
  const remove = () =>
    worker.messaging.sqs.send(
      new DeleteMessageCommand({ QueueUrl: worker.queueUrl, ReceiptHandle: message.ReceiptHandle }),
    );
  return { jobId, message, recovery, remove };
}

describe('a recovery whose message is gone', () => {
  it('is queued again once every message would have come back, and recovered with a fresh URL', async () => {
    const { jobId, recovery, remove } = await waitingJob();
    await remove();
    await run();
    expect(sent).toEqual([]);

    worker.advance(40 * 60_000);
    const { recoveries } = await run();
    expect(recoveries).toMatchObject({ open: 1, stalled: 1, requeued: 1, atRisk: 0 });
    expect(sent).toMatchObject([{ type: 'redrive', jobId, origin: 'reconcile' }]);
    await work();
    expect(await recovery()).toMatchObject({ state: 'recovered' });
  });

  it('is not taken for stalled while the queue is behind: its message may not have had its turn', async () => {
    const { jobId, remove } = await waitingJob();
    await remove();
    worker.advance(40 * 60_000);
    const body = JSON.stringify({ type: 'redrive', version: 1, jobId: '1', outputId: '1' });
    const { sqs } = worker.messaging;
    for (let batch = 0; batch < 3; batch += 1) {
      const Entries = Array.from({ length: 10 }, (_, id) => ({ Id: String(id), MessageBody: body }));
      await sqs.send(new SendMessageBatchCommand({ QueueUrl: worker.queueUrl, Entries }));
    }

    const { recoveries } = await run();

    expect(recoveries).toMatchObject({ stalled: 0, requeued: 0 });
    await sqs.send(new PurgeQueueCommand({ QueueUrl: worker.queueUrl }));
    await run();
    expect(sent).toMatchObject([{ type: 'redrive', jobId }]);
    await work();
  });

  it('is queued once when two runs look at it at once', async () => {
    const { remove, recovery } = await waitingJob();
    await remove();
    worker.advance(40 * 60_000);
    await Promise.all([run(), run()]);
    expect(sent.filter(({ type }) => type === 'redrive')).toHaveLength(1);
    await work();
    expect(await recovery()).toMatchObject({ state: 'recovered', attempts: 2 });
  });

  it('is reported at risk without an API key, with what to do, at every run until it is mended', async () => {
    const { jobId, recovery, remove } = await waitingJob();
    await remove();
    worker.advance(40 * 60_000);
    await run({ api: null });
    await run({ api: null });
    expect(sent).toEqual([]);
    expect(level('atRiskRecoveries')).toEqual([1, 1]);
    expect(level('openRecoveries')).toEqual([1, 1]);
    expect(lines).toContainEqual(
      expect.objectContaining({
        message: 'at risk',
        jobId,
        reason: expect.stringContaining('zencoderApiKeySecretArn'),
      }),
    );
    expect(await recovery()).toMatchObject({
      state: 'pending',
      lastError: { errorClass: 'NoFreshUrl', message: expect.stringContaining('zencoderApiKeySecretArn') },
    });
    await run();
    await work();
    expect(await recovery()).toMatchObject({ state: 'recovered' });
    await run({ api: null });
    expect(level('atRiskRecoveries').at(-1)).toBe(0);
  });
});

describe('a recovery whose message is gone when its deadline is over', () => {
  it.each([
    ['without an API key', null],
    ['with a key, of which no use is made', 'full'],
  ] as const)('is lost %s, once, with what happened, and was not at risk before', async (_, access) => {
    const { jobId, recovery, remove } = await waitingJob();
    await remove();
    await worker.events();
    worker.metrics();
    const api = access === null ? null : worker.standIn.api(access);
    worker.use({ api });
    worker.advance(24 * HOUR + 5 * 60_000);
    await run({ api: null });
    expect(sent).toEqual([]);
    expect(level('atRiskRecoveries')).toEqual([0]);

    worker.advance(HOUR);
    const { recoveries } = await run({ api: null });
    expect(recoveries).toMatchObject({ open: 1, stalled: 1, requeued: 1, atRisk: 0 });
    expect(sent).toMatchObject([{ type: 'redrive', jobId, origin: 'reconcile' }]);
    // Its being queued is a sign of life.
    await run({ api: null });
    expect(sent).toHaveLength(1);
    await work();

    expect(await recovery()).toMatchObject({
      state: 'lost',
      lastError: { errorClass: 'DeadlinePassed', message: expect.stringContaining('DestinationDenied') },
    });
    expect(api?.remaining ?? null).toBeNull();
    worker.advance(HOUR);
    await run({ api: null });
    expect(sent).toHaveLength(1);
    expect(await worker.events()).toMatchObject([{ type: 'recovery-lost' }]);
    expect(worker.metrics().filter(({ metric }) => metric === 'lostFiles')).toMatchObject([
      { value: 1, by: 'DeadlinePassed' },
    ]);
  });
});

describe('a record that cannot be read', () => {
  it('keeps no other from being queued again, and is named and counted at every run', async () => {
    const bad = await waitingJob();
    const good = await waitingJob();
    for (const { remove } of [bad, good]) await remove();
    const record = await bad.recovery();
    if (record === undefined) throw new Error('expected a recovery');
    const key = recoveryKey(record);
    await worker.ledger.edit(key, 'role', 'caption');
    worker.advance(40 * 60_000);

    await run();
    await run();

    expect(sent).toMatchObject([{ type: 'redrive', jobId: good.jobId }]);
    expect(level('unreadableRecords')).toEqual([1, 1]);
    expect(lines.filter(({ message }) => message === 'record cannot be read')).toMatchObject([key, key]);
    await work();
    await worker.ledger.edit(key, 'role', record.role);
    await run();
    await work();
    expect(await bad.recovery()).toMatchObject({ state: 'recovered' });
  });

  it('is not taken for one that was never notified', async () => {
    await run();
    sent.splice(0);
    const { jobId, messages } = await worker.failedJob();
    await worker.deliver(messages[0] ?? '');
    const { recoveries, failures } = await worker.job(jobId);
    for (const key of [...recoveries.map(recoveryKey), ...failures.map(failureKey)]) {
      await worker.ledger.edit(key, 'role', 'caption');
    }
    worker.advance(6 * 60_000);

    const { jobs } = await run();

    expect(jobs).toMatchObject({ jobs: 1, missed: 0 });
    expect(sent).toEqual([]);
  });
});

describe('a recovery with little time left', () => {
  it('is counted as at risk and named, and left to its own message', async () => {
    const { jobId, message } = await waitingJob();
    const later = 18.5 * HOUR;
    worker.advance(later);
    // Its message has come back all the while: this is the last time before now.
    worker.s3.setFaults(() => accessDenied('s3:PutObject', 'arn:aws:s3:::acme'));
    const { message: again } = await worker.redeliver({ isDone: false, message });
    await run({ api: null });
    expect(sent).toEqual([]);
    expect(level('atRiskRecoveries')).toEqual([1]);
    expect(lines).toContainEqual(
      expect.objectContaining({ message: 'at risk', jobId, lastErrorClass: 'DestinationDenied' }),
    );
    worker.s3.setFaults(undefined);
    worker.advance(15 * 60_000);
    await worker.redeliver({ isDone: false, message: again });
  });
});

describe('the jobs at Zencoder', () => {
  it('are compared with the ledger, and what no notification told is found', async () => {
    const told = await worker.failedJob();
    await worker.deliver(told.messages[0] ?? '');
    const missed = await worker.failedJob({}, WITH_THUMBNAILS);
    worker.advance(10 * 60_000);
    const { jobs } = await run();
    expect(jobs).toMatchObject({ missed: 2, unfinished: false });
    expect(sent.map((message) => message.type === 'output' && message.origin)).toEqual([
      'reconcile',
      'reconcile',
    ]);
    await work();
    const { failures, recoveries } = await worker.job(missed.jobId);
    expect(failures).not.toEqual([]);
    expect(recoveries.map(({ state }) => state)).toEqual(recoveries.map(() => 'recovered'));
    expect(recoveries.length).toBeGreaterThanOrEqual(2);
  });

  it('are all asked for one by one where the list does not tell, also past one that the API cannot tell about', async () => {
    const missed: Awaited<ReturnType<TestWorker['failedJob']>>[] = [];
    for (let count = 0; count < 7; count += 1) missed.push(await worker.failedJob());
    worker.advance(10 * 60_000);
    const api = worker.standIn.api('full');
    const silent = {
      ...api,
      listJobs: async (page: number) => {
        const list = await api.listJobs(page);
        const untold = { backupServerUsed: false, uploadError: null, thumbnailUploadError: null };
        const outputs = (job: (typeof list.jobs)[number]) =>
          job.outputs.map((output) => ({ ...output, ...untold }));
        return { ...list, jobs: list.jobs.map((job) => ({ ...job, outputs: outputs(job) })) };
      },
      getJob: (id: string) =>
        id === missed[3]?.jobId ? Promise.reject(new NotAtZencoder('no such job')) : api.getJob(id),
    };

    await run({ api: silent });

    const found = sent.flatMap((message) => (message.type === 'output' ? message.job.id : []));
    const wanted = missed.filter((_, index) => index !== 3).map(({ jobId }) => jobId);
    expect(found).toEqual(expect.arrayContaining(wanted));
    await work();
  });

  it('are looked at once, by one request a run when nothing is new', async () => {
    await run();
    sent.splice(0);
    const api = worker.standIn.api('full');
    const { jobs } = await run({ api });
    expect(jobs).toMatchObject({ pages: 1, jobs: 0, missed: 0 });
    expect(sent).toEqual([]);
  });

  it('are found, too, when only their files were notified and the failure was not', async () => {
    await run();
    sent.splice(0);
    const { jobId, messages } = await worker.failedJob();
    const [message] = messages;
    if (message === undefined) throw new Error('expected a message');
    await worker.deliver({ ...message, failures: [] });
    expect((await worker.job(jobId)).failures).toEqual([]);
    worker.advance(6 * 60_000);

    const { jobs } = await run();

    expect(jobs).toMatchObject({ missed: 1 });
    await work();
    expect((await worker.job(jobId)).failures).toHaveLength(1);
  });

  it('have a lost file tried again, once, also while an older job is still running', async () => {
    const api = worker.standIn.api('full');
    const { jobId, messages } = await worker.failedJob();
    const running = parseJobDetails({ job: { id: 1, state: 'processing', output_media_files: [] } });
    const beside: ZencoderApi = {
      ...api,
      listJobs: async (number) => {
        const page = await api.listJobs(number);
        return { ...page, jobs: [...page.jobs, running] };
      },
    };
    worker.standIn.storage.setFaults(() => ({ status: 403, code: 'AccessDenied' }));
    await worker.deliver(messages[0] ?? '');
    worker.advance(6 * 60_000);

    await run({ api: beside });
    expect(sent).toMatchObject([{ type: 'output', job: { id: jobId }, origin: 'reconcile' }]);
    await work();
    await run({ api: beside });
    worker.standIn.storage.setFaults(undefined);

    expect(sent).toHaveLength(1);
    expect((await worker.job(jobId)).recoveries).toMatchObject([{ state: 'lost', redrives: 1 }]);
  });

  it('are left alone for some minutes, in which the notification may still come', async () => {
    await run();
    const { jobId } = await worker.failedJob();
    await run();
    expect(sent).toEqual([]);
    worker.advance(6 * 60_000);
    await run();
    expect(sent).toMatchObject([{ type: 'output', job: { id: jobId } }]);
    await work();
  });

  it('are found in the same way by two runs at once, and recovered once', async () => {
    const { jobId } = await worker.failedJob();
    worker.advance(6 * 60_000);
    await Promise.all([run(), run()]);
    await work();
    expect((await worker.job(jobId)).recoveries).toMatchObject([{ state: 'recovered', attempts: 1 }]);
  });

  it('wait when the API does not answer, or allows no more requests, and are found later', async () => {
    const { jobId } = await worker.failedJob();
    worker.advance(6 * 60_000);
    worker.standIn.zencoder.apiOutage = 503;
    await run();
    worker.standIn.zencoder.apiOutage = null;
    const api = worker.standIn.api('full');
    while ((api.remaining ?? 1) > 0) await api.listJobs(1);
    await run();
    expect(lines.filter(({ level: of }) => of === 'warn')).toMatchObject([
      { error: { errorClass: 'ApiUnavailable' } },
      { error: { errorClass: 'ApiRateLimited' } },
    ]);
    expect(sent).toEqual([]);
    worker.advance(61_000);
    await run();
    expect(sent).toMatchObject([{ job: { id: jobId } }]);
    await work();
  });

  it('cannot be compared with a read-only key, which is said', async () => {
    await worker.failedJob();
    worker.advance(6 * 60_000);
    await run({ api: worker.standIn.api('read-only') });
    expect(measured).toContainEqual({ metric: 'actionRequired', value: 1, by: 'ReadOnlyKey' });
    expect(lines).toContainEqual(expect.objectContaining({ level: 'error' }));
    await run();
    await work();
  });
});

describe('the watermark', () => {
  it('is kept by whoever has seen the last one', async () => {
    const { ledger } = worker;
    const seen = await ledger.watermark.read();
    const next = { doneTo: '17', scan: { page: 2, below: '20', top: '30' } };
    expect(await ledger.watermark.save(seen, next)).toBe(true);
    expect(await ledger.watermark.save(seen, { doneTo: '99', scan: null })).toBe(false);
    expect(await ledger.watermark.read()).toEqual({ ...next, version: seen.version + 1 });
  });
});
