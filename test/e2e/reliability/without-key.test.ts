import { DeleteMessageCommand } from '@aws-sdk/client-sqs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { accessDenied } from '../../../infra/local/aws/s3/faults.ts';
import type { RecoveryRecord } from '../../../lambda/shared/ledger/records.ts';
import { HOUR_MS, MINUTE_MS } from '../../../lambda/shared/runtime/durations.ts';
import { type RunningStack, startRunningStack } from '../../support/running-stack.ts';
import { outputOf } from '../../support/stack.ts';

let running: RunningStack;

/** Its message is hidden until some time ahead. */
const isWaiting = ({ nextAttemptAt = 0 }: RecoveryRecord) => nextAttemptAt > running.clock.now();

beforeAll(async () => {
  running = await startRunningStack();
});
afterAll(() => running?.close());
afterEach(() => {
  running.destination.setFaults(undefined);
  running.standIn.storage.setFaults(undefined);
});

describe('a source that returns 404', () => {
  it('is retried for two of its 24 hours, then the file is lost with the reason, one metric and one event', async () => {
    running.standIn.storage.setFaults(({ operation }) =>
      operation === 'GetObject' ? { status: 404, code: 'NoSuchKey' } : undefined,
    );
    const jobId = await running.failedJob();
    await running.recovery(jobId, isWaiting);
    // Both notifications, of the output and of the job, have an attempt of their own.
    running.clock.advance(MINUTE_MS);
    const { attempts } = await running.recovery(jobId, (now) => now.attempts >= 2 && isWaiting(now));
    expect(running.metric('worker', 'lostFiles', 'SourceNotFound')).toEqual([]);
    running.clock.advance(2 * HOUR_MS);
    const lost = await running.recovery(jobId, ({ state }) => state === 'lost');
    expect(lost).toMatchObject({ attempts: attempts + 1, lastError: { errorClass: 'SourceNotFound' } });
    await running.idle();
    expect(running.metric('worker', 'lostFiles', 'SourceNotFound')).toEqual([1]);
    const events = await running.events();
    expect(events.map(({ type }) => type).toSorted()).toEqual(['primary-failure', 'recovery-lost']);
    expect(events.find(({ type }) => type === 'recovery-lost')).toMatchObject({
      job: { id: jobId, passThrough: 'asset:1' },
      error: { errorClass: 'SourceNotFound' },
    });
  });
});

describe('a source that stays unavailable', () => {
  it('is retried until the URL expires, then the file is lost with the last error', async () => {
    running.standIn.storage.setFaults(({ operation }) =>
      operation === 'GetObject' ? { status: 503, code: 'ServiceUnavailable' } : undefined,
    );
    const jobId = await running.failedJob();
    let record = await running.recovery(jobId, isWaiting);
    for (let step = 0; step < 5; step++) {
      const { attempts } = record;
      running.clock.advance(4 * HOUR_MS);
      record = await running.recovery(jobId, (now) => now.attempts > attempts && isWaiting(now));
    }
    expect(running.metric('reconcile', 'atRiskRecoveries').at(-1)).toBeGreaterThanOrEqual(1);
    running.clock.advance(5 * HOUR_MS);
    const lost = await running.recovery(jobId, ({ state }) => state === 'lost');
    expect(lost.lastError).toMatchObject({
      errorClass: 'DeadlinePassed',
      message: expect.stringContaining('SourceUnavailable'),
    });
    await running.idle();
    expect(running.metric('worker', 'lostFiles', 'DeadlinePassed')).toEqual([1]);
  });
});

describe('a recovery whose message was deleted from the queue', () => {
  it('is reported as at risk by the schedule, with the action required', async () => {
    running.destination.setFaults(() => accessDenied('s3:PutObject', 'arn:aws:s3:::acme'));
    const jobId = await running.failedJob();
    const { nextAttemptMessage } = await running.recovery(jobId, isWaiting);
    await running.stack.clients.sqs.send(
      new DeleteMessageCommand({
        QueueUrl: outputOf(running.stack, 'QueueUrl'),
        ReceiptHandle: nextAttemptMessage?.receiptHandle,
      }),
    );
    await running.idle();
    running.clock.advance(40 * MINUTE_MS);
    const noted = await running.recovery(jobId, ({ lastError }) => lastError?.errorClass === 'NoFreshUrl');
    expect(noted).toMatchObject({
      state: 'pending',
      lastError: { message: expect.stringContaining('zencoderApiKeySecretArn') },
    });
    await running.stack.schedules.run('reconcile');
    expect(running.metric('reconcile', 'atRiskRecoveries').at(-1)).toBe(1);
    const lines = running.lines().filter((line) => line.includes('"at risk"') && line.includes(jobId));
    expect(lines.join('\n')).toContain('zencoderApiKeySecretArn');
  });
});
