import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { startDynamoDb } from '../../infra/local/aws/dynamodb.ts';
import { startMessaging } from '../../infra/local/aws/messaging.ts';
import { presignV4 } from '../../infra/local/aws/s3/presign.ts';
import { type S3Server, startS3 } from '../../infra/local/aws/s3/server.ts';
import { type Clock, createClock } from '../../infra/local/clock.ts';
import { type LocalStack, startLocalStack } from '../../infra/local/stack.ts';
import { createLedger, type Ledger } from '../../lambda/shared/ledger/ledger.ts';
import { type Chaos, WITHDRAWN_KEY } from './chaos.ts';
import { startFaultProxy } from './fault-proxy.ts';
import type { KeptFile } from './workload.ts';

const BACKUP_BUCKET = 'zencoder-temp-storage-us-east-1';
const DAY_SECONDS = 86_400;
/** Short, so that the message of a worker that was killed is back soon. */
const WORKER_TIMEOUT_SECONDS = 120;

/** The stack on servers that can fail, and Zencoder's storage. */
export interface SoakEnvironment {
  readonly stack: LocalStack;
  readonly clock: Clock;
  /** Keeps a file as Zencoder does. */
  readonly keep: (file: KeptFile) => Promise<void>;
  readonly sign: (path: string) => string;
  /** Signs by the key that is withdrawn. */
  readonly signInVain: (path: string) => string;
  /** The ledger by a way of its own: reading it neither fails nor counts as {@link SoakEnvironment.activity}. */
  readonly ledger: Ledger;
  /** Requests that functions have made to storage, bucket and ledger: while it stands still, nobody works. */
  readonly activity: () => number;
  readonly close: () => Promise<void>;
}

export async function startSoakEnvironment(chaos: Chaos): Promise<SoakEnvironment> {
  const closers: (() => Promise<unknown>)[] = [];
  const close = async () => {
    for (const closer of closers.splice(0).toReversed()) await closer();
  };
  try {
    return { ...(await start(chaos, (closer) => void closers.push(closer))), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function start(
  chaos: Chaos,
  onClose: (closer: () => Promise<unknown>) => void,
): Promise<Omit<SoakEnvironment, 'close'>> {
  const dir = await mkdtemp(join(tmpdir(), 'soak-'));
  onClose(() => rm(dir, { recursive: true, force: true }));
  const clock = createClock();
  const keys = { accessKeyId: 'LKIASOAK000000000000', secretAccessKey: randomBytes(20).toString('hex') };
  const startBuckets = async (name: string, faults: Chaos['bucketFaults'], buckets: readonly string[]) => {
    const credentials = {
      [keys.accessKeyId]: keys.secretAccessKey,
      [WITHDRAWN_KEY]: keys.secretAccessKey,
    };
    const server = await startS3({ dir: join(dir, name), buckets, credentials, now: clock.now, faults });
    onClose(() => server.close());
    return server;
  };
  const storage = await startBuckets('zencoder', chaos.storageFaults, [BACKUP_BUCKET]);
  const bucket = await startBuckets('bucket', chaos.bucketFaults, []);
  const [messaging, dynamodb] = await Promise.all([startMessaging(clock), startDynamoDb()]);
  onClose(() => Promise.all([messaging.close(), dynamodb.close()]));
  const proxies = {
    sqs: await startFaultProxy(messaging.endpoint, chaos.serviceFault('SQS')),
    sns: await startFaultProxy(messaging.endpoint, chaos.serviceFault('SNS')),
    dynamodb: await startFaultProxy(dynamodb.endpoint, chaos.serviceFault('DynamoDB')),
  };
  onClose(() => Promise.all(Object.values(proxies).map((proxy) => proxy.close())));

  const override = { ZENCODER_STORAGE: `${storage.origin}/${BACKUP_BUCKET},${BACKUP_BUCKET}` };
  const stack = await startLocalStack({
    clock,
    dir: join(dir, 'stack'),
    context: { workerTimeoutSeconds: WORKER_TIMEOUT_SECONDS },
    environment: { ingest: override, worker: override, reconcile: override },
    env: {
      AWS_ACCESS_KEY_ID: keys.accessKeyId,
      AWS_SECRET_ACCESS_KEY: keys.secretAccessKey,
      AWS_ENDPOINT_URL_S3: bucket.origin,
      AWS_ENDPOINT_URL_SQS: proxies.sqs.endpoint,
      AWS_ENDPOINT_URL_SNS: proxies.sns.endpoint,
      AWS_ENDPOINT_URL_DYNAMODB: proxies.dynamodb.endpoint,
    },
  });
  onClose(() => stack.close());
  const client = new DynamoDBClient({
    endpoint: dynamodb.endpoint,
    region: stack.region,
    credentials: { ...keys },
  });
  onClose(async () => client.destroy());
  return {
    stack,
    clock,
    ledger: createLedger({
      client,
      tableName: stack.outputs.TableName ?? '',
      recordTtlDays: 0,
      now: clock.now,
    }),
    activity: () => storage.stats().requests + bucket.stats().requests + proxies.dynamodb.requests,
    ...storageSide(storage, keys, clock),
  };
}

function storageSide(
  storage: S3Server,
  keys: { readonly accessKeyId: string; readonly secretAccessKey: string },
  clock: Clock,
): Pick<SoakEnvironment, 'keep' | 'sign' | 'signInVain'> {
  const client = new S3Client({
    endpoint: storage.origin,
    region: 'us-east-1',
    credentials: { ...keys },
    forcePathStyle: true,
  });
  const signBy = (accessKeyId: string) => (path: string) =>
    presignV4({
      accessKeyId,
      secretAccessKey: keys.secretAccessKey,
      method: 'GET',
      url: `${storage.origin}/${BACKUP_BUCKET}/${path}`,
      region: 'us-east-1',
      expiresIn: DAY_SECONDS - 1,
      now: clock.now(),
    });
  return {
    keep: async ({ path, body }) => {
      await client.send(new PutObjectCommand({ Bucket: BACKUP_BUCKET, Key: path, Body: body }));
    },
    sign: signBy(keys.accessKeyId),
    signInVain: signBy(WITHDRAWN_KEY),
  };
}
