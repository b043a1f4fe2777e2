import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { CreateSecretCommand } from '@aws-sdk/client-secrets-manager';
import { SQSClient } from '@aws-sdk/client-sqs';
import { startDynamoDb } from '../../infra/local/aws/dynamodb.ts';
import type { Credentials } from '../../infra/local/aws/listen.ts';
import { startMessaging } from '../../infra/local/aws/messaging.ts';
import type { FaultHook } from '../../infra/local/aws/s3/faults.ts';
import { presignV4 } from '../../infra/local/aws/s3/presign.ts';
import { type S3Options, type S3Server, startS3 } from '../../infra/local/aws/s3/server.ts';
import { type Clock, createClock } from '../../infra/local/clock.ts';
import { type LocalStack, type LocalStackOptions, startLocalStack } from '../../infra/local/stack.ts';
import { type ProxyFault, startFaultProxy } from './fault-proxy.ts';
import { type DatedLedger, datedLedger } from './ledger-table.ts';
import { BACKUP_BUCKET, BACKUP_KEYS, openStandIn, type StandIn } from './zencoder-stand-in.ts';

const API_KEY_SECRET = 'zencoder-api-key';
const DAY_SECONDS = 86_400;

/** What the stack is started with, beyond the options of every local stack. */
export interface TestStackOptions extends Omit<LocalStackOptions, 'clock' | 'env'> {
  /** What the stack's Zencoder API key may do. @default no key */
  readonly apiAccess?: 'full' | 'read-only' | undefined;
  /** Variables of every function. */
  readonly variables?: Readonly<Record<string, string>>;
  /** What outlives the stack, to be found by another one: a folder with the buckets, and a DynamoDB. */
  readonly retained?: { readonly folder: string; readonly dynamodb: string };
  /** Of the customer's bucket. */
  readonly bucket?: Pick<S3Options, 'faults' | 'keepBodies' | 'etags'>;
  /** Of Zencoder's storage. */
  readonly storageFaults?: FaultHook;
  /** Access key whose signatures Zencoder's storage accepts besides its own. */
  readonly secondKey?: string;
  /** Decides what goes wrong in SQS, SNS and DynamoDB, which are then called through proxies. */
  readonly serviceFaults?: (service: 'SQS' | 'SNS' | 'DynamoDB') => () => ProxyFault | undefined;
}

/** The whole stack with a Zencoder and a bucket of the customer's, all on one clock that the test moves. */
export interface TestStack {
  readonly stack: LocalStack;
  readonly clock: Clock;
  readonly standIn: StandIn;
  /** S3 with the customer's bucket; the test sets its faults. */
  readonly destination: S3Server;
  /** The ledger, without the proxy of {@link TestStackOptions.serviceFaults}. */
  readonly ledger: DatedLedger;
  /** A client of the queues, without the proxy as well. */
  readonly sqs: SQSClient;
  /** Requests that functions have made to storage, bucket and, through its proxy, ledger. */
  readonly activity: () => number;
  /** Keeps a file as Zencoder does and signs its URL for 24 hours; `path` begins with `o/`. */
  readonly keep: (path: string, body: Uint8Array) => Promise<string>;
  /** Signs a new URL of a kept file. */
  readonly sign: (path: string, expiresInSeconds?: number, accessKeyId?: string) => string;
  readonly close: () => Promise<void>;
}

/**
 * Starts the stack on servers that a test can break. Needs no test runner, so that soak and screenshots use it as well.
 *
 * @example
 * await using test = new AsyncDisposableStack();
 * const { stack, keep } = test.adopt(await startTestStack({ apiAccess: 'full' }), ({ close }) => close());
 */
export async function startTestStack(options: TestStackOptions = {}): Promise<TestStack> {
  const { apiAccess, variables, retained, bucket, storageFaults, secondKey, serviceFaults, ...stackOptions } =
    options;
  await using starting = new AsyncDisposableStack();
  const clock = createClock();
  const keys = { accessKeyId: 'LKIATEST000000000000', secretAccessKey: randomBytes(20).toString('hex') };
  const dir = await mkdtemp(join(tmpdir(), 'test-stack-'));
  starting.defer(() => rm(dir, { recursive: true, force: true }));
  const standIn = await openStandIn({ now: clock.now, storageFaults, secondKey });
  starting.defer(() => standIn.close());
  const destination = await startS3({
    partChecksums: 'always',
    ...bucket,
    dir: join(retained?.folder ?? dir, 'bucket'),
    credentials: { [keys.accessKeyId]: keys.secretAccessKey },
    now: clock.now,
  });
  starting.defer(() => destination.close());
  const services = serviceFaults && (await startServices(clock, serviceFaults, starting));
  const api = { ZENCODER_API_KEY_SECRET_ARN: API_KEY_SECRET, ZENCODER_API_URL: standIn.zencoder.apiUrl };
  const storage = {
    ...variables,
    ZENCODER_STORAGE: `${standIn.allowed},${BACKUP_BUCKET},zencoder-live`,
  };
  const withApi = { ...storage, ...(apiAccess === undefined ? {} : api) };
  const given = options.environment;
  const stack = await startLocalStack({
    ...stackOptions,
    clock,
    environment: {
      ...given,
      ingest: { ...storage, ...given?.ingest },
      worker: { ...withApi, ...given?.worker },
      reconcile: { ...withApi, ...given?.reconcile },
      dashboard: {
        ...variables,
        ...(apiAccess === undefined ? {} : { HAS_ZENCODER_API_KEY: 'true' }),
        ...given?.dashboard,
      },
    },
    env: {
      AWS_ACCESS_KEY_ID: keys.accessKeyId,
      AWS_SECRET_ACCESS_KEY: keys.secretAccessKey,
      AWS_ENDPOINT_URL_S3: destination.origin,
      ...(retained === undefined ? {} : { AWS_ENDPOINT_URL_DYNAMODB: retained.dynamodb }),
      ...services?.env,
    },
  });
  starting.defer(() => stack.close());
  if (apiAccess !== undefined) await storeApiKey(stack, standIn, apiAccess);
  const { sqs, dynamodb } = services === undefined ? stack.clients : directClients(services, stack, starting);
  const running = starting.move();
  return {
    stack,
    clock,
    standIn,
    destination,
    ledger: datedLedger({
      client: dynamodb,
      tableName: outputOf(stack, 'TableName'),
      recordTtlDays: 0,
      now: clock.now,
    }),
    sqs,
    activity: () =>
      standIn.storage.stats().requests + destination.stats().requests + (services?.ledgerRequests() ?? 0),
    ...storageOf(standIn, clock),
    close: () => running.disposeAsync(),
  };
}

