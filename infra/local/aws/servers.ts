import { join } from 'node:path';
import type { Clock } from '../clock.ts';
import { startDynamoDb } from './dynamodb.ts';
import { startFront } from './front.ts';
import type { Gate } from './iam/access.ts';
import { accessCheck, type GatedPlace } from './iam/service-check.ts';
import type { Credentials, LocalServer } from './listen.ts';
import { startMessaging } from './messaging.ts';
import { type S3Options, type S3Server, startS3 } from './s3/server.ts';
import { startSecretsManager } from './secrets-manager.ts';
import type { GivenSecret } from './secrets-store.ts';
import type { FrontedService } from './service-request.ts';

/** Origins of the servers that stand for AWS. */
export interface Endpoints {
  readonly s3: string;
  readonly sqs: string;
  readonly sns: string;
  readonly dynamodb: string;
  readonly secretsManager: string;
}

/** The SDK's own variable for each service's endpoint. */
export const ENDPOINT_VARIABLES = {
  s3: 'AWS_ENDPOINT_URL_S3',
  sqs: 'AWS_ENDPOINT_URL_SQS',
  sns: 'AWS_ENDPOINT_URL_SNS',
  dynamodb: 'AWS_ENDPOINT_URL_DYNAMODB',
  secretsManager: 'AWS_ENDPOINT_URL_SECRETS_MANAGER',
} as const satisfies Record<keyof Endpoints, string>;

/** The servers of one local stack. */
export interface Servers {
  /** As functions reach them. */
  readonly endpoints: Endpoints;
  /** The same without what {@link ServersOptions.intercept} put before them. */
  readonly direct: Endpoints;
  /** The embedded one; undefined when another is used. */
  readonly s3: S3Server | undefined;
  close(): Promise<void>;
}

/** What the embedded servers are started with. */
export interface ServersOptions {
  /** Where S3 keeps its files. */
  readonly directory: string;
  /** Who may call S3: it checks signatures. */
  readonly credentials: readonly Credentials[];
  readonly clock: Clock;
  /** Whose `AWS_ENDPOINT_URL_*` variables name servers to use instead, which enforce policies of their own or none. */
  readonly env: NodeJS.ProcessEnv;
  readonly gate: Gate;
  /** Where the stack's resources are. */
  readonly place: GatedPlace;
  readonly s3?: Pick<S3Options, 'faults' | 'keepBodies' | 'etags'> | undefined;
  /** Puts a server of the caller's own before one, e.g. a proxy that breaks requests. */
  readonly intercept?: ((service: FrontedService, endpoint: string) => Promise<LocalServer>) | undefined;
  /** In Secrets Manager from the start. */
  readonly secrets?: readonly GivenSecret[] | undefined;
}

/** Starts the servers that no `AWS_ENDPOINT_URL_*` variable names already, all at once. */
export async function startServers(options: ServersOptions): Promise<Servers> {
  const { clock, env, gate, secrets } = options;
  await using running = new AsyncDisposableStack();
  const keep = async <Server extends { close(): Promise<void> }>(starting: Promise<Server>) =>
    running.adopt(await starting, (server) => server.close());
  const messaging = keepOnce(() => keep(startMessaging(clock)));
  const bucketServer = keepOnce(() => keep(startBuckets(options)));
  const gated = async (service: FrontedService, server: () => Promise<LocalServer>): Promise<Route> => {
    const given = givenIn(env, service);
    if (given !== undefined) return { endpoint: given, direct: given };
    const { endpoint: target } = await server();
    const checks = [accessCheck(service, gate, options.place)];
    const { endpoint: direct } = await keep(startFront({ service, target, checks }));
    const intercepted = options.intercept === undefined ? undefined : options.intercept(service, direct);
    const endpoint = intercepted === undefined ? direct : (await keep(intercepted)).endpoint;
    return { endpoint, direct };
  };
  const unlessGiven = async (service: keyof Endpoints, start: () => Promise<string>) =>
    givenIn(env, service) ?? (await start());
  const starting = [
    unlessGiven('s3', async () => (await bucketServer()).origin),
    gated('sqs', messaging),
    gated('sns', messaging),
    gated('dynamodb', () => keep(startDynamoDb())),
    unlessGiven('secretsManager', async () => {
      const { endpoint } = await keep(startSecretsManager({ now: clock.now, gate, secrets }));
      return endpoint;
    }),
  ] as const;
  // All have started or failed before those that run are closed.
  await Promise.allSettled(starting);
  const [buckets, sqs, sns, dynamodb, secretsManager] = await Promise.all(starting);
  const rest = { s3: buckets, secretsManager };
  const kept = running.move();
  return {
    endpoints: { ...rest, sqs: sqs.endpoint, sns: sns.endpoint, dynamodb: dynamodb.endpoint },
    direct: { ...rest, sqs: sqs.direct, sns: sns.direct, dynamodb: dynamodb.direct },
    s3: givenIn(env, 's3') === undefined ? await bucketServer() : undefined,
    close: () => kept.disposeAsync(),
  };
}

/** The ways to one service. */
interface Route {
  readonly endpoint: string;
  readonly direct: string;
}

/** Starts a server for the first who asks, and gives it to all. */
function keepOnce<Server>(start: () => Promise<Server>): () => Promise<Server> {
  let started: Promise<Server> | undefined;
  return () => (started ??= start());
}

/**
 * The variables as the functions get them. The owner of buckets elsewhere is not known: some stores that speak S3 have no
 * account ids and compare it with an access key (https://github.com/versity/versitygw/pull/1585).
 */
export function endpointVariables(endpoints: Endpoints, env: NodeJS.ProcessEnv): Record<string, string> {
  return {
    ...(givenIn(env, 's3') !== undefined && { BUCKET_OWNER: '' }),
    [ENDPOINT_VARIABLES.s3]: endpoints.s3,
    [ENDPOINT_VARIABLES.sqs]: endpoints.sqs,
    [ENDPOINT_VARIABLES.sns]: endpoints.sns,
    [ENDPOINT_VARIABLES.dynamodb]: endpoints.dynamodb,
    [ENDPOINT_VARIABLES.secretsManager]: endpoints.secretsManager,
  };
}

function startBuckets({ directory, credentials, clock, gate, s3 }: ServersOptions): Promise<S3Server> {
  const secrets = credentials.map(({ accessKeyId, secretAccessKey }) => [accessKeyId, secretAccessKey]);
  return startS3({
    ...s3,
    dir: join(directory, 's3'),
    credentials: Object.fromEntries(secrets),
    now: clock.now,
    partChecksums: 'always',
    gate,
  });
}

function givenIn(env: NodeJS.ProcessEnv, service: keyof Endpoints): string | undefined {
  return env[ENDPOINT_VARIABLES[service]] || undefined;
}
