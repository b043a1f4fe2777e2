import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { Credentials } from '../../infra/local/aws/listen.ts';
import type { FaultHook } from '../../infra/local/aws/s3/faults.ts';
import { presignV4 } from '../../infra/local/aws/s3/presign.ts';
import type { S3Options, S3Server } from '../../infra/local/aws/s3/server.ts';
import { type Clock, createClock } from '../../infra/local/clock.ts';
import { type LocalStack, type LocalStackOptions, startLocalStack } from '../../infra/local/stack.ts';
import { type FaultProxy, type ProxyFault, startFaultProxy } from './fault-proxy.ts';
import { type DatedLedger, datedLedger } from './ledger-table.ts';
import { BACKUP_BUCKET, BACKUP_KEYS, openStandIn, type StandIn } from './zencoder-stand-in.ts';

/** The secret of the setting zencoderApiKeySecretArn. */
const API_KEY_SECRET = 'arn:aws:secretsmanager:us-east-1:000000000000:secret:zencoder-api-key-Ab12Cd';
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
  const { apiAccess, retained, bucket, storageFaults, secondKey, serviceFaults, ...stackOptions } = options;
  await using starting = new AsyncDisposableStack();
  const clock = createClock();
  const standIn = await openStandIn({ now: clock.now, storageFaults, secondKey });
  starting.defer(() => standIn.close());
  const proxies = new Map<string, FaultProxy>();
  const apiKey = apiAccess === undefined ? undefined : apiKeyOf(standIn, apiAccess);
  const stack = await startLocalStack({
    ...stackOptions,
    ...(apiKey === undefined ? {} : { secrets: [{ arn: API_KEY_SECRET, value: apiKey }] }),
    context: {
      ...(apiKey === undefined ? {} : { zencoderApiKeySecretArn: API_KEY_SECRET }),
      ...stackOptions.context,
    },
    clock,
    environment: environmentOf(standIn, options),
    s3: bucket,
    intercept: serviceFaults === undefined ? undefined : faultProxies(serviceFaults, proxies),
    ...(retained === undefined ? {} : { dir: retained.folder }),
    env: retained === undefined ? {} : { AWS_ENDPOINT_URL_DYNAMODB: retained.dynamodb },
  });
  starting.defer(() => stack.close());
  if (stack.s3 === undefined) throw new Error('the stack has no S3 of its own');
  const destination = stack.s3;
  const running = starting.move();
  return {
    stack,
    clock,
    standIn,
    destination,
    ledger: datedLedger({
      client: stack.clients.dynamodb,
      tableName: outputOf(stack, 'TableName'),
      recordTtlDays: 0,
      now: clock.now,
    }),
    sqs: stack.clients.sqs,
    activity: () =>
      standIn.storage.stats().requests +
      destination.stats().requests +
      (proxies.get('dynamodb')?.requests ?? 0),
    ...storageOf(standIn, clock),
    close: () => running.disposeAsync(),
  };
}

function environmentOf(
  standIn: StandIn,
  { variables, environment: given }: TestStackOptions,
): LocalStackOptions['environment'] {
  const storage = {
    ...variables,
    ZENCODER_STORAGE: `${standIn.allowed},${BACKUP_BUCKET},zencoder-live`,
  };
  const withApi = { ...storage, ZENCODER_API_URL: standIn.zencoder.apiUrl };
  return {
    ...given,
    ingest: { ...storage, ...given?.ingest },
    worker: { ...withApi, ...given?.worker },
    reconcile: { ...withApi, ...given?.reconcile },
    dashboard: { ...variables, ...given?.dashboard },
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

const SERVICE_NAMES = { sqs: 'SQS', sns: 'SNS', dynamodb: 'DynamoDB' } as const;

/** Puts a proxy that breaks requests before each service. */
function faultProxies(
  faults: NonNullable<TestStackOptions['serviceFaults']>,
  proxies: Map<string, FaultProxy>,
): NonNullable<LocalStackOptions['intercept']> {
  return async (service, endpoint) => {
    const proxy = await startFaultProxy(endpoint, faults(SERVICE_NAMES[service]));
    proxies.set(service, proxy);
    return proxy;
  };
}

function apiKeyOf({ zencoder }: StandIn, apiAccess: 'full' | 'read-only'): string {
  const key = zencoder.apiKeys.find(({ access }) => access === apiAccess)?.key;
  if (key === undefined) throw new Error(`the stand-in has no key with ${apiAccess} access`);
  return key;
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
