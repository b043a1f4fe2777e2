import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SQSClient } from '@aws-sdk/client-sqs';
import { TABLE_KEYS } from '../../lambda/shared/ledger/table.ts';
import { createClients, type LocalClients } from './aws/clients.ts';
import type { Gate } from './aws/iam/access.ts';
import type { Decided } from './aws/iam/gate.ts';
import { createIdentities } from './aws/iam/identities.ts';
import type { StackPolicies } from './aws/iam/template-policies.ts';
import { AccountConcurrency, NEW_ACCOUNT_CONCURRENCY } from './aws/lambda/concurrency.ts';
import { startLambdaApi } from './aws/lambda/invoke-api.ts';
import type { LogLine } from './aws/lambda/protocol.ts';
import { startSchedules } from './aws/lambda/schedules.ts';
import { startPoller } from './aws/lambda/sqs-poller.ts';
import type { Credentials, LocalServer } from './aws/listen.ts';
import type { S3Server } from './aws/s3/server.ts';
import { type Endpoints, endpointVariables, type ServersOptions, startServers } from './aws/servers.ts';
import { type Clock, createClock } from './clock.ts';
import { readAssembly } from './cloudformation/assembly.ts';
import type { Deployment } from './cloudformation/deployment.ts';
import { provisionResources, rejectUnknownTypes } from './cloudformation/provision.ts';
import { createBucket } from './cloudformation/resources/storage.ts';
import { resourcesOf } from './cloudformation/template.ts';
import { functionsOf, type LocalFunctions, type LocalSchedules, schedulesOf } from './controls.ts';

/** What an assembly is run with. */
export interface EmulatorOptions extends Pick<ServersOptions, 's3' | 'intercept' | 'secrets'> {
  /** Directory of the cloud assembly. */
  readonly assembly: string;
  /** Which of its stacks, when there are several. */
  readonly stackName?: string | undefined;
  /** Variables to set in single functions, by function folder (`worker`), logical id or name. */
  readonly environment?: Readonly<Record<string, Readonly<Record<string, string>>>> | undefined;
  /** Where files are kept. @default a temporary directory that goes when the stack is closed */
  readonly dir?: string | undefined;
  /** @default a clock that shows the machine's time */
  readonly clock?: Clock | undefined;
  /** Port of the first HTTP API. @default any free one */
  readonly port?: number | undefined;
  /** Buckets beside those of the template: the customer's own. */
  readonly buckets?: readonly string[] | undefined;
  /** `manual`: schedules run by {@link LocalSchedules.run} only. @default 'automatic' */
  readonly schedules?: 'automatic' | 'manual' | undefined;
  /** Concurrent executions of the account, which its functions share. @default 10, what a new account has */
  readonly accountConcurrency?: number | undefined;
  /** Changes who may do what, before it holds. */
  readonly changePolicies?: ((policies: StackPolicies) => StackPolicies) | undefined;
  /** Called after each decision on a request of an embedded server, in order. */
  readonly onDecision?: ((decided: Decided) => void) | undefined;
  /** Called with each line that a function logs, as it comes. */
  readonly onLog?: ((line: LogLine) => void) | undefined;
  /** Whose `AWS_ENDPOINT_URL_*` name servers to use instead of embedded ones. @default process.env */
  readonly env?: NodeJS.ProcessEnv | undefined;
}

/** A template that runs. */
export interface Emulator {
  /** The stack's outputs, by key. */
  readonly outputs: Readonly<Record<string, string>>;
  /** Of the servers, and of Lambda's `Invoke` for the stack's own functions. */
  readonly endpoints: Endpoints & { readonly lambda: string };
  readonly region: string;
  /** The stack owner's, who may do everything, for clients. */
  readonly credentials: Credentials;
  /** Of an operator, who may do what the stack's policy for operators allows. */
  readonly operatorCredentials: Credentials;
  /** The owner's, past what {@link EmulatorOptions.intercept} puts before servers. */
  readonly clients: LocalClients;
  /** The embedded one; undefined when another is used. */
  readonly s3: S3Server | undefined;
  /** Origin of the first HTTP API; undefined when there is none. */
  readonly apiOrigin: string | undefined;
  readonly functions: LocalFunctions;
  readonly schedules: LocalSchedules;
  readonly clock: Clock;
  /** Where files are kept. */
  readonly dir: string;
  /** Ends all of it: threads, processes, sockets, and the directory unless it was given. */
  close(): Promise<void>;
}

const REGION = 'us-east-1';
const ACCOUNT_ID = '000000000000';

/**
 * Creates and runs the resources of one stack of a cloud assembly. If anything fails, nothing is left running.
 *
 * @example
 * const emulator = await startEmulator({ assembly: 'cdk.out' });
 * const reply = await emulator.functions.invoke('reconcile', {});
 * await emulator.close();
 */
export async function startEmulator(options: EmulatorOptions): Promise<Emulator> {
  await using starting = new AsyncDisposableStack();
  const emulator = await start(options, starting);
  const running = starting.move();
  return { ...emulator, close: () => running.disposeAsync() };
}

