import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClients, type LocalClients } from './aws/clients.ts';
import { AccountConcurrency, NEW_ACCOUNT_CONCURRENCY } from './aws/lambda/concurrency.ts';
import { startLambdaApi } from './aws/lambda/invoke-api.ts';
import type { LogLine } from './aws/lambda/protocol.ts';
import type { FunctionMetric, LocalFunction } from './aws/lambda/runtime.ts';
import { runSchedule, startSchedules } from './aws/lambda/schedules.ts';
import { startPoller } from './aws/lambda/sqs-poller.ts';
import type { Credentials } from './aws/listen.ts';
import { type Endpoints, endpointVariables, startServers } from './aws/servers.ts';
import { type Clock, createClock } from './clock.ts';
import { readAssembly } from './cloudformation/assembly.ts';
import type { Deployment } from './cloudformation/deployment.ts';
import { provisionResources, rejectUnknownTypes } from './cloudformation/provision.ts';
import { createBucket } from './cloudformation/resources/storage.ts';
import { resourcesOf } from './cloudformation/template.ts';

/** What an assembly is run with. */
export interface EmulatorOptions {
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
  /** Called with each line that a function logs, as it comes. */
  readonly onLog?: ((line: LogLine) => void) | undefined;
  /** Whose `AWS_ENDPOINT_URL_*` name servers to use instead of embedded ones. @default process.env */
  readonly env?: NodeJS.ProcessEnv | undefined;
}

/** The functions of a local stack, by folder (`worker`), logical id or name. */
export interface LocalFunctions {
  /** Invokes and waits. @throws {FunctionError} when the function failed */
  invoke(name: string, event: unknown): Promise<unknown>;
  /** Kills a running environment in the middle of its invocation; false when none is running. */
  kill(name: string): boolean;
  /** Everything the function wrote, line by line, and what the runtime says about it. */
  logs(name: string): readonly string[];
  /** Lambda's own metrics of the function, sums since the start. */
  metrics(name: string): Readonly<Record<FunctionMetric, number>>;
  /** Names as in `kill`, for all functions. */
  readonly names: readonly string[];
}

export interface LocalSchedules {
  /** Runs a schedule now, by its name, its logical id or its function. @throws what the function throws */
  run(name: string): Promise<unknown>;
  readonly names: readonly string[];
}

/** A template that runs. */
export interface Emulator {
  /** The stack's outputs, by key. */
  readonly outputs: Readonly<Record<string, string>>;
  /** Of the servers, and of Lambda's `Invoke` for the stack's own functions. */
  readonly endpoints: Endpoints & { readonly lambda: string };
  readonly region: string;
  /** The stack owner's, for clients. */
  readonly credentials: Credentials;
  readonly clients: LocalClients;
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
  const keys = keyring(env);
  const dir = await directory(options.dir, running);
  const credentials = [keys.owner, ...functions.map(({ logicalId }) => keys.of(logicalId))];
  const servers = await startServers({ directory: dir, credentials, clock, env });
  running.defer(() => servers.close());
  const clients = createClients(servers.endpoints, REGION, keys.owner);
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
  const { outputs } = await provisionResources(scope, deployment);

  const lambda = await startLambdaApi(deployment.functions, deployment.account.limits);
  running.defer(() => lambda.close());
  const pollers = deployment.mappings.map((mapping) => startPoller(mapping, clients.sqs, clock));
  running.defer(() => closeAll(pollers));
  if (options.schedules !== 'manual') running.defer(startSchedules(deployment.schedules, clock));
  return {
    outputs,
    endpoints: { ...servers.endpoints, lambda: lambda.endpoint },
    region: REGION,
    credentials: keys.owner,
    clients,
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

/**
 * Access keys: the owner's, and one pair for each function, so that a server knows who calls. With
 * foreign servers (`AWS_ENDPOINT_URL_*`) all use the keys in the environment, since only those are known there.
 */
function keyring(env: NodeJS.ProcessEnv): { owner: Credentials; of: (id: string) => Credentials } {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = env;
  const foreign = Object.keys(env).some((name) => name.startsWith('AWS_ENDPOINT_URL_'));
  if (foreign && accessKeyId !== undefined && secretAccessKey !== undefined) {
    const shared = { accessKeyId, secretAccessKey };
    return { owner: shared, of: () => shared };
  }
  const seed = randomBytes(16);
  const of = (id: string): Credentials => {
    const digest = createHash('sha256').update(seed).update(id).digest('hex');
    return { accessKeyId: `LKIA${digest.slice(0, 16).toUpperCase()}`, secretAccessKey: digest.slice(16, 56) };
  };
  return { owner: of(''), of };
}

function functionsOf(deployment: Deployment): LocalFunctions {
  const find = (name: string): LocalFunction => {
    const all = [...deployment.functions.values()];
    const found = all.find((each) => shortName(each) === name || each.definition.name === name);
    const byPrefix = all.find((each) => each.definition.name.startsWith(`${deployment.stackName}-${name}-`));
    if (found !== undefined) return found;
    if (byPrefix !== undefined) return byPrefix;
    throw new Error(`no function ${name}; there are: ${all.map(shortName).join(', ')}`);
  };
  return {
    invoke: async (name, event) => find(name).invoke(event),
    kill: (name) => find(name).kill(),
    logs: (name) => find(name).logs.map((line) => line.text),
    metrics: (name) => find(name).metrics,
    names: [...deployment.functions.values()].map(shortName),
  };
}

/** The folder that the function comes from, where it says so. */
function shortName(each: LocalFunction): string {
  return each.definition.environment.POWERTOOLS_SERVICE_NAME ?? each.definition.name;
}

function schedulesOf(deployment: Deployment): LocalSchedules {
  return {
    names: deployment.schedules.map((schedule) => schedule.name),
    async run(name) {
      const found = deployment.schedules.find((schedule) =>
        [schedule.name, schedule.logicalId, shortName(schedule.target)].includes(name),
      );
      if (found === undefined) throw new Error(`no schedule ${name}`);
      return runSchedule(found, deployment.clock);
    },
  };
}
