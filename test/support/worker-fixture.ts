import { ListMultipartUploadsCommand } from '@aws-sdk/client-s3';
import { PurgeQueueCommand } from '@aws-sdk/client-sqs';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { accessDenied } from '../../infra/local/aws/s3/faults.ts';
import type { OutputRequest } from '../../infra/local/zencoder/job.ts';
import type { RecoveryRecord } from '../../lambda/shared/ledger/records.ts';
import type { OutputMessage } from '../../lambda/shared/queue/messages.ts';
import { parseStorageAllowList } from '../../lambda/shared/zencoder/storage.ts';
import { type CopyEngineOptions, createCopyEngine } from '../../lambda/worker/copy/engine.ts';
import { MiB } from '../../lambda/worker/copy/plan.ts';
import { IMPATIENT } from './copying.ts';
import { backupMessage, type MessageOptions } from './messages.ts';
import { type SourceOptions, type SourceServer, startSource } from './source-server.ts';
import { BUCKET, type Delivered, startWorker, type TestWorker } from './worker.ts';

/** The worker of the test file. */
export let worker: TestWorker;
/** The source of the backup files, since the last call of {@link serveSource}. */
export let source: SourceServer;

/** Runs a worker for the tests of a file; each test begins with an empty queue and log, no metrics, and no S3 faults. */
export function useWorker(): void {
  beforeAll(async () => {
    worker = await startWorker();
  });
  beforeEach(() => {
    worker.metrics();
    worker.lines.splice(0);
  });
  afterEach(async () => {
    worker.s3.setFaults(undefined);
    // A message that a test leaves must not be delivered in the next.
    await discardMessages();
  });
  afterAll(async () => {
    await source?.close();
    await worker?.close();
  });
}

/** Serves backup files from a source in place of the stand-in; there is no API key then. */
export async function serveSource(options: SourceOptions): Promise<void> {
  await source?.close();
  source = await startSource(options);
  worker.use({ storage: parseStorageAllowList(source.origin), api: null });
}

/** Replaces the engine. @default segments of 1 GiB, parts of 5 MiB, 32 MiB of memory, the worker's clock */
export function useEngine(options: Partial<CopyEngineOptions> = {}): void {
  worker.use({
    engine: createCopyEngine({
      ...{ client: worker.client, bucket: BUCKET, bufferBytes: 32 * MiB, partBytes: 5 * MiB },
      ...{ segmentBytes: 1024 * MiB, ...IMPATIENT, clock: worker.now, ...options },
    }),
  });
}

/** A message about files of the source. */
export function messageOf(names: readonly string[], options: Partial<MessageOptions> = {}): OutputMessage {
  return backupMessage({ origin: source.origin, names, now: worker.now(), ...options });
}

export interface FailedOutput {
  readonly jobId: string;
  readonly outputId: string;
  readonly message: OutputMessage;
  readonly recoveries: () => Promise<readonly RecoveryRecord[]>;
}

/** An output at the stand-in whose upload failed, with the message of its notification. */
export async function failOutput(output: Partial<OutputRequest> = {}): Promise<FailedOutput> {
  const { jobId, outputIds, messages } = await worker.failedJob(output);
  const [message] = messages;
  if (message === undefined) throw new Error('expected a message');
  const recoveries = async () => (await worker.job(jobId)).recoveries;
  return { jobId, outputId: outputIds[0] ?? '', message, recoveries };
}

/** Lets the bucket deny every request. */
export function denyBucket(): void {
  worker.s3.setFaults(() => accessDenied('s3:PutObject', 'arn:aws:s3:::acme'));
}

/** The recovery of a message about one file; undefined before it is claimed. */
export async function recoveryOf({ job }: OutputMessage): Promise<RecoveryRecord | undefined> {
  return (await worker.job(job.id)).recoveries[0];
}

/** Redelivers a message until it is done, with this time between two deliveries. */
export async function redeliverUntilDone(delivered: Delivered, intervalMs: number): Promise<void> {
  let last = delivered;
  while (!last.isDone) {
    worker.advance(intervalMs);
    last = await worker.redeliver(last);
  }
}

/** Deletes every message of the queue. */
export async function discardMessages(): Promise<void> {
  await worker.messaging.sqs.send(new PurgeQueueCommand({ QueueUrl: worker.queueUrl }));
}

/** Multipart uploads that are neither completed nor aborted, of one message or of all. */
export async function openUploads(message?: OutputMessage): Promise<readonly (string | undefined)[]> {
  const Prefix = message === undefined ? '' : `zencoder-recovery/${message.job.id}/`;
  const { Uploads = [] } = await worker.client.send(
    new ListMultipartUploadsCommand({ Bucket: BUCKET, Prefix }),
  );
  return Uploads.map(({ UploadId }) => UploadId);
}

/** Delivers a message while the ledger fails the commands for which `isFailing` returns true. */
export async function deliverInOutage(
  message: OutputMessage,
  isFailing: (commandName: string) => boolean,
): Promise<Delivered> {
  const { middlewareStack } = worker.ledger.client;
  middlewareStack.add(
    (next, { commandName = '' }) =>
      async (args) => {
        if (isFailing(commandName)) throw new Error('the ledger is unavailable');
        return await next(args);
      },
    { step: 'initialize', name: 'outage' },
  );
  try {
    return await worker.deliver(message);
  } finally {
    middlewareStack.remove('outage');
  }
}

/** Delivers a message to an invocation that can only create records in the ledger: as if it was killed after its claims. */
export async function deliverAndDie(message: OutputMessage): Promise<Delivered> {
  let isClaimed = false;
  return await deliverInOutage(message, (commandName) => {
    if (isClaimed) return !/^Put/.test(commandName);
    isClaimed = /^Put|^Transact/.test(commandName);
    return false;
  });
}
