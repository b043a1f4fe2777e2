import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { accessDenied } from '../../../infra/local/aws/s3/faults.ts';
import { startWorker, type TestWorker } from '../../support/worker.ts';

let worker: TestWorker;
beforeAll(async () => {
  worker = await startWorker();
});
afterAll(() => worker?.close());
afterEach(() => worker.s3.setFaults(undefined));

const refuse = () => worker.s3.setFaults(() => accessDenied('s3:PutObject', 'arn:aws:s3:::acme'));

/** A recovery whose first attempt was refused by the customer's bucket. */
async function waiting() {
  const { jobId, messages } = await worker.failedJob();
  const [message] = messages;
  if (message === undefined) throw new Error('expected a message');
  refuse();
  const first = await worker.deliver(message);
  const recovery = async () => (await worker.job(jobId)).recoveries[0];
  return { message, first, recovery };
}

describe('a recovery that waits for its next attempt', () => {
  it('says in the ledger what happened, when it goes on and by which message', async () => {
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

  it('is tried once by a repeated notification, which then stays in reserve while it waits for another message', async () => {
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

  it('is tried whenever its own message comes, with all the other files of that message', async () => {
    const { first, recovery } = await waiting();
    const early = await worker.redeliver(first);
    expect(early.isDone).toBe(false);
    expect(await recovery()).toMatchObject({ attempts: 2 });
  });

  it('is tried when its own message comes in time, as often as it takes', async () => {
    const { first, recovery } = await waiting();
    let delivered = first;
    for (let attempt = 2; attempt <= 9; attempt++) {
      worker.advance(15 * 60_000);
      delivered = await worker.redeliver(delivered);
      expect(delivered.isDone).toBe(false);
      expect(await recovery()).toMatchObject({ attempts: attempt });
    }
    worker.s3.setFaults(undefined);
    worker.advance(15 * 60_000);
    expect((await worker.redeliver(delivered)).isDone).toBe(true);
    expect(await recovery()).toMatchObject({ state: 'recovered', attempts: 10 });
  });

  it('is lost, with the last error, when the deadline passes first', async () => {
    const { first, recovery } = await waiting();
    worker.s3.setFaults(({ operation }) =>
      operation === 'HeadObject' ? undefined : accessDenied('s3:PutObject', 'arn:aws:s3:::acme'),
    );
    worker.advance(25 * 3_600_000);
    expect((await worker.redeliver(first)).isDone).toBe(true);
    expect(await recovery()).toMatchObject({
      state: 'lost',
      lastError: { errorClass: 'DeadlinePassed', message: expect.stringContaining('DestinationDenied') },
    });
    expect(worker.metrics()).toContainEqual({ metric: 'lostFiles', value: 1, by: 'DeadlinePassed' });
  });
});

describe('a message whose invocation ended badly', () => {
  it('comes back when its lease has run out, while others leave the recovery alone', async () => {
    const { jobId, messages } = await worker.failedJob();
    const [message] = messages;
    if (message === undefined) throw new Error('expected a message');
    // The bucket hangs, and the ledger with it: the invocation can settle nothing.
    const { client } = worker.ledger;
    let claimed = false;
    client.middlewareStack.add(
      (next, { commandName }) =>
        async (args) => {
          if (commandName === 'PutItemCommand' || commandName === 'TransactWriteItemsCommand') claimed = true;
          else if (claimed) throw new Error('the ledger is away');
          return await next(args);
        },
      { step: 'initialize', name: 'outage' },
    );
    const first = await worker.deliver(message);
    client.middlewareStack.remove('outage');
    expect(first.isDone).toBe(false);
    expect((await worker.job(jobId)).recoveries).toMatchObject([
      { state: 'copying', lease: { messageId: first.message.MessageId } },
    ]);

    expect((await worker.deliver({ ...message })).isDone).toBe(false);
    const again = await worker.redeliver(first);
    expect(again.isDone).toBe(false);
    worker.advance(16 * 60_000);
    expect((await worker.redeliver(again)).isDone).toBe(true);
    expect((await worker.job(jobId)).recoveries).toMatchObject([{ state: 'recovered' }]);
  });
});
