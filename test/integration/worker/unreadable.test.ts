import { ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { failureKey, recoveryKey } from '../../../lambda/shared/ledger/table.ts';
import type { SegmentMessage } from '../../../lambda/shared/queue/messages.ts';
import { openRecoveries } from '../../support/open-recoveries.ts';
import { startWorker, type TestWorker } from '../../support/worker.ts';
import { WITH_THUMBNAILS } from '../../support/zencoder-stand-in.ts';

const HOUR = 3_600_000;

let worker: TestWorker;
beforeAll(async () => {
  worker = await startWorker();
});
afterAll(() => worker?.close());
beforeEach(() => {
  worker.advance(61_000);
  worker.metrics();
  worker.lines.splice(0);
});

/** An output with two thumbnails, and the record of its first file edited by a hand. */
async function editedJob() {
  const { jobId, messages } = await worker.failedJob(WITH_THUMBNAILS);
  const [message] = messages;
  const thumbnail = message?.files.find(({ role }) => role === 'thumbnail');
  if (message === undefined || thumbnail === undefined) throw new Error('expected a thumbnail');
  const [record] = await openRecoveries(worker.ledger, message, [thumbnail], worker.now());
  if (record === undefined) throw new Error('expected a record');
  const key = recoveryKey(record);
  const setState = (state: string) => worker.ledger.edit(key, 'state', state);
  await setState('archived');
  const states = async () => (await worker.job(jobId)).recoveries.map(({ state }) => state);
  return { jobId, message, key, setState, states };
}

async function deadLetters() {
  const { Messages = [] } = await worker.messaging.sqs.send(
    new ReceiveMessageCommand({
      ...{ QueueUrl: worker.deadLetterQueueUrl, MaxNumberOfMessages: 10, MessageAttributeNames: ['All'] },
    }),
  );
  return Messages.map(({ MessageAttributes }) => MessageAttributes?.reason?.StringValue ?? '');
}

describe('a message of which one record cannot be read', () => {
  it('recovers the other files at once, names the record, and comes back for it', async () => {
    const { message, states, key, setState } = await editedJob();

    const delivered = await worker.deliver(message);

    expect(delivered.isDone).toBe(false);
    expect(await states()).toEqual(['recovered', 'recovered']);
    expect(worker.lines.filter((line) => line.message === 'record cannot be read')).toMatchObject([
      { level: 'error', pk: key.pk, sk: key.sk },
    ]);
    const counted = worker.metrics().filter(({ metric }) => metric === 'unreadableRecords');
    expect(counted).toEqual([{ metric: 'unreadableRecords', value: 1, by: undefined }]);
    expect(await deadLetters()).toEqual([]);

    await setState('pending');
    expect((await worker.redeliver(delivered)).isDone).toBe(true);
    expect(await states()).toEqual(['recovered', 'recovered', 'recovered']);
  });

  it('is a dead letter that says why once the deadline of its files has passed', async () => {
    const { message, key } = await editedJob();
    const delivered = await worker.deliver(message);
    worker.advance(25 * HOUR);

    expect((await worker.redeliver(delivered)).isDone).toBe(true);

    expect(await deadLetters()).toEqual([expect.stringContaining(`${key.pk} / ${key.sk}`)]);
    const by = 'LedgerItemNotUnderstood';
    expect(worker.metrics()).toContainEqual({ metric: 'messagesNotUnderstood', value: 1, by });
  });

  it('goes on with its files when it is the record of the failure', async () => {
    const { jobId, messages } = await worker.failedJob();
    const [message] = messages;
    const [failure] = message?.failures ?? [];
    if (message === undefined || failure === undefined) throw new Error('expected a failure');
    await worker.ledger.failures.record(message);
    const key = failureKey({ jobId, outputId: message.output.id, role: failure.role });
    await worker.ledger.edit(key, 'failedAt', 'yesterday');

    expect((await worker.deliver(message)).isDone).toBe(true);

    expect((await worker.job(jobId)).recoveries).toMatchObject([{ state: 'recovered' }]);
    expect(worker.metrics()).toContainEqual({ metric: 'unreadableRecords', value: 1, by: undefined });
  });
});

describe('a message whose only record cannot be read', () => {
  it('comes back, too, when it is of a segment', async () => {
    const { message } = await editedJob();
    const { job, output, files } = message;
    const file = files.find(({ role }) => role === 'thumbnail');
    if (file === undefined) throw new Error('expected a thumbnail');
    const segment: SegmentMessage = {
      ...{ type: 'segment', version: 1, job, output, file, uploadId: 'an-upload', segment: 0 },
    };
    expect((await worker.deliver(segment)).isDone).toBe(false);
    expect(await deadLetters()).toEqual([]);
    expect(worker.metrics()).toContainEqual({ metric: 'unreadableRecords', value: 1, by: undefined });
  });
});