/** An output of the stack that has to be there. */
export function outputOf(stack: LocalStack, name: string): string {
  const value = stack.outputs[name];
  if (value === undefined) throw new Error(`the stack has no output ${name}`);
  return value;
}

/** `Authorization` for the credentials in an address. */
export function authorizationOf({ username, password }: URL): string {
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return `Basic ${Buffer.from(credentials).toString('base64')}`;
}

/** SQS, SNS and DynamoDB behind proxies that break requests. */
async function startServices(
  clock: Clock,
  faults: NonNullable<TestStackOptions['serviceFaults']>,
  running: AsyncDisposableStack,
) {
  const messaging = running.adopt(await startMessaging(clock), (each) => each.close());
  const dynamodb = running.adopt(await startDynamoDb(), (each) => each.close());
  const proxy = async (target: string, service: 'SQS' | 'SNS' | 'DynamoDB') =>
    running.adopt(await startFaultProxy(target, faults(service)), (each) => each.close());
  const ledger = await proxy(dynamodb.endpoint, 'DynamoDB');
  return {
    env: {
      AWS_ENDPOINT_URL_SQS: (await proxy(messaging.endpoint, 'SQS')).endpoint,
      AWS_ENDPOINT_URL_SNS: (await proxy(messaging.endpoint, 'SNS')).endpoint,
      AWS_ENDPOINT_URL_DYNAMODB: ledger.endpoint,
    },
    messaging: messaging.endpoint,
    dynamodb: dynamodb.endpoint,
    ledgerRequests: () => ledger.requests,
  };
}

/** Clients past the proxies, so that what a test reads never fails. */
function directClients(
  { messaging, dynamodb }: { readonly messaging: string; readonly dynamodb: string },
  { region, credentials }: LocalStack,
  running: AsyncDisposableStack,
): { readonly sqs: SQSClient; readonly dynamodb: DynamoDBClient } {
  const clientOf = <Client extends { destroy(): void }>(client: Client) =>
    running.adopt(client, (each) => each.destroy());
  const shared = () => ({ region, credentials: { ...credentials } });
  return {
    sqs: clientOf(new SQSClient({ ...shared(), endpoint: messaging })),
    dynamodb: clientOf(new DynamoDBClient({ ...shared(), endpoint: dynamodb })),
  };
}

async function storeApiKey(
  { clients }: LocalStack,
  { zencoder }: StandIn,
  apiAccess: 'full' | 'read-only',
): Promise<void> {
  const key = zencoder.apiKeys.find(({ access }) => access === apiAccess)?.key;
  if (key === undefined) throw new Error(`the stand-in has no key with ${apiAccess} access`);
  await clients.secretsManager.send(new CreateSecretCommand({ Name: API_KEY_SECRET, SecretString: key }));
}

function storageOf({ storage }: StandIn, clock: Clock): Pick<TestStack, 'keep' | 'sign'> {
  const at = { region: 'us-east-1', forcePathStyle: true };
  const credentials: Credentials = BACKUP_KEYS;
  const client = new S3Client({ ...at, endpoint: storage.origin, credentials: { ...credentials } });
  const sign: TestStack['sign'] = (
    path,
    expiresIn = DAY_SECONDS - 1,
    accessKeyId = credentials.accessKeyId,
  ) =>
    presignV4({
      ...credentials,
      accessKeyId,
      method: 'GET',
      url: `${storage.origin}/${BACKUP_BUCKET}/${path}`,
      region: 'us-east-1',
      expiresIn,
      now: clock.now(),
    });
  return {
    sign,
    keep: async (path, body) => {
      await client.send(new PutObjectCommand({ Bucket: BACKUP_BUCKET, Key: path, Body: body }));
      return sign(path);
    },
  };
}
