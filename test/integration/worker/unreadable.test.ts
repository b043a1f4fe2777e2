import { ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { describe, expect, it } from 'vitest';
import { failureItemKey, recoveryItemKey } from '../../../lambda/shared/ledger/table.ts';
import type { SegmentMessage } from '../../../lambda/shared/queue/messages.ts';
import { HOUR_MS } from '../../../lambda/shared/runtime/durations.ts';
import { openRecoveries } from '../../support/open-recoveries.ts';
import { failOutput, useWorker, worker } from '../../support/worker-fixture.ts';
import { WITH_THUMBNAILS } from '../../support/zencoder-stand-in.ts';

useWorker();

/** An output with two thumbnails, of which the record of the first has an invalid state. */
async function editedOutput() {
  const { message, recoveries } = await failOutput(WITH_THUMBNAILS);
  const thumbnail = message.files.find(({ role }) => role === 'thumbnail');
  if (thumbnail === undefined) throw new Error('expected a thumbnail');
  const [record] = await openRecoveries(worker.ledger, message, [thumbnail], worker.now());
  if (record === undefined) throw new Error('expected a record');
  const key = recoveryItemKey(record);
  const setState = (state: string) => worker.ledger.edit(key, 'state', state);
  await setState('archived');
  const states = async () => (await recoveries()).map(({ state }) => state);
  return { message, thumbnail, key, setState, states };
}

async function deadLetters() {
  const { Messages = [] } = await worker.messaging.sqs.send(
    new ReceiveMessageCommand({
      ...{ QueueUrl: worker.deadLetterQueueUrl, MaxNumberOfMessages: 10, MessageAttributeNames: ['All'] },
    }),
  );
  return Messages.map(({ MessageAttributes }) => MessageAttributes?.reason?.StringValue ?? '');
}

describe('a message of which one record is unreadable', () => {
  it('recovers the other files at once, logs the key of the record, and is redelivered for it', async () => {
    const { message, states, key, setState } = await editedOutput();

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

  it('is sent to the dead-letter queue with the reason after the deadline of its files', async () => {
    const { message, key } = await editedOutput();
    const delivered = await worker.deliver(message);
    worker.advance(25 * HOUR_MS);

    expect((await worker.redeliver(delivered)).isDone).toBe(true);

    expect(await deadLetters()).toEqual([expect.stringContaining(`${key.pk} / ${key.sk}`)]);
    const by = 'LedgerItemNotUnderstood';
    expect(worker.metrics()).toContainEqual({ metric: 'messagesNotUnderstood', value: 1, by });
  });

  it('recovers its files when the record of the failure is unreadable', async () => {
    const { jobId, message, recoveries } = await failOutput();
    const [failure] = message.failures;
    if (failure === undefined) throw new Error('expected a failure');
    await worker.ledger.failures.record(message);
    const key = failureItemKey({ jobId, outputId: message.output.id, role: failure.role });
    await worker.ledger.edit(key, 'failedAt', 'yesterday');

    expect((await worker.deliver(message)).isDone).toBe(true);

    expect(await recoveries()).toMatchObject([{ state: 'recovered' }]);
    expect(worker.metrics()).toContainEqual({ metric: 'unreadableRecords', value: 1, by: undefined });
  });
});

describe('a segment message whose record is unreadable', () => {
  it('is redelivered', async () => {
    const { message, thumbnail: file } = await editedOutput();
    const { job, output } = message;
    const segment: SegmentMessage = {
      ...{ type: 'segment', version: 1, job, output, file, uploadId: 'an-upload', segment: 0 },
    };
    expect((await worker.deliver(segment)).isDone).toBe(false);
    expect(await deadLetters()).toEqual([]);
    expect(worker.metrics()).toContainEqual({ metric: 'unreadableRecords', value: 1, by: undefined });
  });
});
