import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { vi } from 'vitest';
import { queueDepth } from '../../infra/cli/lib/queues.ts';
import { presignV4 } from '../../infra/local/aws/s3/presign.ts';
import { type S3Server, startS3 } from '../../infra/local/aws/s3/server.ts';
import { createClock } from '../../infra/local/clock.ts';
import { uploadsWithParts } from '../../infra/local/demo/unfinished-uploads.ts';
import { type LocalStack, type LocalStackOptions, startLocalStack } from '../../infra/local/stack.ts';
import { createLedger } from '../../lambda/shared/ledger/ledger.ts';
import type { JobRecords } from '../../lambda/shared/ledger/reads.ts';

const BUCKET = 'zencoder-temp-storage-us-east-1';
const KEYS = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'zencoder-backup-storage' };
const DAY_SECONDS = 86_400;

/** The deployed stack on embedded servers, with a second S3 that plays Zencoder's backup storage. */
export interface RunningStack {
  readonly stack: LocalStack;
  readonly storage: S3Server;
  /** Keeps a file as Zencoder does and signs its URL for 24 hours; `path` begins with `o/`. */
  readonly keep: (path: string, body: Uint8Array) => Promise<string>;
  /** Signs the URL of a kept file anew. */
  readonly sign: (path: string, expiresInSeconds?: number) => string;
  /** Posts a body to the notification URL, with its credentials unless others are given. */
  readonly post: (body: string | Uint8Array, headers?: Record<string, string>) => Promise<Response>;
  /** All that the ledger has of a job. */
  readonly job: (jobId: string) => Promise<JobRecords>;
  /** Waits until all recoveries of a job are settled; fails with what is open. */
  readonly settled: (jobId: string, recoveries: number) => Promise<JobRecords>;
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
  readonly close: () => Promise<void>;
}

/** Starts both; a test file does it once. */
export async function startRunningStack(options: LocalStackOptions = {}): Promise<RunningStack> {
  const dir = await mkdtemp(join(tmpdir(), 'zencoder-storage-'));
  const clock = options.clock ?? createClock();
  const storage = await startS3({
    dir,
    buckets: [BUCKET],
    credentials: { [KEYS.accessKeyId]: KEYS.secretAccessKey },
    now: clock.now,
  });
  const environment = { ZENCODER_STORAGE: `${storage.origin}/${BUCKET},${BUCKET},zencoder-live` };
  const stack = await startLocalStack({
    ...options,
    clock,
    environment: {
      ...options.environment,
      ingest: { ...environment, ...options.environment?.ingest },
      worker: { ...environment, ...options.environment?.worker },
    },
  });
  const zencoder = new S3Client({
    endpoint: storage.origin,
    region: 'us-east-1',
    credentials: KEYS,
    forcePathStyle: true,
  });
  const { s3, sqs, dynamodb } = stack.clients;
  const Bucket = outputOf(stack, 'BucketName');
  const ledger = createLedger({
    client: dynamodb,
    tableName: outputOf(stack, 'TableName'),
    recordTtlDays: 0,
    now: Date.now,
  });
  const now = () => stack.clock.now();

  const sign = (path: string, expiresIn = DAY_SECONDS - 1) =>
    presignV4({
      ...KEYS,
      method: 'GET',
      url: `${storage.origin}/${BUCKET}/${path}`,
      region: 'us-east-1',
      expiresIn,
      now: now(),
    });
  const job = (jobId: string) => ledger.queries.readJob(jobId);

  return {
    stack,
    storage,
    sign,
    job,
    keep: async (path, body) => {
      await zencoder.send(new PutObjectCommand({ Bucket: BUCKET, Key: path, Body: body }));
      return sign(path);
    },
    post: async (body, headers = {}) => {
      const { username, password, href } = new URL(stack.notificationUrl);
      const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
      const url = href.replace(`${username}:${password}@`, '');
      return await fetch(url, {
        method: 'POST',
        body,
        headers: { 'content-type': 'application/json', authorization, ...headers },
      });
    },
    settled: (jobId, recoveries) =>
      vi.waitFor(
        async () => {
          const records = await job(jobId);
          const open = records.recoveries.filter(({ settledAt }) => settledAt === undefined);
          if (records.recoveries.length < recoveries || open.length > 0) {
            throw new Error(`not settled: ${JSON.stringify(records.recoveries, null, 2)}`);
          }
          return records;
        },
        { timeout: 60_000, interval: 50 },
      ),
    idle: async () => {
      let polls = 0;
      await vi.waitFor(
        async () => {
          if (++polls > 20) stack.clock.advance(100 * 50);
          const { waiting, hidden, delayed } = await queueDepth(sqs, outputOf(stack, 'QueueUrl'));
          if (waiting + hidden + delayed > 0)
            throw new Error(`queue holds ${waiting} + ${hidden} + ${delayed} messages`);
        },
        { timeout: 60_000, interval: 50 },
      );
    },
    keys: async (Prefix = '') => {
      const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket, Prefix }));
      return Contents.flatMap(({ Key }) => Key ?? []);
    },
    digest: async (Key) => {
      const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key }));
      return digestOf((await Body?.transformToByteArray()) ?? new Uint8Array());
    },
    uploads: async () => (await uploadsWithParts(s3, Bucket)).length,
    close: async () => {
      zencoder.destroy();
      await stack.close();
      await storage.close();
      await rm(dir, { recursive: true, force: true });
    },
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

/** An output of the stack that has to be there. */
export function outputOf(stack: LocalStack, name: string): string {
  const value = stack.outputs[name];
  if (value === undefined) throw new Error(`the stack has no output ${name}`);
  return value;
}
