import { setTimeout as delay } from 'node:timers/promises';
import {
  DeleteMessageBatchCommand,
  type Message,
  ReceiveMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { isObject, type Json } from '../../json.ts';
import type { LocalFunction } from './runtime.ts';

/** A queue whose messages a function is invoked with. */
export interface QueueMapping {
  readonly queueUrl: string;
  readonly queueArn: string;
  readonly region: string;
  readonly target: Pick<LocalFunction, 'invoke'>;
  /** Messages of one invocation, at most. A batch is never waited for. */
  readonly batchSize: number;
  /** `ReportBatchItemFailures`: the function reports which messages failed. */
  readonly partialResponses: boolean;
  /** Invocations at once. */
  readonly maximumConcurrency: number;
}

/** A running poller. */
export interface Poller {
  /** Invocations that are under way. */
  readonly inFlight: number;
  /** Takes no more messages, and waits for nothing. */
  close(): Promise<void>;
}

const LONG_POLL_SECONDS = 20;

/**
 * Polls a queue as Lambda's event source mapping does: messages that the function took are deleted, those that failed
 * are left alone, so that they are redelivered after their visibility timeout (or when the function itself set it to).
 */
export function startPoller(mapping: QueueMapping, sqs: Pick<SQSClient, 'send'>): Poller {
  const limit = mapping.maximumConcurrency;
  const closing = new AbortController();
  let inFlight = 0;
  let wake = Promise.withResolvers<void>();

  const process = async (batch: Message[]) => {
    const taken = await invoke(mapping, batch).catch(() => []);
    await remove(mapping, taken, sqs).catch(() => undefined);
    inFlight--;
    wake.resolve();
  };
  const receive = async () => {
    const free = (limit - inFlight) * mapping.batchSize;
    const received = await sqs.send(
      new ReceiveMessageCommand({
        QueueUrl: mapping.queueUrl,
        MaxNumberOfMessages: Math.min(10, free),
        WaitTimeSeconds: LONG_POLL_SECONDS,
        MessageSystemAttributeNames: ['All'],
        MessageAttributeNames: ['All'],
      }),
      { abortSignal: closing.signal },
    );
    const messages = received.Messages ?? [];
    for (let start = 0; start < messages.length; start += mapping.batchSize) {
      inFlight++;
      void process(messages.slice(start, start + mapping.batchSize));
    }
  };
  const run = async () => {
    while (!closing.signal.aborted) {
      if (inFlight >= limit) {
        await wake.promise;
        wake = Promise.withResolvers();
        continue;
      }
      await receive().catch(() => delay(200, undefined, { signal: closing.signal }).catch(() => undefined));
    }
  };
  const running = run();
  return {
    get inFlight() {
      return inFlight;
    },
    async close() {
      closing.abort();
      wake.resolve();
      await running;
    },
  };
}

async function invoke(mapping: QueueMapping, batch: readonly Message[]): Promise<Message[]> {
  const result = await mapping.target.invoke({ Records: batch.map((message) => record(message, mapping)) });
  if (!mapping.partialResponses) return [...batch];
  const failed = failedIds(result);
  const known = new Set(batch.map((message) => message.MessageId));
  // Lambda treats a response that names no message of the batch as a failure of the whole batch.
  if (failed === undefined || failed.some((id) => !known.has(id))) return [];
  return batch.filter((message) => !failed.includes(message.MessageId ?? ''));
}

/** The ids that a partial batch response names; undefined when the response is malformed. */
export function failedIds(result: unknown): string[] | undefined {
  if (result === null || result === undefined || result === '') return [];
  if (!isObject(result)) return undefined;
  const failures = result.batchItemFailures;
  if (failures === undefined || failures === null) return [];
  if (!Array.isArray(failures)) return undefined;
  const ids = failures.map((failure: Json) => (isObject(failure) ? failure.itemIdentifier : undefined));
  return ids.every((id) => typeof id === 'string' && id !== '') ? ids.map(String) : undefined;
}

async function remove(
  mapping: QueueMapping,
  messages: readonly Message[],
  sqs: Pick<SQSClient, 'send'>,
): Promise<void> {
  if (messages.length === 0) return;
  const Entries = messages.map((message, index) => ({
    Id: String(index),
    ReceiptHandle: message.ReceiptHandle,
  }));
  await sqs.send(new DeleteMessageBatchCommand({ QueueUrl: mapping.queueUrl, Entries }));
}

function record(message: Message, mapping: QueueMapping): object {
  const attributes = Object.entries(message.MessageAttributes ?? {}).map(([name, attribute]) => [
    name,
    {
      dataType: attribute.DataType,
      ...(attribute.StringValue === undefined ? {} : { stringValue: attribute.StringValue }),
      ...(attribute.BinaryValue === undefined
        ? {}
        : { binaryValue: Buffer.from(attribute.BinaryValue).toString('base64') }),
    },
  ]);
  return {
    messageId: message.MessageId,
    receiptHandle: message.ReceiptHandle,
    body: message.Body,
    attributes: message.Attributes ?? {},
    messageAttributes: Object.fromEntries(attributes),
    md5OfBody: message.MD5OfBody,
    ...(message.MD5OfMessageAttributes === undefined
      ? {}
      : { md5OfMessageAttributes: message.MD5OfMessageAttributes }),
    eventSource: 'aws:sqs',
    eventSourceARN: mapping.queueArn,
    awsRegion: mapping.region,
  };
}
