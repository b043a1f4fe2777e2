import type { APIGatewayProxyEventV2, Context } from 'aws-lambda';
import { afterAll, afterEach, beforeAll, beforeEach, vi } from 'vitest';
import type { LocalServer } from '../../../infra/local/aws/listen.ts';
import type { IngestResponse } from '../../../lambda/ingest/response.ts';
import { startLedger, type TestLedger } from '../../support/ledger-table.ts';
import { type SecretStages, startQueue, startSecrets, type TestQueue } from './servers.ts';

export function basic(credentials: string): string {
  return `Basic ${Buffer.from(credentials).toString('base64')}`;
}

export const AUTHORIZATION = basic('zencoder:pass:word');

export interface Posted {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Record<string, unknown>;
}

export interface RequestOptions {
  /** Added to valid credentials and the content type of JSON; a header that is undefined is not sent. */
  readonly headers?: Record<string, string | undefined>;
  readonly isBase64Encoded?: boolean;
  readonly path?: string;
}

export let queue: TestQueue;
export let ledger: TestLedger;
/** The log lines and metrics of the test so far. */
export let lines: string[];
let secrets: LocalServer;
let handler: (event: APIGatewayProxyEventV2, context: Context) => Promise<IngestResponse>;

/** Runs the handler of ingest for the tests of a file, on a queue, a secret and a table of its own. */
export function useIngest(): void {
  beforeAll(async () => {
    queue = await startQueue('recovery');
    const stages: SecretStages = {
      AWSCURRENT: JSON.stringify({
        username: 'zencoder',
        password: 'pass:word',
        notificationSecret: 'of-the-account',
      }),
    };
    secrets = await startSecrets(stages);
    ledger = await startLedger();
    vi.stubEnv('AWS_REGION', 'us-east-1');
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'k');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 's');
    vi.stubEnv('AWS_ENDPOINT_URL_SQS', queue.endpoint);
    vi.stubEnv('AWS_ENDPOINT_URL_SECRETS_MANAGER', secrets.endpoint);
    vi.stubEnv('AWS_ENDPOINT_URL_DYNAMODB', ledger.endpoint);
    vi.stubEnv('QUEUE_URL', queue.queueUrl);
    vi.stubEnv('TABLE_NAME', ledger.tableName);
    vi.stubEnv('NOTIFICATION_SECRET_ARN', 'arn:aws:secretsmanager:us-east-1:000000000000:secret:n');
    vi.stubEnv('ZENCODER_STORAGE', 'zencoder-temp-storage-us-east-1,zencoder-live');
    vi.stubEnv('COLLECT_UNSENT_OUTPUTS', 'false');
    vi.stubEnv('POWERTOOLS_SERVICE_NAME', 'ingest');
    vi.stubEnv('POWERTOOLS_LOG_LEVEL', 'INFO');
    vi.stubEnv('POWERTOOLS_DEV', 'true');
    vi.stubEnv('POWERTOOLS_METRICS_DISABLED', 'false');
    vi.stubEnv('POWERTOOLS_METRICS_NAMESPACE', 'test');
    ({ handler } = await import('../../../lambda/ingest/handler.ts'));
  });

  beforeEach(() => {
    lines = [];
    for (const method of ['info', 'warn', 'error', 'log', 'debug'] as const) {
      vi.spyOn(console, method).mockImplementation((line: unknown) => void lines.push(String(line)));
    }
  });

  afterEach(async () => {
    vi.restoreAllMocks();
    await queue.drain();
  });

  afterAll(async () => {
    vi.unstubAllEnvs();
    await secrets.close();
    await queue.close();
    await ledger.close();
  });
}

const context: Context = {
  callbackWaitsForEmptyEventLoop: false,
  functionName: 'ingest',
  functionVersion: '1',
  memoryLimitInMB: '512',
  invokedFunctionArn: 'arn:aws:lambda:us-east-1:000000000000:function:ingest',
  awsRequestId: 'request',
  logGroupName: 'group',
  logStreamName: 'stream',
  getRemainingTimeInMillis: () => 15_000,
  done: () => undefined,
  fail: () => undefined,
  succeed: () => undefined,
};

/** Invokes the handler with a request to `/notifications`, as API Gateway does. */
export async function post(body: string | undefined, request: RequestOptions = {}): Promise<Posted> {
  const { headers = {}, isBase64Encoded = false, path = '/notifications' } = request;
  const http = {
    method: 'POST',
    path,
    protocol: 'HTTP/1.1',
    sourceIp: '192.0.2.1',
    userAgent: '',
  };
  const event: APIGatewayProxyEventV2 = {
    version: '2.0',
    routeKey: 'POST /notifications',
    rawPath: path,
    rawQueryString: '',
    headers: { authorization: AUTHORIZATION, 'content-type': 'application/json', ...headers },
    requestContext: {
      accountId: '000000000000',
      apiId: 'api',
      domainName: 'api.example',
      domainPrefix: 'api',
      http,
      requestId: 'request',
      routeKey: 'POST /notifications',
      stage: '$default',
      time: '',
      timeEpoch: 0,
    },
    isBase64Encoded,
    ...(body === undefined ? {} : { body }),
  };
  const response = await handler(event, context);
  return { status: response.statusCode, headers: response.headers, body: JSON.parse(response.body) };
}

/** Values of a metric with their error class, as written in CloudWatch's embedded format. */
export function metricsOf(name: string): unknown[] {
  return lines
    .map((line): Record<string, unknown> => JSON.parse(line))
    .filter((line) => line[name] !== undefined)
    .map((line) => [line[name], line.ErrorClass]);
}
