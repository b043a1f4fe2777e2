import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3';
import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageCommand,
} from '@aws-sdk/client-sqs';
import { type S3Server, startS3 } from '../../infra/local/aws/s3/server.ts';
import type { OutputRequest } from '../../infra/local/zencoder/job.ts';
import type { RecoveryEvent } from '../../lambda/shared/events/events.ts';
import { createEventPublisher, type EventPublisher } from '../../lambda/shared/events/publisher.ts';
import type { JobRecords } from '../../lambda/shared/ledger/reads.ts';
import {
  encodeMessage,
  type OutputMessage,
  outputMessages,
  type RecoveryMessage,
} from '../../lambda/shared/queue/messages.ts';
import { MINUTE_MS } from '../../lambda/shared/runtime/durations.ts';
import type { MetricKey } from '../../lambda/shared/runtime/metrics.ts';
import { findFailedOutputs } from '../../lambda/shared/zencoder/failed-outputs.ts';
import { parseStorageAllowList } from '../../lambda/shared/zencoder/storage.ts';
import { createCopyEngine } from '../../lambda/worker/copy/engine.ts';
import { MiB } from '../../lambda/worker/copy/plan.ts';
import { createBucketClient } from '../../lambda/worker/copy/s3-client.ts';
import type { WorkerDependencies } from '../../lambda/worker/dependencies.ts';
import { DEFAULT_KEY_TEMPLATE, parseKeyTemplate } from '../../lambda/worker/key-template.ts';
import { processMessage } from '../../lambda/worker/process-message.ts';
import { createRecoveryQueue } from '../../lambda/worker/queue.ts';
import { IMPATIENT } from './copying.ts';
import { startLedger, type TestLedger } from './ledger-table.ts';
import { startMessaging, type TestMessaging } from './messaging.ts';
import { openStandIn, type StandIn } from './zencoder-stand-in.ts';

/** The customer's bucket. */
export const BUCKET = 'acme-recovered';
/** An invocation of a test has a quarter of an hour, as on Lambda. */
const INVOCATION_MS = 15 * MINUTE_MS;

/** A metric of the worker. */
export interface Measured {
  readonly metric: MetricKey;
  readonly value: number;
  readonly by: string | undefined;
}

/** A message that the queue has delivered, and whether the worker has completed it. */
export interface Delivered {
  readonly isDone: boolean;
  readonly message: Message;
}

/** A worker with real queues, ledger, topic, bucket and Zencoder, whose invocations the test starts one by one. */
export interface TestWorker {
  readonly ledger: TestLedger;
  readonly messaging: TestMessaging;
  readonly standIn: StandIn;
  /** The customer's S3, and the worker's client of it. */
  readonly s3: S3Server;
  readonly client: S3Client;
  readonly queueUrl: string;
  readonly deadLetterQueueUrl: string;
  /** Logged lines, each with the keys that were appended. */
  readonly lines: Record<string, unknown>[];
  readonly measured: Measured[];
  /** Moves the time of worker, Zencoder and both S3 servers. */
  advance(milliseconds: number): void;
  readonly now: () => number;
  /** The dependencies of the next invocation. */
  dependencies(): WorkerDependencies;
  /** Replaces dependencies for the invocations that follow. */
  use(dependencies: Partial<WorkerDependencies>): void;
  /** The messages that a notification of a finished job would be queued as. */
  messagesOf(job: { readonly id: number }): Promise<OutputMessage[]>;
  /** A job whose upload failed and its messages. */
  failedJob(
    ...outputs: Partial<OutputRequest>[]
  ): Promise<{ jobId: string; outputIds: string[]; messages: OutputMessage[] }>;
  /** Queues a message, receives it and lets the worker handle it. */
  deliver(message: RecoveryMessage | string): Promise<Delivered>;
  /** Delivers a message again, even while it is hidden. */
  redeliver(delivered: Delivered): Promise<Delivered>;
  /** Handles the next visible message; fails when there is none. */
  next(): Promise<Delivered>;
  /** Queues a message. */
  send(message: RecoveryMessage | string): Promise<void>;
  /** Receives the next visible message without handling it; fails when there is none. */
  receive(): Promise<Message>;
  /** One invocation for a message that was received, which is deleted when it is completed. */
  handle(message: Message, dependencies?: Partial<WorkerDependencies>): Promise<Delivered>;
  /** Numbers of visible and hidden messages. */
  depth(): Promise<{ visible: number; hidden: number }>;
  job(jobId: string): Promise<JobRecords>;
  keys(): Promise<string[]>;
  /** Events published since the last call. */
  events(): Promise<RecoveryEvent[]>;
  /** Metrics put since the last call. */
  metrics(): Measured[];
  close(): Promise<void>;
}

