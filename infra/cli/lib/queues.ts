import {
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { CommandFailure } from './command.ts';

/** What a queue holds, as near as SQS tells. */
export interface QueueDepth {
  /** Ready to be taken. */
  readonly waiting: number;
  /** Being worked on, or hidden until their next attempt. */
  readonly hidden: number;
  /** Not yet due for the first time. */
  readonly delayed: number;
}

export async function queueDepth(client: SQSClient, queueUrl: string): Promise<QueueDepth> {
  const { Attributes = {} } = await client.send(
    new GetQueueAttributesCommand({
      QueueUrl: queueUrl,
      AttributeNames: [
        'ApproximateNumberOfMessages',
        'ApproximateNumberOfMessagesNotVisible',
        'ApproximateNumberOfMessagesDelayed',
      ],
    }),
  );
  return {
    waiting: Number(Attributes.ApproximateNumberOfMessages ?? 0),
    hidden: Number(Attributes.ApproximateNumberOfMessagesNotVisible ?? 0),
    delayed: Number(Attributes.ApproximateNumberOfMessagesDelayed ?? 0),
  };
}

/** What stands for the reason of a message that SQS itself moved, since the worker died of it again and again. */
export const NO_REASON = 'received too often: the worker never came to an end with it';

/** Why up to ten of the dead letters are dead, each with how often. They stay where they are. */
export async function deadLetterReasons(client: SQSClient, queueUrl: string): Promise<Map<string, number>> {
  const { Messages = [] } = await client.send(
    new ReceiveMessageCommand({
      QueueUrl: queueUrl,
      MaxNumberOfMessages: 10,
      VisibilityTimeout: 0,
      MessageAttributeNames: ['reason'],
    }),
  );
  // SQS may show one message twice when it is not hidden.
  const distinct = new Map(Messages.map((message) => [message.MessageId, message]));
  const reasons = [...distinct.values()].map(
    ({ MessageAttributes }) => MessageAttributes?.reason?.StringValue ?? NO_REASON,
  );
  return new Map(
    [...Map.groupBy(reasons, (reason) => reason)].map(([reason, same]) => [reason, same.length]),
  );
}

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
