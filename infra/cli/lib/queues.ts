import {
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';

/** Approximate number of messages on a queue. */
export interface QueueDepth {
  /** Ready to be received. */
  readonly waiting: number;
  /** In progress, or hidden until their next attempt. */
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

/** The reason of a message that SQS itself moved, since the worker crashed on it every time. */
export const NO_REASON = 'received too often: the worker never finished it';

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

const MAX_RECEIVED = 10;

/**
 * Moves what is on the dead-letter queue now back to the queue, one by one: a message is deleted there only after it was
 * sent here, so a crash in between leaves it twice, which the worker tolerates.
 *
 * @param max moves end after this number, so that messages which fail again at once are not moved repeatedly.
 * @returns the number of messages moved.
 */
export async function moveDeadLetters(
  client: SQSClient,
  urls: { readonly from: string; readonly to: string },
  max: number,
  onMoved: (count: number) => Promise<void>,
): Promise<number> {
  let moved = 0;
  while (moved < max) {
    const { Messages = [] } = await client.send(
      new ReceiveMessageCommand({
        QueueUrl: urls.from,
        MaxNumberOfMessages: Math.min(MAX_RECEIVED, max - moved),
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
