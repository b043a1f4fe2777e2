import { join } from 'node:path';
import type { Clock } from '../clock.ts';
import { startDynamoDb } from './dynamodb.ts';
import type { Credentials, LocalServer } from './listen.ts';
import { startMessaging } from './messaging.ts';
import { startS3 } from './s3/server.ts';
import { startSecretsManager } from './secrets-manager.ts';

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
  readonly endpoints: Endpoints;
  close(): Promise<void>;
}

/**
 * Starts the servers that no `AWS_ENDPOINT_URL_*` variable names already, all at once.
 *
 * @param directory where S3 keeps its files
 * @param credentials who may call S3: it checks signatures
 */
export async function startServers(options: {
  readonly directory: string;
  readonly credentials: readonly Credentials[];
  readonly clock: Clock;
  readonly env: NodeJS.ProcessEnv;
}): Promise<Servers> {
  const { clock, directory, credentials, env } = options;
  const started: Promise<LocalServer>[] = [];
  const unless = (services: readonly (keyof Endpoints)[], start: () => Promise<LocalServer>) => {
    if (services.every((service) => given(service, env) !== undefined)) return undefined;
    const server = start();
    started.push(server);
    return server;
  };
  const s3 = unless(['s3'], () => startBuckets(join(directory, 's3'), credentials, clock));
  const messaging = unless(['sqs', 'sns'], () => startMessaging(clock));
  const dynamodb = unless(['dynamodb'], () => startDynamoDb());
  const secretsManager = unless(['secretsManager'], () => startSecretsManager(clock.now));

  const outcomes = await Promise.allSettled(started);
  const close = async () => {
    const running = outcomes.filter((outcome) => outcome.status === 'fulfilled');
    await Promise.all(running.map((outcome) => outcome.value.close()));
  };
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed !== undefined) {
    await close();
    throw failed.reason;
  }
  const endpoint = async (service: keyof Endpoints, server: Promise<LocalServer> | undefined) =>
    given(service, env) ?? (await server)?.endpoint ?? '';
  return {
    endpoints: {
      s3: await endpoint('s3', s3),
      sqs: await endpoint('sqs', messaging),
      sns: await endpoint('sns', messaging),
      dynamodb: await endpoint('dynamodb', dynamodb),
      secretsManager: await endpoint('secretsManager', secretsManager),
    },
    close,
  };
}

/**
 * The variables as the functions get them. The owner of buckets elsewhere is not known: some stores that speak S3 have no
 * account ids and compare it with an access key (https://github.com/versity/versitygw/pull/1585).
 */
export function endpointVariables(endpoints: Endpoints, env: NodeJS.ProcessEnv): Record<string, string> {
  return {
    ...(given('s3', env) !== undefined && { BUCKET_OWNER: '' }),
    [ENDPOINT_VARIABLES.s3]: endpoints.s3,
    [ENDPOINT_VARIABLES.sqs]: endpoints.sqs,
    [ENDPOINT_VARIABLES.sns]: endpoints.sns,
    [ENDPOINT_VARIABLES.dynamodb]: endpoints.dynamodb,
    [ENDPOINT_VARIABLES.secretsManager]: endpoints.secretsManager,
  };
}

async function startBuckets(
  dir: string,
  credentials: readonly Credentials[],
  clock: Clock,
): Promise<LocalServer> {
  const secrets = credentials.map(({ accessKeyId, secretAccessKey }) => [accessKeyId, secretAccessKey]);
  const server = await startS3({
    dir,
    credentials: Object.fromEntries(secrets),
    now: clock.now,
    partChecksums: 'always',
  });
  return { endpoint: server.origin, close: () => server.close() };
}

function given(service: keyof Endpoints, env: NodeJS.ProcessEnv): string | undefined {
  return env[ENDPOINT_VARIABLES[service]] || undefined;
}