async function start(
  options: EmulatorOptions,
  running: AsyncDisposableStack,
): Promise<Omit<Emulator, 'close'>> {
  const { env = process.env, clock = createClock() } = options;
  const stack = readAssembly(options.assembly, options.stackName);
  const scope = { template: stack.template, pseudo: pseudoParameters(stack.name) };
  const resources = resourcesOf({ ...scope, provisioned: () => undefined });
  rejectUnknownTypes(resources);
  const functions = resources.filter(({ type }) => type === 'AWS::Lambda::Function');
  const keys = createIdentities(env, { accountId: ACCOUNT_ID, onDecision: options.onDecision });
  const dir = await directory(options.dir, running);
  const servers = await startServers({
    ...options,
    directory: dir,
    credentials: [keys.owner, keys.operator, ...functions.map(({ logicalId }) => keys.of(logicalId))],
    clock,
    env,
    gate: keys.gate,
    place: { region: REGION, accountId: ACCOUNT_ID, partitionKey: TABLE_KEYS.partitionKey },
  });
  running.defer(() => servers.close());
  const clients = createClients(servers.direct, REGION, keys.owner);
  running.defer(() => clients.destroy());

  const deployment: Deployment = {
    ...emptyDeployment(options),
    stackName: stack.name,
    clock,
    clients,
    endpointVariables: endpointVariables(servers.endpoints, env),
    credentialsOf: keys.of,
    assetDirectory: stack.assetDirectory,
  };
  running.defer(() => closeAll(deployment.functions.values()));
  running.defer(() => closeAll(deployment.apis.values()));
  await Promise.all((options.buckets ?? []).map((bucket) => createBucket(clients.s3, bucket)));
  const { outputs, policies } = await provisionResources(scope, deployment);
  keys.enforce(options.changePolicies?.(policies) ?? policies, outputs.OperatorPolicyArn);

  const lambda = await startLambda(deployment, keys.gate);
  running.defer(() => lambda.close());
  startPollers(deployment, servers.endpoints.sqs, running);
  if (options.schedules !== 'manual') running.defer(startSchedules(deployment.schedules, clock));
  return {
    outputs,
    endpoints: { ...servers.endpoints, lambda: lambda.endpoint },
    region: REGION,
    credentials: keys.owner,
    operatorCredentials: keys.operator,
    clients,
    s3: servers.s3,
    apiOrigin: [...deployment.apis.values()][0]?.endpoint,
    functions: functionsOf(deployment),
    schedules: schedulesOf(deployment),
    clock,
    dir,
  };
}

function pseudoParameters(stackName: string): Record<string, string> {
  return {
    'AWS::Region': REGION,
    'AWS::AccountId': ACCOUNT_ID,
    'AWS::Partition': 'aws',
    'AWS::URLSuffix': 'amazonaws.com',
    'AWS::StackName': stackName,
    'AWS::StackId': `arn:aws:cloudformation:${REGION}:${ACCOUNT_ID}:stack/${stackName}/local`,
  };
}

/** A deployment without resources. */
function emptyDeployment({
  environment,
  port,
  accountConcurrency = NEW_ACCOUNT_CONCURRENCY,
  onLog,
}: EmulatorOptions): Omit<
  Deployment,
  'stackName' | 'clock' | 'clients' | 'endpointVariables' | 'credentialsOf' | 'assetDirectory'
> {
  return {
    region: REGION,
    accountId: ACCOUNT_ID,
    suffix: randomBytes(4).toString('hex'),
    account: new AccountConcurrency(accountConcurrency),
    environmentOverrides: environment ?? {},
    apiPort: port ?? 0,
    onLog,
    functions: new Map(),
    apis: new Map(),
    mappings: [],
    schedules: [],
    queueUrls: new Map(),
  };
}

function startLambda({ functions, account }: Deployment, gate: Gate): Promise<LocalServer> {
  const functionArns = `arn:aws:lambda:${REGION}:${ACCOUNT_ID}:function:`;
  return startLambdaApi(functions, account.limits, { gate, functionArns });
}

async function closeAll(closables: Iterable<{ close(): Promise<void> }>): Promise<void> {
  await Promise.all(Array.from(closables, (each) => each.close()));
}

async function directory(given: string | undefined, running: AsyncDisposableStack): Promise<string> {
  if (given !== undefined) {
    await mkdir(given, { recursive: true });
    return given;
  }
  const temporary = await mkdtemp(join(tmpdir(), 'zencoder-recovery-'));
  running.defer(() => rm(temporary, { recursive: true, force: true }));
  return temporary;
}

/** Polls the queues, each with the keys of its function, as Lambda does by the function's role. */
function startPollers({ mappings, clock }: Deployment, endpoint: string, running: AsyncDisposableStack) {
  for (const { credentials, ...mapping } of mappings) {
    const sqs = new SQSClient({ region: REGION, endpoint, credentials: { ...credentials } });
    running.defer(() => sqs.destroy());
    const poller = startPoller(mapping, sqs, clock);
    running.defer(() => poller.close());
  }
}
