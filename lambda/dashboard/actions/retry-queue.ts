import { SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { encodeMessage } from '../../shared/encode-message.ts';
import { RecoveryError } from '../../shared/errors.ts';
import type { RedriveMessage } from '../../shared/message.ts';

/** What is to be tried again: an output, one role of it, or one file. */
export type RetryRequest = Pick<RedriveMessage, 'jobId' | 'outputId' | 'role' | 'fileId'>;

/** The queue did not take the request; nothing has changed, and it can be made again. */
export class RetryNotQueued extends RecoveryError {
  override readonly name = 'RetryNotQueued';
  override readonly meaning = 'try-again';
}

/** Where *Retry now* goes. */
export interface RetryQueue {
  /**
   * Asks the worker to try again at once. It opens settled recoveries again and gets a fresh signed URL from Zencoder,
   * since none is stored; the dashboard itself writes nothing.
   *
   * @throws {RetryNotQueued}
   */
  request(request: RetryRequest): Promise<void>;
}

/** The recovery queue, as far as *Retry now* needs it. */
export function createRetryQueue(sqs: SQSClient, queueUrl: string): RetryQueue {
  return {
    async request(request) {
      const MessageBody = encodeMessage({ type: 'redrive', version: 1, ...request });
      try {
        await sqs.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody }));
      } catch (cause) {
        throw new RetryNotQueued('the queue did not take the request to retry', { cause });
      }
    },
  };
}