export async function startWorker(): Promise<TestWorker> {
  let offset = 0;
  const now = () => Date.now() + offset;
  const dir = await mkdtemp(join(tmpdir(), 'worker-'));
  const [ledger, messaging, standIn, s3] = await Promise.all([
    startLedger(now),
    startMessaging(),
    openStandIn({ now }),
    startS3({ dir, buckets: [BUCKET], partChecksums: 'always' }),
  ]);
  const [queueUrl, deadLetterQueueUrl, eventsUrl] = await Promise.all([
    messaging.queue('recoveries'),
    messaging.queue('dead-letters'),
    messaging.subscribe('subscriber'),
  ]);
  const client = createBucketClient({
    silenceMs: 1000,
    aws: {
      region: 'us-east-1',
      endpoint: s3.origin,
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    },
  });
  const storage = parseStorageAllowList(standIn.allowed);
  const lines: Record<string, unknown>[] = [];
  const measured: Measured[] = [];
  let keys: Record<string, unknown> = {};
  const log =
    (level: string) =>
    (input: unknown, ...details: unknown[]) => {
      lines.push(Object.assign({ level, message: input, ...keys }, ...details));
    };
  const publisher: EventPublisher = createEventPublisher(messaging.sns, messaging.topicArn);
  let dependencies: WorkerDependencies = {
    ledger,
    engine: createCopyEngine({
      ...{ client, bucket: BUCKET, bufferBytes: 32 * MiB, segmentBytes: 1024 * MiB, partBytes: 5 * MiB },
      ...IMPATIENT,
    }),
    queue: createRecoveryQueue({ sqs: messaging.sqs, queueUrl, deadLetterQueueUrl, now }),
    bucket: BUCKET,
    keyTemplate: parseKeyTemplate(DEFAULT_KEY_TEMPLATE),
    storage,
    api: standIn.api('full'),
    events: publisher,
    meter: { add: (metric, value, by) => void measured.push({ metric, value, by }) },
    logger: {
      info: log('info'),
      warn: log('warn'),
      error: log('error'),
      appendKeys: (more) => {
        keys = { ...keys, ...more };
      },
      resetKeys: () => {
        keys = {};
      },
    },
    now,
    random: () => 0.5,
  };
  let invocations = 0;

  const receive = async (): Promise<Message> => {
    const { Messages = [] } = await messaging.sqs.send(
      new ReceiveMessageCommand({
        ...{ QueueUrl: queueUrl, MaxNumberOfMessages: 1, WaitTimeSeconds: 1, VisibilityTimeout: 990 },
        MessageSystemAttributeNames: ['ApproximateReceiveCount'],
      }),
    );
    const [message] = Messages;
    if (message === undefined) throw new Error('the queue shows no message');
    return message;
  };
  const handle = async (message: Message, other: Partial<WorkerDependencies> = {}): Promise<Delivered> => {
    const { MessageId = '', Body = '', ReceiptHandle = '', Attributes = {} } = message;
    const endsAt = now() + INVOCATION_MS;
    const received = {
      messageId: MessageId,
      body: Body,
      receiptHandle: ReceiptHandle,
      receiveCount: Number(Attributes.ApproximateReceiveCount ?? 1),
    };
    const invocation = { id: `invocation ${++invocations}`, endsAt, stopAt: endsAt - 10_000 };
    const isDone = await processMessage(received, invocation, { ...dependencies, ...other });
    if (isDone) await messaging.sqs.send(new DeleteMessageCommand({ QueueUrl: queueUrl, ReceiptHandle }));
    return { isDone, message };
  };
  const next = async (): Promise<Delivered> => await handle(await receive());
  const send = async (message: RecoveryMessage | string): Promise<void> => {
    const MessageBody = typeof message === 'string' ? message : encodeMessage(message);
    await messaging.sqs.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody }));
  };
  const messagesOfJob = async ({ id }: { readonly id: number }) => {
    const details = await standIn.api('full').getJob(String(id));
    const decisions = findFailedOutputs(details, { storage, collectUnsentOutputs: false }, now());
    return decisions.flatMap((decision) => outputMessages(details.job, decision, 'notification'));
  };

  return {
    ledger,
    messaging,
    standIn,
    s3,
    client,
    queueUrl,
    deadLetterQueueUrl,
    lines,
    measured,
    now,
    advance: (milliseconds) => {
      offset += milliseconds;
    },
    dependencies: () => dependencies,
    use: (other) => {
      dependencies = { ...dependencies, ...other };
    },
    messagesOf: messagesOfJob,
    failedJob: async (...outputs) => {
      const { job } = await standIn.failedJob(...outputs);
      return {
        jobId: String(job.id),
        outputIds: job.outputs.map(({ id }) => String(id)),
        messages: await messagesOfJob(job),
      };
    },
    deliver: async (message) => {
      await send(message);
      return await next();
    },
    redeliver: async ({ message: { ReceiptHandle } }) => {
      await messaging.sqs.send(
        new ChangeMessageVisibilityCommand({ QueueUrl: queueUrl, ReceiptHandle, VisibilityTimeout: 0 }),
      );
      return await next();
    },
    next,
    send,
    receive,
    handle,
    depth: async () => {
      const { Attributes = {} } = await messaging.sqs.send(
        new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: ['All'] }),
      );
      return {
        visible: Number(Attributes.ApproximateNumberOfMessages),
        hidden: Number(Attributes.ApproximateNumberOfMessagesNotVisible),
      };
    },
    job: (jobId) => ledger.queries.readJob(jobId),
    keys: async () => {
      const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: BUCKET }));
      return Contents.flatMap(({ Key }) => Key ?? []);
    },
    events: async () => {
      const messages = await messaging.drain(eventsUrl);
      return messages.map(({ Body = '' }): RecoveryEvent => JSON.parse(Body));
    },
    metrics: () => measured.splice(0),
    close: async () => {
      client.destroy();
      await Promise.all([standIn.close(), s3.close(), messaging.close(), ledger.close()]);
      await rm(dir, { recursive: true, force: true });
    },
  };
}
