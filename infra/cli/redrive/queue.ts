import {
  DeleteMessageCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { CommandFailure } from '../command.ts';

const BATCH = 10;
const ROUNDS = 5;

/**
 * Puts messages on a queue, ten at a time; those that it does not take at once are sent again a few times.
 *
 * @param onSent is told how many are on the queue.
 * @throws {CommandFailure} saying how many it did not take.
 */
export async function sendMessages(
  client: SQSClient,
  queueUrl: string,
  bodies: readonly string[],
  onSent: (count: number) => Promise<void>,
): Promise<void> {
  let left = [...bodies];
  for (let round = 0; round < ROUNDS && left.length > 0; round++) {
    const refused: string[] = [];
    for (let start = 0; start < left.length; start += BATCH) {
      const batch = left.slice(start, start + BATCH);
      const Entries = batch.map((MessageBody, index) => ({ Id: String(index), MessageBody }));
      const { Failed = [] } = await client.send(new SendMessageBatchCommand({ QueueUrl: queueUrl, Entries }));
      refused.push(...Failed.flatMap(({ Id }) => batch[Number(Id)] ?? []));
      await onSent(bodies.length - (left.length - start - batch.length) - refused.length);
    }
    left = refused;
  }
  if (left.length > 0) {
    throw new CommandFailure(
      `the queue did not take ${left.length} of ${bodies.length} messages: run it again`,
    );
  }
}

/**
 * Moves what is on the dead-letter queue now back to the queue, one after the other: a message is deleted there only when
 * it is here, so a crash in between leaves it twice, which the worker can take.
 *
 * @param most moves end after so many, so that messages which die again at once are not moved round and round.
 * @returns how many were moved.
 */
export async function moveDeadLetters(
  client: SQSClient,
  urls: { readonly from: string; readonly to: string },
  most: number,
  onMoved: (count: number) => Promise<void>,
): Promise<number> {
  let moved = 0;
  while (moved < most) {
    const { Messages = [] } = await client.send(
      new ReceiveMessageCommand({
        QueueUrl: urls.from,
        MaxNumberOfMessages: Math.min(BATCH, most - moved),
        WaitTimeSeconds: 1,
        VisibilityTimeout: 60,
      }),
    );
    if (Messages.length === 0) return moved;
    for (const { Body, ReceiptHandle } of Messages) {
      await client.send(new SendMessageCommand({ QueueUrl: urls.to, MessageBody: Body }));
      await client.send(new DeleteMessageCommand({ QueueUrl: urls.from, ReceiptHandle }));
      moved++;
      await onMoved(moved);
    }
  }
  return moved;
}
