import { AsyncLocalStorage } from 'node:async_hooks';
import { buildApp } from 'fauxqs';
import * as v from 'valibot';
import { asText, isObject, type JsonObject } from '../json.ts';

type Stores = NonNullable<NonNullable<Parameters<typeof buildApp>[0]>['stores']>;
type SqsStore = Stores['sqsStore'];
type Queue = ReturnType<SqsStore['createQueue']>;
type Message = Parameters<Queue['enqueue']>[0];

/**
 * Messages of one standard queue that may be in flight, received and not yet deleted or visible again. Beyond that a long
 * poll brings nothing (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html).
 */
const MAX_IN_FLIGHT = 120_000;

/**
 * All messages of one PublishBatch together, with their attributes: 256 KB, as for a single message, which fauxqs checks
 * (https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html).
 */
const MAX_PUBLISHED_BYTES = 262_144;

/**
 * SQS and SNS: fauxqs, and what it leaves out.
 *
 * - A message is deleted when the queue's retention period since it was first sent is over, wherever it is; one that was
 *   moved to a dead-letter queue keeps the time at which it was sent
 *   (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/setting-up-dead-letter-queue-retention.html).
 * - The trace header of a request to SQS or SNS is kept as the `AWSTraceHeader` of its messages, unless a message states
 *   one (https://docs.aws.amazon.com/xray/latest/devguide/xray-services-sqs.html).
 * - {@link MAX_IN_FLIGHT}, {@link MAX_PUBLISHED_BYTES}
 *
 * The time is that of the thread's `Date`.
 */
export async function createMessagingApp({ maxInFlight = MAX_IN_FLIGHT } = {}) {
  const stores = await createStores();
  const { sqsStore } = stores;
  const sending = new AsyncLocalStorage<string | undefined>();
  const traces: Traces = new WeakMap();
  const create = sqsStore.createQueue.bind(sqsStore);
  sqsStore.createQueue = (...given) =>
    limited(
      traced(create(...given), traces, () => sending.getStore()),
      maxInFlight,
    );
  const app = buildApp({ logger: false, stores });
  app.addHook('preHandler', async ({ body }, reply) => {
    for (const queue of sqsStore.allQueues()) deleteExpired(queue);
    if (isObject(body) && body.Action === 'PublishBatch' && publishedBytes(body) > MAX_PUBLISHED_BYTES) {
      return await reply.code(400).type('text/xml').send(BATCH_TOO_LONG);
    }
    return undefined;
  });
  // Not async: what follows runs inside.
  app.addHook('preHandler', ({ headers, body }, _reply, done) => {
    const isSent = SENDING.has(operationOf(headers, body));
    sending.run(isSent ? (statedTrace(body) ?? headers['x-amzn-trace-id']?.toString()) : undefined, done);
  });
  app.addHook('preSerialization', async ({ headers, body }, _reply, payload) => {
    if (operationOf(headers, body) === 'ReceiveMessage') addTraces(body, payload, sqsStore, traces);
    return payload;
  });
  return app;
}

/** Trace headers by message. */
type Traces = WeakMap<Message, string>;

/** Operations whose messages keep the trace header of the request. */
const SENDING: ReadonlySet<string> = new Set(['SendMessage', 'SendMessageBatch', 'Publish', 'PublishBatch']);

/** A queue that notes the trace of each message that is sent to it. */
function traced(queue: Queue, traces: Traces, traceOfRequest: () => string | undefined): Queue {
  const enqueue = queue.enqueue.bind(queue);
  queue.enqueue = (message) => {
    const trace = traceOfRequest();
    if (trace !== undefined) traces.set(message, trace);
    enqueue(message);
  };
  return queue;
}

const BATCH_TOO_LONG =
  '<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><Error><Type>Sender</Type>' +
  '<Code>BatchRequestTooLong</Code><Message>The length of all the batch messages put together is more than the limit.' +
  '</Message></Error></ErrorResponse>';

/** Parameters of a PublishBatch that count: messages, and names, types and values of attributes. */
const COUNTED = /\.(?:Message|Subject|Name|Value\.DataType|Value\.StringValue|Value\.BinaryValue)$/;

function publishedBytes(parameters: JsonObject): number {
  return Object.entries(parameters)
    .filter(([name]) => COUNTED.test(name))
    .reduce((bytes, [, value]) => bytes + Buffer.byteLength(asText(value)), 0);
}

