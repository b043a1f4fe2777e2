import { PurgeQueueCommand, SendMessageBatchCommand } from '@aws-sdk/client-sqs';
import { describe, expect, it } from 'vitest';
import { reconcileOpen } from '../../../lambda/reconcile/open-recoveries.ts';
import { recoveryItemKey } from '../../../lambda/shared/ledger/table.ts';
import { HOUR_MS, MINUTE_MS } from '../../../lambda/shared/runtime/durations.ts';
import { ApiRateLimited } from '../../../lambda/shared/zencoder/api-errors.ts';
import { denyBucket, failOutput, worker } from '../../support/worker-fixture.ts';
import { WITH_THUMBNAILS } from '../../support/zencoder-stand-in.ts';
import {
  deliverDenied,
  drop,
  handleVisible,
  lines,
  reconcileDependencies,
  run,
  sent,
  useReconcile,
  valuesOf,
  waitingOutput,
} from './reconcile-fixture.ts';

useReconcile();

describe('a recovery whose message was deleted', () => {
  it('is queued again once any message would be redelivered, and recovered with a fresh URL', async () => {
    const { jobId, recovery, delivered } = await waitingOutput();
    await drop(delivered);
    await run();
    expect(sent).toEqual([]);

    worker.advance(40 * MINUTE_MS);
    const { recoveries } = await run();
    expect(recoveries).toMatchObject({ open: 1, stalled: 1, requeued: 1, atRisk: 0 });
    expect(sent).toMatchObject([{ type: 'redrive', jobId, origin: 'reconcile' }]);
    await handleVisible();
    expect(await recovery()).toMatchObject({ state: 'recovered' });
  });

  it('is not reported as stalled while the queue has a backlog, in which its message may be', async () => {
    const { jobId, delivered } = await waitingOutput();
    await drop(delivered);
    worker.advance(40 * MINUTE_MS);
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
    await handleVisible();
  });

  it('is queued once by two concurrent runs', async () => {
    const { delivered, recovery } = await waitingOutput();
    await drop(delivered);
    worker.advance(40 * MINUTE_MS);
    await Promise.all([run(), run()]);
    expect(sent.filter(({ type }) => type === 'redrive')).toHaveLength(1);
    await handleVisible();
    expect(await recovery()).toMatchObject({ state: 'recovered', attempts: 2 });
  });

  it('is reported at risk with the missing setting in every run without an API key', async () => {
    const { jobId, recovery, delivered } = await waitingOutput();
    await drop(delivered);
    worker.advance(40 * MINUTE_MS);
    await run({ api: null });
    await run({ api: null });
    expect(sent).toEqual([]);
    expect(valuesOf('atRiskRecoveries')).toEqual([1, 1]);
    expect(valuesOf('openRecoveries')).toEqual([1, 1]);
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
    await handleVisible();
    expect(await recovery()).toMatchObject({ state: 'recovered' });
    await run({ api: null });
    expect(valuesOf('atRiskRecoveries').at(-1)).toBe(0);
  });
});

describe('a recovery whose message was deleted, beside other files of its output', () => {
  /** An output with one media file and two thumbnails. */
  async function outputWithThumbnails() {
    const { jobId, message, recoveries } = await failOutput(WITH_THUMBNAILS);
    const only = (role: string) => ({
      ...message,
      files: message.files.filter((file) => file.role === role),
    });
    const recoveriesOf = async (role: string) =>
      (await recoveries()).filter((record) => record.role === role);
    return { jobId, message, only, recoveriesOf };
  }

  const runOpen = () =>
    reconcileOpen(reconcileDependencies({ atRiskMs: 0, backlog: () => Promise.resolve(0) }));

  it('is queued alone when the other files have a message', async () => {
    const { jobId, only, recoveriesOf } = await outputWithThumbnails();
    await drop(await deliverDenied(only('media')));
    worker.advance(40 * MINUTE_MS);
    const waiting = await deliverDenied(only('thumbnail'));
    const thumbnails = await recoveriesOf('thumbnail');
    const [media] = await recoveriesOf('media');

    expect(await runOpen()).toMatchObject({ open: 3, stalled: 1, requeued: 1 });

    const { role, fileId } = media ?? {};
    expect(sent).toMatchObject([{ type: 'redrive', jobId, role, fileId, origin: 'reconcile' }]);
    await handleVisible();
    expect(await recoveriesOf('media')).toMatchObject([{ state: 'recovered' }]);
    expect(await recoveriesOf('thumbnail')).toEqual(thumbnails);
    worker.advance(15 * MINUTE_MS);
    await worker.redeliver(waiting);
  });

  it('is queued with the whole output when no file has a message', async () => {
    const { jobId, message, recoveriesOf } = await outputWithThumbnails();
    await drop(await deliverDenied(message));
    worker.advance(40 * MINUTE_MS);

    expect(await runOpen()).toMatchObject({ open: 3, stalled: 3, requeued: 1 });

    expect(sent).toHaveLength(1);
    expect(sent).toMatchObject([{ type: 'redrive', jobId }]);
    expect(sent[0]).not.toHaveProperty('fileId');
    await handleVisible();
    expect(await recoveriesOf('thumbnail')).toMatchObject([{ state: 'recovered' }, { state: 'recovered' }]);
  });

  it('is not queued again while its redrive waits for the rate limit of the API', async () => {
    const { message, recoveriesOf } = await outputWithThumbnails();
    await drop(await deliverDenied(message));
    worker.advance(40 * MINUTE_MS);
    await runOpen();
    const api = worker.standIn.api('full');
    const getOutput = () => Promise.reject(new ApiRateLimited(10 * MINUTE_MS));
    worker.use({ api: { ...api, getOutput } });
    let waiting = await worker.next();
    for (const _ of Array.from({ length: 4 })) {
      expect(waiting.isDone).toBe(false);
      worker.advance(15 * MINUTE_MS);
      await runOpen();
      waiting = await worker.redeliver(waiting);
    }
    expect(sent).toHaveLength(1);

    worker.use({ api });
    await worker.redeliver(waiting);
    await worker.next();
    expect(await recoveriesOf('media')).toMatchObject([{ state: 'recovered' }]);
  });
});

