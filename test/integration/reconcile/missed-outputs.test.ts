import { describe, expect, it } from 'vitest';
import { failureItemKey, recoveryItemKey } from '../../../lambda/shared/ledger/table.ts';
import { MINUTE_MS } from '../../../lambda/shared/runtime/durations.ts';
import type { ZencoderApi } from '../../../lambda/shared/zencoder/api.ts';
import { NotAtZencoder } from '../../../lambda/shared/zencoder/api-errors.ts';
import { parseJobDetails } from '../../../lambda/shared/zencoder/job-details.ts';
import type { TestWorker } from '../../support/worker.ts';
import { failOutput, worker } from '../../support/worker-fixture.ts';
import { WITH_THUMBNAILS } from '../../support/zencoder-stand-in.ts';
import { handleVisible, lines, measured, run, sent, useReconcile } from './reconcile-fixture.ts';

useReconcile();

describe('the comparison of jobs at Zencoder with the ledger', () => {
  it('queues outputs of which no notification was received', async () => {
    const notified = await worker.failedJob();
    await worker.deliver(notified.messages[0] ?? '');
    const missed = await worker.failedJob({}, WITH_THUMBNAILS);
    worker.advance(10 * MINUTE_MS);
    const { jobs } = await run();
    expect(jobs).toMatchObject({ missed: 2, unfinished: false });
    expect(sent.map((message) => message.type === 'output' && message.origin)).toEqual([
      'reconcile',
      'reconcile',
    ]);
    await handleVisible();
    const { failures, recoveries } = await worker.job(missed.jobId);
    expect(failures).not.toEqual([]);
    expect(recoveries.map(({ state }) => state)).toEqual(recoveries.map(() => 'recovered'));
    expect(recoveries.length).toBeGreaterThanOrEqual(2);
  });

  it('recovers thumbnails that the API lists for a job whose outputs could each own them, once', async () => {
    const missed = await worker.failedJob(WITH_THUMBNAILS, WITH_THUMBNAILS);
    const details = await worker.standIn.api('full').getJob(missed.jobId);
    expect(details.unassignedThumbnails.length).toBeGreaterThan(0);
    worker.advance(10 * MINUTE_MS);
    await run();
    await handleVisible();
    const { recoveries } = await worker.job(missed.jobId);
    const images = recoveries.filter(({ role }) => role === 'thumbnail');
    expect(images).toHaveLength(details.unassignedThumbnails.length);
    expect(new Set(recoveries.map(({ state }) => state))).toEqual(new Set(['recovered']));

    sent.splice(0);
    await run({
      api: { ...worker.standIn.api('full'), listJobs: async () => ({ jobs: [details], isLast: true }) },
    });
    expect(sent).toEqual([]);
  });

  it('requests each job where the list has no details, and continues after one that the API does not know', async () => {
    const missed: Awaited<ReturnType<TestWorker['failedJob']>>[] = [];
    for (let count = 0; count < 7; count += 1) missed.push(await worker.failedJob());
    worker.advance(10 * MINUTE_MS);
    const api = worker.standIn.api('full');
    const withoutDetails = {
      ...api,
      listJobs: async (page: number) => {
        const list = await api.listJobs(page);
        const noDetails = { backupServerUsed: false, uploadError: null, thumbnailUploadError: null };
        const outputs = (job: (typeof list.jobs)[number]) =>
          job.outputs.map((output) => ({ ...output, ...noDetails }));
        return { ...list, jobs: list.jobs.map((job) => ({ ...job, outputs: outputs(job) })) };
      },
      getJob: (id: string) =>
        id === missed[3]?.jobId ? Promise.reject(new NotAtZencoder('no such job')) : api.getJob(id),
    };

    await run({ api: withoutDetails });

    const found = sent.flatMap((message) => (message.type === 'output' ? message.job.id : []));
    const expected = missed.filter((_, index) => index !== 3).map(({ jobId }) => jobId);
    expect(found).toEqual(expect.arrayContaining(expected));
    await handleVisible();
  });

  it('reads each job once, by one request per run when no job is new', async () => {
    await run();
    sent.splice(0);
    const api = worker.standIn.api('full');
    const { jobs } = await run({ api });
    expect(jobs).toMatchObject({ pages: 1, jobs: 0, missed: 0 });
    expect(sent).toEqual([]);
  });

  it('queues an output whose files are in the ledger without its failure', async () => {
    await run();
    sent.splice(0);
    const { jobId, message } = await failOutput();
    await worker.deliver({ ...message, failures: [] });
    expect((await worker.job(jobId)).failures).toEqual([]);
    worker.advance(6 * MINUTE_MS);

    const { jobs } = await run();

    expect(jobs).toMatchObject({ missed: 1 });
    await handleVisible();
    expect((await worker.job(jobId)).failures).toHaveLength(1);
  });

  it('queues a lost file once, also while an older job is still running', async () => {
    const api = worker.standIn.api('full');
    const { jobId, message } = await failOutput();
    const running = parseJobDetails({ job: { id: 1, state: 'processing', output_media_files: [] } });
    const withRunningJob: ZencoderApi = {
      ...api,
      listJobs: async (number) => {
        const page = await api.listJobs(number);
        return { ...page, jobs: [...page.jobs, running] };
      },
    };
    worker.standIn.storage.setFaults(() => ({ status: 403, code: 'AccessDenied' }));
    await worker.deliver(message);
    worker.advance(6 * MINUTE_MS);

    await run({ api: withRunningJob });
    expect(sent).toMatchObject([{ type: 'output', job: { id: jobId }, origin: 'reconcile' }]);
    await handleVisible();
    await run({ api: withRunningJob });
    worker.standIn.storage.setFaults(undefined);

    expect(sent).toHaveLength(1);
    expect((await worker.job(jobId)).recoveries).toMatchObject([{ state: 'lost', redrives: 1 }]);
  });

  it('ignores a job for some minutes, in which its notification may be received', async () => {
    await run();
    const { jobId } = await failOutput();
    await run();
    expect(sent).toEqual([]);
    worker.advance(6 * MINUTE_MS);
    await run();
    expect(sent).toMatchObject([{ type: 'output', job: { id: jobId } }]);
    await handleVisible();
  });

  it('has an output recovered once when two concurrent runs find it', async () => {
    const { jobId } = await failOutput();
    worker.advance(6 * MINUTE_MS);
    await Promise.all([run(), run()]);
    await handleVisible();
    expect((await worker.job(jobId)).recoveries).toMatchObject([{ state: 'recovered', attempts: 1 }]);
  });

  it('continues in a later run when the API is unavailable or limits requests', async () => {
    const { jobId } = await failOutput();
    worker.advance(6 * MINUTE_MS);
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
    await handleVisible();
  });

  it('reports a read-only key, with which it is not possible', async () => {
    await failOutput();
    worker.advance(6 * MINUTE_MS);
    await run({ api: worker.standIn.api('read-only') });
    expect(measured).toContainEqual({ metric: 'actionRequired', value: 1, by: 'ReadOnlyKey' });
    expect(lines).toContainEqual(expect.objectContaining({ level: 'error' }));
    await run();
    await handleVisible();
  });

  it('does not queue an output whose records are unreadable', async () => {
    await run();
    sent.splice(0);
    const { jobId, message } = await failOutput();
    await worker.deliver(message);
    const { recoveries, failures } = await worker.job(jobId);
    for (const key of [...recoveries.map(recoveryItemKey), ...failures.map(failureItemKey)]) {
      await worker.ledger.edit(key, 'role', 'caption');
    }
    worker.advance(6 * MINUTE_MS);

    const { jobs } = await run();

    expect(jobs).toMatchObject({ jobs: 1, missed: 0 });
    expect(sent).toEqual([]);
  });
});

describe('ledger.watermark.save', () => {
  it('saves only over the version that was read', async () => {
    const { watermark } = worker.ledger;
    const read = await watermark.read();
    const next = { doneTo: '17', scan: { page: 2, below: '20', top: '30' } };
    expect(await watermark.save(read, next)).toBe(true);
    expect(await watermark.save(read, { doneTo: '99', scan: null })).toBe(false);
    expect(await watermark.read()).toEqual({ ...next, version: read.version + 1 });
  });
});
