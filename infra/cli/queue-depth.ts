import { GetQueueAttributesCommand, ReceiveMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';

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