/** The stores' classes are not among what fauxqs exports, so its files are imported. */
async function createStores(): Promise<Stores> {
  const load = async (file: string, name: string) => {
    const loaded: Record<string, unknown> = await import(new URL(file, import.meta.resolve('fauxqs')).href);
    return loaded[name];
  };
  return {
    sqsStore: construct<SqsStore>(await load('sqs/sqsStore.js', 'SqsStore')),
    snsStore: construct<Stores['snsStore']>(await load('sns/snsStore.js', 'SnsStore')),
    s3Store: construct<Stores['s3Store']>(await load('s3/s3Store.js', 'S3Store')),
  };
}

function construct<T>(storeClass: unknown): T {
  if (!isConstructor<T>(storeClass)) throw new Error('this version of fauxqs keeps its stores elsewhere');
  return new storeClass();
}

function isConstructor<T>(value: unknown): value is new () => T {
  return typeof value === 'function';
}

/** A queue that gives out neither what has expired nor more than may be in flight. */
function limited(queue: Queue, maxInFlight: number): Queue {
  const processTimers = queue.processTimers.bind(queue);
  // Called before each delivery, and while a receiver waits.
  queue.processTimers = () => {
    deleteExpired(queue);
    processTimers();
  };
  const dequeue = queue.dequeue.bind(queue);
  queue.dequeue = (count, ...more) => {
    queue.processTimers();
    return dequeue(Math.min(count, Math.max(0, maxInFlight - queue.inflightMessages.size)), ...more);
  };
  return queue;
}

/** When a queue was last looked through: a receiver that waits asks for it every 20 ms. */
const lookedAt = new WeakMap<Queue, number>();

/** FIFO queues are left out: the product has none, and there the time of a dead letter begins anew. */
function deleteExpired(queue: Queue): void {
  const now = Date.now();
  if (now - (lookedAt.get(queue) ?? 0) < 1000) return;
  lookedAt.set(queue, now);
  const first = now - Number(queue.attributes.MessageRetentionPeriod) * 1000;
  const isKept = ({ sentTimestamp }: { readonly sentTimestamp: number }) => sentTimestamp > first;
  if (!queue.messages.every(isKept)) queue.messages = queue.messages.filter(isKept);
  if (!queue.delayedMessages.every(isKept)) queue.delayedMessages = queue.delayedMessages.filter(isKept);
  for (const [handle, { message }] of queue.inflightMessages) {
    if (!isKept(message)) queue.inflightMessages.delete(handle);
  }
}

/** Name of the operation in SQS's JSON protocol or SNS's query protocol; empty for none. */
function operationOf(headers: Readonly<NodeJS.Dict<string | string[]>>, body: unknown): string {
  const target = headers['x-amz-target']?.toString().replace('AmazonSQS.', '');
  return target ?? (isObject(body) ? asText(body.Action ?? '') : '');
}

const stated = v.object({
  MessageSystemAttributes: v.object({ AWSTraceHeader: v.object({ StringValue: v.string() }) }),
});

function statedTrace(body: unknown): string | undefined {
  const { success, output } = v.safeParse(stated, body);
  return success ? output.MessageSystemAttributes.AWSTraceHeader.StringValue : undefined;
}

const names = v.optional(v.array(v.string()), []);
const receiving = v.object({
  QueueUrl: v.string(),
  AttributeNames: names,
  MessageSystemAttributeNames: names,
});

/** Adds the trace to the attributes of received messages, if it is asked for. */
function addTraces(body: unknown, payload: unknown, store: SqsStore, traces: Traces): void {
  const request = v.safeParse(receiving, body);
  if (!request.success || !isObject(payload) || !Array.isArray(payload.Messages)) return;
  const { QueueUrl, AttributeNames, MessageSystemAttributeNames } = request.output;
  const asked = [...AttributeNames, ...MessageSystemAttributeNames];
  if (!asked.includes('All') && !asked.includes('AWSTraceHeader')) return;
  for (const message of payload.Messages.filter(isObject)) {
    const kept = store.getQueue(QueueUrl)?.inflightMessages.get(asText(message.ReceiptHandle ?? null));
    const trace = kept && traces.get(kept.message);
    if (trace === undefined) continue;
    const attributes = isObject(message.Attributes) ? message.Attributes : {};
    Object.assign(message, { Attributes: { ...attributes, AWSTraceHeader: trace } });
  }
}
