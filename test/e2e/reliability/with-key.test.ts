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
  running = await startRunningStack({ apiAccess: 'full' });
});
afterAll(() => running?.close());
afterEach(() => {
  running.destination.setFaults(undefined);
  running.standIn.zencoder.withholdNotifications = false;
});

const refuse = () =>
  running.destination.setFaults(({ operation }) =>
    operation === 'PutObject' || operation === 'CreateMultipartUpload'
      ? accessDenied('s3:PutObject', 'arn:aws:s3:::acme')
      : undefined,
  );

describe('a destination that denies access for 20 hours', () => {
  it('is retried throughout, and receives the file soon after it is fixed, without manual action', async () => {
    refuse();
    const jobId = await running.failedJob();
    let record = await running.recovery(jobId, isWaiting);
    const first = running.clock.now();
    while (running.clock.now() < first + 20 * HOUR_MS) {
      const { attempts } = record;
      running.clock.advance(HOUR_MS);
      record = await running.recovery(jobId, (now) => now.attempts > attempts && isWaiting(now));
    }
    expect(record).toMatchObject({
      state: 'pending',
      lastError: { errorClass: 'DestinationDenied', category: 'action-required' },
    });
    expect(record.attempts).toBeGreaterThan(20);
    expect((record.nextAttemptAt ?? 0) - running.clock.now()).toBeLessThanOrEqual(15 * MINUTE_MS);
    expect(running.metric('worker', 'actionRequired', 'DestinationDenied').length).toBeGreaterThan(15);

    running.destination.setFaults(undefined);
    running.clock.advance(15 * MINUTE_MS);
    await running.recovery(jobId, ({ state }) => state === 'recovered');
    expect(running.metric('worker', 'lostFiles')).toEqual([]);
    await running.idle();
  });
});

describe('a recovery whose message was deleted from the queue', () => {
  it('is resumed by reconcile with a fresh URL', async () => {
    refuse();
    const jobId = await running.failedJob();
    const { nextAttemptMessage } = await running.recovery(jobId, isWaiting);
    await running.stack.clients.sqs.send(
      new DeleteMessageCommand({
        QueueUrl: outputOf(running.stack, 'QueueUrl'),
        ReceiptHandle: nextAttemptMessage?.receiptHandle,
      }),
    );
    running.destination.setFaults(undefined);
    await running.idle();

    running.clock.advance(40 * MINUTE_MS);
    const recovered = await running.recovery(jobId, ({ state }) => state === 'recovered');
    expect(recovered.attempts).toBe(2);
  });
});

describe('a failed output without a notification', () => {
  it("is found by the scheduled scan of Zencoder's jobs", async () => {
    running.standIn.zencoder.withholdNotifications = true;
    const jobId = await running.failedJob();
    expect(await running.job(jobId)).toEqual({ failures: [], recoveries: [] });

    running.clock.advance(11 * MINUTE_MS);
    const recovered = await running.recovery(jobId, ({ state }) => state === 'recovered');
    expect(recovered).toMatchObject({ attempts: 1, passThrough: 'asset:1' });
    expect((await running.job(jobId)).failures).toMatchObject([{ role: 'media' }]);
  });
});

describe('the events topic', () => {
  it('receives one event for each failure and each outcome', async () => {
    await running.idle();
    const events = await running.events();
    const byId = new Map(events.map((event) => [event.id, event.type]));
    expect([...byId.values()].toSorted()).toEqual([
      ...Array.from({ length: 3 }, () => 'primary-failure'),
      ...Array.from({ length: 3 }, () => 'recovery-recovered'),
    ]);
  });
});