describe('a recovery whose message was deleted and whose deadline has passed', () => {
  it.each([
    ['without an API key', null],
    ['with a key, which is not used', 'full'],
  ] as const)('is settled as lost once, %s, with its last error', async (_, access) => {
    const { jobId, recovery, delivered } = await waitingOutput();
    await drop(delivered);
    await worker.events();
    worker.metrics();
    const api = access === null ? null : worker.standIn.api(access);
    worker.use({ api });
    worker.advance(24 * HOUR_MS + 5 * MINUTE_MS);
    await run({ api: null });
    expect(sent).toEqual([]);
    expect(valuesOf('atRiskRecoveries')).toEqual([0]);

    worker.advance(HOUR_MS);
    const { recoveries } = await run({ api: null });
    expect(recoveries).toMatchObject({ open: 1, stalled: 1, requeued: 1, atRisk: 0 });
    expect(sent).toMatchObject([{ type: 'redrive', jobId, origin: 'reconcile' }]);
    // A recovery that was queued is not stalled.
    await run({ api: null });
    expect(sent).toHaveLength(1);
    await handleVisible();

    expect(await recovery()).toMatchObject({
      state: 'lost',
      lastError: { errorClass: 'DeadlinePassed', message: expect.stringContaining('DestinationDenied') },
    });
    expect(api?.remaining ?? null).toBeNull();
    worker.advance(HOUR_MS);
    await run({ api: null });
    expect(sent).toHaveLength(1);
    expect(await worker.events()).toMatchObject([{ type: 'recovery-lost' }]);
    expect(worker.metrics().filter(({ metric }) => metric === 'lostFiles')).toMatchObject([
      { value: 1, by: 'DeadlinePassed' },
    ]);
  });
});

describe('an unreadable record', () => {
  it('does not prevent others from being queued, and is logged and counted in every run', async () => {
    const bad = await waitingOutput();
    const good = await waitingOutput();
    for (const { delivered } of [bad, good]) await drop(delivered);
    const record = await bad.recovery();
    if (record === undefined) throw new Error('expected a recovery');
    const key = recoveryItemKey(record);
    await worker.ledger.edit(key, 'role', 'caption');
    worker.advance(40 * MINUTE_MS);

    await run();
    await run();

    expect(sent).toMatchObject([{ type: 'redrive', jobId: good.jobId }]);
    expect(valuesOf('unreadableRecords')).toEqual([1, 1]);
    expect(lines.filter(({ message }) => message === 'record cannot be read')).toMatchObject([key, key]);
    await handleVisible();
    await worker.ledger.edit(key, 'role', record.role);
    await run();
    await handleVisible();
    expect(await bad.recovery()).toMatchObject({ state: 'recovered' });
  });
});

describe('a recovery near its deadline', () => {
  it('is counted and logged as at risk, and left to its own message', async () => {
    const { jobId, delivered } = await waitingOutput();
    worker.advance(18.5 * HOUR_MS);
    // Its message was redelivered in the meantime: this is the last delivery before now.
    denyBucket();
    const redelivered = await worker.redeliver(delivered);
    await run({ api: null });
    expect(sent).toEqual([]);
    expect(valuesOf('atRiskRecoveries')).toEqual([1]);
    expect(lines).toContainEqual(
      expect.objectContaining({ message: 'at risk', jobId, lastErrorClass: 'DestinationDenied' }),
    );
    worker.s3.setFaults(undefined);
    worker.advance(15 * MINUTE_MS);
    await worker.redeliver(redelivered);
  });
});
