import { ChangeMessageVisibilityCommand, SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { encodeMessage, type OutputMessage, type SegmentMessage } from '../shared/queue/messages.ts';
import { sendMessages } from '../shared/queue/send.ts';

/** SQS takes no longer visibility timeout than this, in seconds. */
const MAX_VISIBILITY_SECONDS = 12 * 60 * 60;

/** A message as the worker received it. */
export interface ReceivedMessage {
  /** SQS's own id, the same however often the message is delivered. */
  readonly messageId: string;
  readonly body: string;
  readonly receiptHandle: string;
  /** How often the queue has delivered it, this time included. */
  readonly receiveCount: number;
}

export interface RecoveryQueue {
  /** Queues more work. @throws {MessagesNotQueued} unless every message is on the queue. */
  send(messages: readonly (SegmentMessage | OutputMessage)[]): Promise<void>;
  /** Makes a message visible at `at` (epoch milliseconds) instead of after the queue's own visibility timeout. */
  setVisibleAt(message: Pick<ReceivedMessage, 'receiptHandle'>, at: number): Promise<void>;
  /** Puts a message that no attempt can process on the dead-letter queue, `reason` as its attribute. */
  sendToDeadLetterQueue(message: ReceivedMessage, reason: string): Promise<void>;
}

export interface QueueOptions {
  readonly sqs: SQSClient;
  readonly queueUrl: string;
  readonly deadLetterQueueUrl: string;
  readonly now: () => number;
}

/** The worker's side of the recovery queue. */
export function createRecoveryQueue({ sqs, queueUrl, deadLetterQueueUrl, now }: QueueOptions): RecoveryQueue {
  return {
    send: (messages) => sendMessages(sqs, queueUrl, messages.map(encodeMessage)),

    setVisibleAt: async (message, at) => {
      const seconds = Math.min(MAX_VISIBILITY_SECONDS, Math.max(0, Math.ceil((at - now()) / 1000)));
      await sqs.send(
        new ChangeMessageVisibilityCommand({
          QueueUrl: queueUrl,
          ReceiptHandle: message.receiptHandle,
          VisibilityTimeout: seconds,
        }),
      );
    },

    sendToDeadLetterQueue: async (message, reason) => {
      await sqs.send(
        new SendMessageCommand({
          QueueUrl: deadLetterQueueUrl,
          MessageBody: message.body,
          MessageAttributes: { reason: { DataType: 'String', StringValue: reason } },
        }),
      );
    },
  };
}
