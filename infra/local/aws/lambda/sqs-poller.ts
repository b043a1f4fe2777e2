import { setTimeout as delay } from 'node:timers/promises';
import {
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  type Message,
  ReceiveMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { backOffMs } from '../../../../lambda/shared/runtime/back-off.ts';
import { type Clock, waitUntil } from '../../clock.ts';
import { isObject, type Json } from '../../json.ts';
import { FunctionThrottled } from './protocol.ts';
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

/** Between two invocations of a throttled batch; AWS does not say how long it waits. */
const THROTTLED_BACK_OFF = { firstMs: 250, maxMs: 20_000 };

/**
 * Polls a queue as Lambda's event source mapping does: messages that the function took are deleted, those that failed
 * are left alone, so that they are redelivered after their visibility timeout (or when the function itself set it to).
 *
 * A throttled batch is tried again until its visibility timeout is over; meanwhile the mapping reduces its concurrency,
 * which grows again with each batch that the function took
 * (https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html).
 */
export function startPoller(mapping: QueueMapping, sqs: Pick<SQSClient, 'send'>, clock: Clock): Poller {
  const poller = new QueuePoller(mapping, sqs, clock);
  const running = poller.run();
  return {
    get inFlight() {
      return poller.inFlight;
    },
    async close() {
      poller.end();
      await running;
    },
  };
}

class QueuePoller {
  readonly #mapping: QueueMapping;
  readonly #sqs: Pick<SQSClient, 'send'>;
  readonly #clock: Clock;
  readonly #closing = new AbortController();
  /** Invocations at once: the maximum, or less while they are throttled. */
  #allowed: number;
  #inFlight = 0;
  #wake = Promise.withResolvers<void>();

  constructor(mapping: QueueMapping, sqs: Pick<SQSClient, 'send'>, clock: Clock) {
    this.#mapping = mapping;
    this.#sqs = sqs;
    this.#clock = clock;
    this.#allowed = mapping.maximumConcurrency;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** Takes messages until the end. */
  async run(): Promise<void> {
    let visibilityMs: number | undefined;
    while (!this.#closing.signal.aborted) {
      if (this.#inFlight >= this.#allowed) {
        await this.#wake.promise;
        this.#wake = Promise.withResolvers();
        continue;
      }
      try {
        visibilityMs ??= await visibilityOf(this.#mapping.queueUrl, this.#sqs);
        await this.#receive(visibilityMs);
      } catch {
        await delay(200, undefined, { signal: this.#closing.signal }).catch(() => undefined);
      }
    }
  }

  end(): void {
    this.#closing.abort();
    this.#wake.resolve();
  }

  async #receive(visibilityMs: number): Promise<void> {
    const { queueUrl: QueueUrl, batchSize } = this.#mapping;
    const free = (this.#allowed - this.#inFlight) * batchSize;
    const { Messages = [] } = await this.#sqs.send(
      new ReceiveMessageCommand({
        QueueUrl,
        MaxNumberOfMessages: Math.min(10, free),
        WaitTimeSeconds: LONG_POLL_SECONDS,
        MessageSystemAttributeNames: ['All'],
        MessageAttributeNames: ['All'],
      }),
      { abortSignal: this.#closing.signal },
    );
    for (let start = 0; start < Messages.length; start += batchSize) {
      this.#inFlight++;
      void this.#process(Messages.slice(start, start + batchSize), this.#clock.now() + visibilityMs);
    }
  }

  async #process(batch: readonly Message[], visibleAgainAt: number): Promise<void> {
    const taken = await this.#deliver(batch, visibleAgainAt).catch(() => []);
    await remove(this.#mapping, taken, this.#sqs).catch(() => undefined);
    this.#inFlight--;
    this.#wake.resolve();
  }

  /** @returns the messages that the function took. @throws what it throws, or when it stays throttled */
  async #deliver(batch: readonly Message[], visibleAgainAt: number): Promise<Message[]> {
    for (let throttles = 1; ; throttles++) {
      try {
        const taken = await invoke(this.#mapping, batch);
        this.#allowed = Math.min(this.#mapping.maximumConcurrency, this.#allowed + 1);
        return taken;
      } catch (error) {
        if (!(error instanceof FunctionThrottled)) throw error;
        this.#allowed = Math.max(1, Math.floor(this.#allowed / 2));
        const pause = backOffMs(THROTTLED_BACK_OFF, { attempts: throttles, jitter: Math.random() });
        const next = this.#clock.now() + pause;
        if (next >= visibleAgainAt) throw error;
        await waitUntil(this.#clock, next, this.#closing.signal);
      }
    }
  }
}

/** The queue's visibility timeout, milliseconds. */
async function visibilityOf(queueUrl: string, sqs: Pick<SQSClient, 'send'>): Promise<number> {
  const { Attributes } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: ['VisibilityTimeout'] }),
  );
  return Number(Attributes?.VisibilityTimeout) * 1000;
}

async function invoke(mapping: QueueMapping, batch: readonly Message[]): Promise<Message[]> {
  const event = { Records: batch.map((message) => record(message, mapping)) };
  const result = await mapping.target.invoke(
    event,
    batch.map(traceOf).find((trace) => trace !== undefined),
  );
  if (!mapping.partialResponses) return [...batch];
  const failed = failedIds(result);
  const known = new Set(batch.map((message) => message.MessageId));
  // Lambda treats a response that names no message of the batch as a failure of the whole batch.
  if (failed === undefined || failed.some((id) => !known.has(id))) return [];
  return batch.filter((message) => !failed.includes(message.MessageId ?? ''));
}

function traceOf(message: Message): string | undefined {
  return message.Attributes?.AWSTraceHeader;
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
