import { createHash } from 'node:crypto';
import { GetObjectCommand, paginateListObjectsV2 } from '@aws-sdk/client-s3';
import type { SQSClient } from '@aws-sdk/client-sqs';
import pMap from 'p-map';
import { queueDepth } from '../../infra/cli/lib/queues.ts';
import { uploadsWithParts } from '../../infra/local/demo/unfinished-uploads.ts';
import type { LocalStack } from '../../infra/local/stack.ts';
import type { Ledger } from '../../lambda/shared/ledger/ledger.ts';
import type { JobRecords } from '../../lambda/shared/ledger/reads.ts';
import type { SoakEnvironment } from './environment.ts';
import { errorsOfHeard, type Heard, type HeardEvent, heardOf } from './events.ts';
import type { Expected, FailedJob, KeptFile } from './workload.ts';

/** What is there at the end. */
export interface Verification {
  readonly files: number;
  readonly recovered: number;
  /** How often recoveries were claimed: how many took one attempt, two, … */
  readonly attempts: Readonly<Record<number, number>>;
  /** The stack's events. */
  readonly heard: Heard;
  /** Sentences; empty when everything is as it has to be. At most {@link MAX_ERRORS}. */
  readonly errors: readonly string[];
  readonly errorCount: number;
}

const MAX_ERRORS = 20;

interface Found {
  readonly size: number;
  /** MD5 in hex; null for an object of several parts. */
  readonly md5: string | null;
}

/**
 * Holds ledger, bucket, queues and events against what was kept: each file once and whole, each failure once, an event for
 * each and no false one, nothing left open, owed, dead or unfinished.
 *
 * @param deliveries of the stack's events.
 */
export async function verify(
  { stack, ledger, sqs, clock }: Pick<SoakEnvironment, 'stack' | 'ledger' | 'sqs' | 'clock'>,
  expected: Expected,
  deliveries: readonly HeardEvent[],
): Promise<Verification> {
  const { jobs } = expected;
  const objects = await objectsIn(stack);
  const attempts: Record<number, number> = {};
  let recovered = 0;
  const errors: string[] = [];
  const keys = new Set<string>();
  await pMap(
    jobs,
    async (job) => {
      const records = await ledger.queries.readJob(String(job.jobId));
      errors.push(...errorsOfRecords(job, records));
      for (const { state, attempts: count, key = '' } of records.recoveries) {
        attempts[count] = (attempts[count] ?? 0) + 1;
        if (state === 'recovered') recovered++;
        if (keys.has(key)) errors.push(`two recoveries have the key ${key}`);
        keys.add(key);
      }
      for (const file of job.files) errors.push(...(await errorsOfFile(stack, job, file, records, objects)));
    },
    { concurrency: 16 },
  );
  const files = jobs.reduce((sum, job) => sum + job.files.length, 0);
  if (objects.size !== files) errors.push(`${objects.size} objects are in the bucket for ${files} files`);
  errors.push(...errorsOfHeard(deliveries, expected), ...(await leftovers(stack, sqs)));
  errors.push(...(await openEnds(ledger, clock.now())));
  return {
    files,
    recovered,
    attempts,
    heard: heardOf(deliveries),
    errors: errors.slice(0, MAX_ERRORS),
    errorCount: errors.length,
  };
}

function errorsOfRecords(job: FailedJob, { failures, recoveries }: JobRecords): string[] {
  const errors: string[] = [];
  if (failures.length !== 1)
    errors.push(`job ${job.jobId} has ${failures.length} primary failures instead of 1`);
  if (recoveries.length !== job.files.length) {
    errors.push(`job ${job.jobId} has ${recoveries.length} recoveries for ${job.files.length} files`);
  }
  for (const { state, filename, lastError } of recoveries) {
    if (state === 'recovered') continue;
    errors.push(
      `${filename} of job ${job.jobId} is ${state}: ${lastError?.errorClass} ${lastError?.message}`,
    );
  }
  return errors;
}

async function errorsOfFile(
  stack: LocalStack,
  { jobId }: FailedJob,
  file: KeptFile,
  { recoveries }: JobRecords,
  objects: ReadonlyMap<string, Found>,
): Promise<string[]> {
  const name = file.path.split('/').at(-1);
  const recovery = recoveries.find(({ filename }) => filename === name);
  const key = recovery?.key;
  const found = key === undefined ? undefined : objects.get(key);
  if (key === undefined || found === undefined) return [`${name} of job ${jobId} is not in the bucket`];
  const md5 = found.md5 ?? (await md5Of(stack, key));
  return found.size === file.body.length && md5 === file.md5 ? [] : [`${key} is not what Zencoder kept`];
}

async function objectsIn(stack: LocalStack): Promise<Map<string, Found>> {
  const objects = new Map<string, Found>();
  const pages = paginateListObjectsV2({ client: stack.clients.s3 }, { Bucket: stack.outputs.BucketName });
  for await (const { Contents = [] } of pages) {
    for (const { Key = '', Size = 0, ETag = '' } of Contents) {
      objects.set(Key, { size: Size, md5: /^"([0-9a-f]{32})"$/.exec(ETag)?.[1] ?? null });
    }
  }
  return objects;
}

async function md5Of({ clients, outputs }: LocalStack, Key: string): Promise<string> {
  const { Body } = await clients.s3.send(new GetObjectCommand({ Bucket: outputs.BucketName, Key }));
  const bytes = (await Body?.transformToByteArray()) ?? new Uint8Array();
  return createHash('md5').update(bytes).digest('hex');
}

async function leftovers({ clients, outputs }: LocalStack, sqs: SQSClient): Promise<string[]> {
  const dead = await queueDepth(sqs, outputs.DeadLetterQueueUrl ?? '');
  const uploads = await uploadsWithParts(clients.s3, outputs.BucketName ?? '');
  return [
    ...(dead.waiting + dead.hidden > 0 ? [`${dead.waiting + dead.hidden} dead letters`] : []),
    ...(uploads.length > 0 ? [`${uploads.length} multipart uploads with parts are left open`] : []),
  ];
}

async function openEnds(ledger: Ledger, now: number): Promise<string[]> {
  const open = await Array.fromAsync(ledger.queries.openRecoveriesByDeadline());
  const owed = await ledger.outbox.countOwedBefore(now);
  return [
    ...(open.length > 0 ? [`${open.length} recoveries are listed as open`] : []),
    ...(owed > 0 ? [`${owed} events are owed`] : []),
  ];
}
