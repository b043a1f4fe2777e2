import {
  ChangeMessageVisibilityCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { encodeMessage } from '../shared/encode-message.ts';
import { RecoveryError } from '../shared/errors.ts';
import type { SegmentMessage } from '../shared/message.ts';

/** SQS's limit of messages a batch. */
const BATCH_MESSAGES = 10;

/** SQS takes no longer visibility timeout than this, in seconds. */
const MAX_VISIBILITY_SECONDS = 12 * 60 * 60;

/** The queue did not take a message; whoever sent it tries again, nothing was lost. */
export class QueueRefused extends RecoveryError {
  override readonly name = 'QueueRefused';
  override readonly meaning = 'try-again';
}

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
  /** Queues segments of large files. @throws {QueueRefused} unless the queue took every one. */
  sendSegments(messages: readonly SegmentMessage[]): Promise<void>;
  /** Lets a message come back at `at` (epoch milliseconds) instead of after the queue's own visibility timeout. */
  comeBackAt(message: ReceivedMessage, at: number): Promise<void>;
  /** Puts a message that no attempt can make sense of on the dead-letter queue, `reason` as its attribute. */
  bury(message: ReceivedMessage, reason: string): Promise<void>;
}

export interface QueueOptions {
  readonly sqs: SQSClient;
  readonly queueUrl: string;
  readonly deadLetterQueueUrl: string;
  readonly now: () => number;
}

/** The worker's side of the recovery queue. */
export function createRecoveryQueue({ sqs, queueUrl, deadLetterQueueUrl, now }: QueueOptions): RecoveryQueue {
  const sendBatch = async (messages: readonly SegmentMessage[]): Promise<void> => {
    const answer = await sqs.send(
      new SendMessageBatchCommand({
        QueueUrl: queueUrl,
        Entries: messages.map((message, index) => ({
          Id: String(index),
          MessageBody: encodeMessage(message),
        })),
      }),
    );
    const refused = answer.Failed ?? [];
    if (refused.length > 0) {
      const codes = [...new Set(refused.map((entry) => entry.Code))].join(', ');
      throw new QueueRefused(
        `the queue did not take ${refused.length} of ${messages.length} segments: ${codes}`,
      );
    }
  };

  return {
    sendSegments: async (messages) => {
      const batches = Array.from({ length: Math.ceil(messages.length / BATCH_MESSAGES) }, (_, index) =>
        messages.slice(index * BATCH_MESSAGES, (index + 1) * BATCH_MESSAGES),
      );
      await Promise.all(batches.map(sendBatch));
    },

    comeBackAt: async (message, at) => {
      const seconds = Math.min(MAX_VISIBILITY_SECONDS, Math.max(0, Math.ceil((at - now()) / 1000)));
      await sqs.send(
        new ChangeMessageVisibilityCommand({
          QueueUrl: queueUrl,
          ReceiptHandle: message.receiptHandle,
          VisibilityTimeout: seconds,
        }),
      );
    },

    bury: async (message, reason) => {
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
