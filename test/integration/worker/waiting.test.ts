import { describe, expect, it } from 'vitest';
import { accessDenied } from '../../../infra/local/aws/s3/faults.ts';
import { HOUR_MS, MINUTE_MS } from '../../../lambda/shared/runtime/durations.ts';
import {
  deliverAndDie,
  denyBucket,
  failOutput,
  recoveryOf,
  useWorker,
  worker,
} from '../../support/worker-fixture.ts';

useWorker();

/** A recovery whose first attempt the bucket refused. */
async function waiting() {
  const { message } = await failOutput();
  denyBucket();
  const first = await worker.deliver(message);
  return { message, first, recovery: () => recoveryOf(message) };
}

describe('a recovery that waits for its next attempt', () => {
  it('has its error, the time of the next attempt and its message in the ledger', async () => {
    const { first, recovery } = await waiting();
    expect(first.isDone).toBe(false);
    expect(await recovery()).toMatchObject({
      state: 'pending',
      attempts: 1,
      lastError: { errorClass: 'DestinationDenied', category: 'action-required' },
      nextAttemptMessage: { messageId: first.message.MessageId },
    });
    const { nextAttemptAt = 0 } = (await recovery()) ?? {};
    expect(nextAttemptAt - worker.now()).toBeGreaterThan(0);
    expect(await worker.depth()).toMatchObject({ visible: 0 });
    expect(worker.metrics()).toContainEqual({
      metric: 'actionRequired',
      value: 1,
      by: 'DestinationDenied',
    });
  });

  it('is attempted once by a repeated notification, and then left to that message', async () => {
    const { message, first, recovery } = await waiting();
    const repeated = await worker.deliver({ ...message });
    expect(repeated.isDone).toBe(false);
    expect(await recovery()).toMatchObject({
      attempts: 2,
      nextAttemptMessage: { messageId: repeated.message.MessageId },
    });
    const before = await recovery();
    expect((await worker.redeliver(first)).isDone).toBe(false);
    expect(await recovery()).toEqual(before);
  });

  it('is attempted at every delivery of its own message, even before its time', async () => {
    const { first, recovery } = await waiting();
    const early = await worker.redeliver(first);
    expect(early.isDone).toBe(false);
    expect(await recovery()).toMatchObject({ attempts: 2 });
  });

  it('is attempted at each delivery in time until it is recovered', async () => {
    const { first, recovery } = await waiting();
    let delivered = first;
    for (let attempt = 2; attempt <= 9; attempt++) {
      worker.advance(15 * MINUTE_MS);
      delivered = await worker.redeliver(delivered);
      expect(delivered.isDone).toBe(false);
      expect(await recovery()).toMatchObject({ attempts: attempt });
    }
    worker.s3.setFaults(undefined);
    worker.advance(15 * MINUTE_MS);
    expect((await worker.redeliver(delivered)).isDone).toBe(true);
    expect(await recovery()).toMatchObject({ state: 'recovered', attempts: 10 });
  });

  it('is lost, with the last error, when the deadline passes', async () => {
    const { first, recovery } = await waiting();
    worker.s3.setFaults(({ operation }) =>
      operation === 'HeadObject' ? undefined : accessDenied('s3:PutObject', 'arn:aws:s3:::acme'),
    );
    worker.advance(25 * HOUR_MS);
    expect((await worker.redeliver(first)).isDone).toBe(true);
    expect(await recovery()).toMatchObject({
      state: 'lost',
      lastError: { errorClass: 'DeadlinePassed', message: expect.stringContaining('DestinationDenied') },
    });
    expect(worker.metrics()).toContainEqual({ metric: 'lostFiles', value: 1, by: 'DeadlinePassed' });
  });
});

describe('a message whose invocation died', () => {
  it('is redelivered when its lease has expired, until which other messages leave the recovery unchanged', async () => {
    const { message, recoveries } = await failOutput();
    const first = await deliverAndDie(message);
    expect(first.isDone).toBe(false);
    expect(await recoveries()).toMatchObject([
      { state: 'copying', lease: { messageId: first.message.MessageId } },
    ]);

    expect((await worker.deliver({ ...message })).isDone).toBe(false);
    const again = await worker.redeliver(first);
    expect(again.isDone).toBe(false);
    worker.advance(16 * MINUTE_MS);
    expect((await worker.redeliver(again)).isDone).toBe(true);
    expect(await recoveries()).toMatchObject([{ state: 'recovered' }]);
  });
});
