import { createHash, randomBytes } from 'node:crypto';
import { GetObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import * as v from 'valibot';
import { vi } from 'vitest';
import { queueDepth } from '../../infra/cli/lib/queues.ts';
import { uploadsWithParts } from '../../infra/local/demo/unfinished-uploads.ts';
import type { OutputRequest } from '../../infra/local/zencoder/job.ts';
import type { RecoveryEvent } from '../../lambda/shared/events/events.ts';
import type { JobRecords } from '../../lambda/shared/ledger/reads.ts';
import type { RecoveryRecord } from '../../lambda/shared/ledger/records.ts';
import { MINUTE_MS } from '../../lambda/shared/runtime/durations.ts';
import { METRICS, type MetricKey } from '../../lambda/shared/runtime/metrics.ts';
import { subscribeToEvents } from './event-queue.ts';
import { outputOf, startTestStack, type TestStack, type TestStackOptions } from './stack.ts';

const metricLine = v.looseObject({ _aws: v.object({ Timestamp: v.number() }), service: v.string() });

/** A {@link TestStack} with what tests do with it and ask of it. */
export interface RunningStack extends TestStack {
  /** Posts a body to the notification URL, with its credentials unless others are given. */
  readonly post: (body: string | Uint8Array, headers?: Record<string, string>) => Promise<Response>;
  /** A job whose uploads fail, notified to the stack unless Zencoder withholds it. */
  readonly failedJob: (...outputs: Partial<OutputRequest>[]) => Promise<string>;
  /** All that the ledger has of a job. */
  readonly job: (jobId: string) => Promise<JobRecords>;
  /** Waits until all recoveries of a job are settled; fails with what is open. */
  readonly settled: (jobId: string, recoveries: number) => Promise<JobRecords>;
  /**
   * Waits until the only recovery of a job is as the test says; fails with what it is. Time goes on meanwhile: after a
   * second of waiting the clock runs a hundred times as fast as the machine's, since a message may have been hidden by a
   * function that did not know yet that the test had moved the clock.
   */
  readonly recovery: (jobId: string, isSo: (record: RecoveryRecord) => boolean) => Promise<RecoveryRecord>;
  /**
   * Waits until the queue holds nothing, visible or not. After a second of waiting the stack's clock runs a hundred times
   * as fast as the machine's: further messages of a settled recovery are kept in reserve until their time comes.
   */
  readonly idle: () => Promise<void>;
  /** Keys in the customer's bucket. */
  readonly keys: (prefix?: string) => Promise<string[]>;
  /** SHA-256 of an object in the customer's bucket, hex. */
  readonly digest: (key: string) => Promise<string>;
  /** Number of multipart uploads with parts left in the customer's bucket. */
  readonly uploads: () => Promise<number>;
  /** Values of a metric that a function has written so far, the oldest first. */
  readonly metric: (service: 'worker' | 'reconcile', metric: MetricKey, by?: string) => number[];
  /** Every line that the functions have logged so far. */
  readonly lines: () => string[];
  /** Events published since the last call. */
  readonly events: () => Promise<RecoveryEvent[]>;
}

/** Starts the stack; a test file does it once. */
export async function startRunningStack(options: TestStackOptions = {}): Promise<RunningStack> {
  const started = await startTestStack(options);
  const { stack } = started;
  const events = await subscribeToEvents(stack);
  return {
    ...started,
    ...waitsOf(started),
    ...bucketOf(started),
    post: (body, headers) => post(stack.notificationUrl, body, headers),
    failedJob: (...outputs) => failedJob(started, outputs),
    lines: () => stack.functions.names.flatMap((name) => stack.functions.logs(name)),
    metric: (service, metric, by) =>
      stack.functions.logs(service).flatMap((line) => {
        const parsed = v.safeParse(metricLine, jsonOf(line));
        if (!parsed.success || (by !== undefined && parsed.output.ErrorClass !== by)) return [];
        const value = parsed.output[METRICS[metric].name];
        return [value].flat().filter((each) => typeof each === 'number');
      }),
    events: async () => (await events()).map((body): RecoveryEvent => JSON.parse(body)),
  };
}

/** SHA-256, hex. */
export function digestOf(body: Uint8Array): string {
  return createHash('sha256').update(body).digest('hex');
}

/** An id that no other test uses, as Zencoder writes them in JSON. */
export function freshId(): number {
  return Number(BigInt.asUintN(40, BigInt(`0x${randomBytes(6).toString('hex')}`))) + 1_000_000;
}

function waitsOf({
  stack,
  clock,
  ledger,
}: TestStack): Pick<RunningStack, 'job' | 'settled' | 'recovery' | 'idle'> {
  const job = (jobId: string) => ledger.queries.readJob(jobId);
  const waitFor = <T>(look: () => Promise<T>) => vi.waitFor(look, { timeout: MINUTE_MS, interval: 50 });
  /** As `waitFor`; after a second the clock runs a hundred times as fast as the machine's. */
  const waitAhead = <T>(look: () => Promise<T>) => {
    let polls = 0;
    return waitFor(() => {
      if (++polls > 20) clock.advance(100 * 50);
      return look();
    });
  };
  return {
    job,
    settled: (jobId, recoveries) =>
      waitFor(async () => {
        const records = await job(jobId);
        const open = records.recoveries.filter(({ settledAt }) => settledAt === undefined);
        if (records.recoveries.length < recoveries || open.length > 0) {
          throw new Error(`not settled: ${JSON.stringify(records.recoveries, null, 2)}`);
        }
        return records;
      }),
    recovery: (jobId, isSo) =>
      waitAhead(async () => {
        const { recoveries } = await job(jobId);
        const [record] = recoveries;
        if (record !== undefined && recoveries.length === 1 && isSo(record)) return record;
        throw new Error(`not so: ${JSON.stringify(recoveries, null, 2)}`);
      }),
    idle: () =>
      waitAhead(async () => {
        const depth = await queueDepth(stack.clients.sqs, outputOf(stack, 'QueueUrl'));
        const { waiting, hidden, delayed } = depth;
        if (waiting + hidden + delayed > 0)
          throw new Error(`queue holds ${waiting} + ${hidden} + ${delayed} messages`);
      }),
  };
}

function bucketOf({ stack }: TestStack): Pick<RunningStack, 'keys' | 'digest' | 'uploads'> {
  const { s3 } = stack.clients;
  const Bucket = outputOf(stack, 'BucketName');
  return {
    keys: async (Prefix = '') => {
      const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket, Prefix }));
      return Contents.flatMap(({ Key }) => Key ?? []);
    },
    digest: async (Key) => {
      const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key }));
      return digestOf((await Body?.transformToByteArray()) ?? new Uint8Array());
    },
    uploads: async () => (await uploadsWithParts(s3, Bucket)).length,
  };
}

async function post(
  notificationUrl: string,
  body: string | Uint8Array,
  headers: Record<string, string> = {},
): Promise<Response> {
  const { username, password, href } = new URL(notificationUrl);
  const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  return await fetch(href.replace(`${username}:${password}@`, ''), {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', authorization, ...headers },
  });
}

async function failedJob(
  { stack, standIn }: Pick<TestStack, 'stack' | 'standIn'>,
  outputs: readonly Partial<OutputRequest>[],
): Promise<string> {
  const { job, delivered } = await standIn.zencoder.createJob({
    passThrough: 'asset:1',
    notificationUrls: [stack.notificationUrl],
    outputs: (outputs.length === 0 ? [{}] : outputs).map((output, index) => ({
      label: `output ${index}`,
      url: `ftp://render:n0t-real@media.acme.invalid/${index}.mp4`,
      file: new URL('../fixtures/media/clip.mp4', import.meta.url),
      ...output,
    })),
  });
  await delivered;
  return String(job.id);
}

function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
