import { gzipSync } from 'node:zlib';
import type { APIGatewayProxyEventV2, Context } from 'aws-lambda';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { IngestResponse } from '../../../lambda/ingest/response.ts';
import { parseMessage } from '../../../lambda/shared/queue/messages.ts';
import { startLedger, type TestLedger } from '../../support/ledger-table.ts';
import { SAMPLES, sampleText } from '../../support/samples.ts';
import { type SecretStages, type Server, startQueue, startSecrets, type TestQueue } from './servers.ts';

const AUTHORIZATION = `Basic ${Buffer.from('zencoder:pass:word').toString('base64')}`;

interface Posted {
  status: number;
  headers: Readonly<Record<string, string>>;
  body: Record<string, unknown>;
}

let queue: TestQueue;
let secrets: Server;
let ledger: TestLedger;
let handler: (event: APIGatewayProxyEventV2, context: Context) => Promise<IngestResponse>;
let lines: string[];

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

/** Posts as API Gateway hands it on; a header that is undefined is not sent. */
async function post(
  body: string | undefined,
  headers: Record<string, string | undefined> = {},
  isBase64Encoded = false,
  path = '/notifications',
): Promise<Posted> {
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
  const answer = await handler(event, context);
  return { status: answer.statusCode, headers: answer.headers, body: JSON.parse(answer.body) };
}

/** Which samples leave something to do: messages, primary failures and backup files. */
const WORK: Record<string, [queued: number, failures: number, files: number]> = {
  '02': [1, 1, 1],
  '03': [1, 1, 1],
  '04': [1, 2, 5],
  '05': [1, 1, 4],
  '06': [1, 1, 2],
  '07': [1, 1, 1],
  '08': [1, 1, 1],
  '09': [1, 1, 1],
  '10': [1, 1, 1],
  '11': [1, 1, 1],
  '12': [1, 1, 1],
  '13': [1, 1, 0],
  '16': [1, 1, 0],
  '19': [1, 1, 0],
  '20': [1, 1, 1],
};

describe('each sample payload', () => {
  it.each(SAMPLES)('%s is answered at once, and what it leaves to do is on the queue', async (name) => {
    const [queued, failures, files] = WORK[name.slice(0, 2)] ?? [0, 0, 0];
    const { status, body } = await post(sampleText(name.slice(0, 2)));
    expect(status).toBe(queued > 0 ? 202 : 200);
    expect(body).toMatchObject({ queued, failures, files, unreadable: 0 });
    const messages = (await queue.drain()).map(parseMessage);
    expect(messages.map((message) => message.type)).toEqual(Array(queued).fill('output'));
    expect(messages.flatMap((message) => (message.type === 'output' ? message.files : []))).toHaveLength(
      files,
    );
  });

  it.each(SAMPLES)('%s leaves one log line, without URLs, messages and secrets', async (name) => {
    const { status } = await post(sampleText(name.slice(0, 2)));
    expect(lines).toHaveLength(1);
    const line: unknown = JSON.parse(lines[0] ?? '');
    expect(line).toMatchObject({ level: 'INFO', message: 'notification queued', status });
    expect(lines[0]).not.toMatch(/https?:|ftp:|s3:|AKIA|Signature|n0t-real|pass:word|asset:/);
  });
});

describe('authentication', () => {
  const sample = sampleText('02');

  it.each([
    ['no credentials', { authorization: undefined }],
    ['wrong credentials', { authorization: `Basic ${Buffer.from('zencoder:wrong').toString('base64')}` }],
    ['a wrong account secret', { authorization: undefined, 'x-zencoder-notification-secret': 'wrong' }],
  ])('refuses %s with 401 and says how to authenticate', async (_, headers) => {
    const { status, headers: answered, body } = await post(sample, headers);
    expect(status).toBe(401);
    expect(answered['www-authenticate']).toMatch(/^Basic realm=/);
    expect(body.error).toBe('credentials are missing or wrong');
    expect(await queue.drain()).toEqual([]);
    expect(lines.join()).not.toMatch(/wrong/);
  });

  it('looks at the credentials before the body', async () => {
    for (const body of ['not JSON', '<xml/>', 'x'.repeat(5_000_000), undefined]) {
      expect((await post(body, { authorization: undefined })).status).toBe(401);
    }
  });

  it("accepts the account's notification secret alone", async () => {
    const headers = { authorization: undefined, 'X-Zencoder-Notification-Secret': 'of-the-account' };
    expect((await post(sample, headers)).status).toBe(202);
  });
});

describe('the path', () => {
  it('may end with a slash', async () => {
    expect((await post(sampleText('02'), {}, false, '/notifications/')).status).toBe(202);
    expect(await queue.drain()).toHaveLength(1);
  });

  it('is no other: 404, also without credentials', async () => {
    for (const authorization of [AUTHORIZATION, undefined]) {
      const { status, headers, body } = await post(
        sampleText('02'),
        { authorization },
        false,
        '/notification',
      );
      expect(status).toBe(404);
      expect(headers).not.toHaveProperty('www-authenticate');
      expect(body.expected).toBe('POST /notifications');
    }
    expect(await queue.drain()).toEqual([]);
  });
});

/** The metric lines that were written, in CloudWatch's embedded format: values and dimensions by name. */
function metricsOf(name: string): unknown[] {
  return lines
    .map((line): Record<string, unknown> => JSON.parse(line))
    .filter((line) => line[name] !== undefined)
    .map((line) => [line[name], line.ErrorClass]);
}

/** How many notifications were refused with each status in the last hour. */
async function refusals(): Promise<Map<number, number>> {
  const now = Date.now();
  const counts = await ledger.at(now).refusals.readSince(now - 60 * 60 * 1000);
  return new Map(counts.map(({ status, count }) => [status, count]));
}

describe('a refused notification', () => {
  const wrong = `Basic ${Buffer.from('zencoder:wrong').toString('base64')}`;

  it.each<[number, string, string, string, string]>([
    [400, 'NotJson', 'hello', '/notifications', AUTHORIZATION],
    [400, 'NotANotification', '{}', '/notifications', AUTHORIZATION],
    [401, 'WrongCredentials', '{}', '/notifications', wrong],
    [404, 'UnknownPath', '{}', '/notification', AUTHORIZATION],
    [413, 'BodyTooLarge', 'x'.repeat(5_000_000), '/notifications', AUTHORIZATION],
    [415, 'UnsupportedBody', '<hash/>', '/notifications', AUTHORIZATION],
  ])(
    'with %i is counted in a metric by reason, %s, and in the ledger',
    async (status, reason, body, path, authorization) => {
      const before = (await refusals()).get(status) ?? 0;
      expect((await post(body, { authorization }, false, path)).status).toBe(status);
      expect(metricsOf('RefusedNotifications')).toEqual([[1, reason]]);
      expect((await refusals()).get(status)).toBe(before + 1);
    },
  );

  it('is answered all the same when it cannot be counted, and that is logged', async () => {
    const { DeleteTableCommand } = await import('@aws-sdk/client-dynamodb');
    const { createLedgerTable } = await import('../../support/ledger-table.ts');
    await ledger.client.send(new DeleteTableCommand({ TableName: ledger.tableName }));
    try {
      expect((await post('hello')).status).toBe(400);
      expect(lines.join()).toContain('refusal not counted');
    } finally {
      await createLedgerTable(ledger.client, ledger.tableName);
    }
  });
});

describe('a request that is no notification of the customer', () => {
  it.each([
    ['without credentials', '/notifications', undefined],
    ['without credentials to another path', '/wp-login.php', undefined],
    [
      'with wrong credentials to another path',
      '/wp-login.php',
      `Basic ${Buffer.from('admin:admin').toString('base64')}`,
    ],
  ])('%s is not counted', async (_, path, authorization) => {
    const before = await refusals();
    await post('{}', { authorization }, false, path);
    expect(metricsOf('RefusedNotifications')).toEqual([]);
    expect(await refusals()).toEqual(before);
  });
});

describe('parts that are not read', () => {
  it('are in the answer, the log and a metric when nothing can be made of them', async () => {
    const output = { id: 1, backup_server_used: true, url: 7, thumbnails: 'none' };
    expect((await post(JSON.stringify({ output, job: { id: 2 } }))).body).toMatchObject({
      queued: 1,
      unreadable: 2,
      beyond: 0,
    });
    expect(lines.join()).toContain('parts of a notification not read');
    expect(metricsOf('PartsNotRead')).toEqual([[2, 'Unreadable']]);
  });

  it('are so when they are beyond what a notification may hold, and the rest is queued', async () => {
    const url = 'https://zencoder-live.s3.amazonaws.com/1.mp4?Expires=1';
    const outputs = Array.from({ length: 2000 }, (_, id) => ({ id, backup_server_used: true, url }));
    const { status, body } = await post(JSON.stringify({ outputs, job: { id: 1 } }));
    expect(status).toBe(202);
    expect(body).toMatchObject({ queued: 100, files: 100, beyond: 1900, unreadable: 0 });
    expect(new Set(await queue.drain()).size).toBe(100);
    expect(metricsOf('PartsNotRead')).toEqual([[1900, 'TooMany']]);
  });

  it('leave a notification of the largest kind alone: 20 outputs with five sets of 100 thumbnails', async () => {
    const images = Array.from({ length: 100 }, (_, index) => ({
      url: `https://zencoder-live.s3.amazonaws.com/o/${index}.png?Expires=1`,
    }));
    const thumbnails = Array.from({ length: 5 }, (_, set) => ({ label: `set ${set}`, images }));
    const outputs = Array.from({ length: 20 }, (_, id) => ({ id, backup_server_used: true, thumbnails }));
    const { body } = await post(JSON.stringify({ outputs, job: { id: 1 } }));
    expect(body).toMatchObject({ queued: 20, beyond: 0, unreadable: 0 });
  });
});

describe('bodies that cannot be used', () => {
  it.each<[number, string, string | undefined, Record<string, string | undefined>]>([
    [400, 'not JSON', 'hello', {}],
    [400, 'no body', undefined, {}],
    [400, 'JSON that is no notification', '{"hello":"world"}', {}],
    [400, 'a list', '[]', {}],
    [400, 'text where an object should be', '{"output":"text","job":{"id":1}}', {}],
    [400, 'an output without id', '{"output":{"backup_server_used":true},"job":{"id":1}}', {}],
    [400, 'nesting without end', `${'['.repeat(500_000)}${']'.repeat(500_000)}`, {}],
    [400, 'the same with a large number', `${'['.repeat(500_000)}9007199254740993${']'.repeat(500_000)}`, {}],
    [413, 'a huge body', `"${'x'.repeat(4 * 1024 * 1024)}"`, {}],
    [415, 'XML by its type', '<hash/>', { 'content-type': 'application/xml' }],
    [415, 'XML by its look', '<?xml version="1.0"?><hash/>', { 'content-type': undefined }],
    [415, 'a form', 'a=1', { 'content-type': 'application/x-www-form-urlencoded' }],
  ])('%i for %s', async (status, _, body, headers) => {
    const answer = await post(body, headers);
    expect(answer.status).toBe(status);
    expect(answer.headers['content-type']).toBe('application/json');
    expect(answer.body.error).toEqual(expect.any(String));
    expect(await queue.drain()).toEqual([]);
    expect(lines.filter((line) => line.includes('request refused'))).toHaveLength(1);
  });
});

describe('what is unusual but fine', () => {
  it('JSON without content type, in Base64', async () => {
    const body = Buffer.from(sampleText('02')).toString('base64');
    expect((await post(body, { 'content-type': undefined }, true)).status).toBe(202);
  });

  it('ids beyond 2^53', async () => {
    const body = sampleText('02')
      .replace('4310552117', '18446744073709551615')
      .replace('1702340023', '9007199254740993');
    expect((await post(body)).body).toMatchObject({ job: '9007199254740993', queued: 1 });
    const [message] = (await queue.drain()).map(parseMessage);
    expect(message).toMatchObject({
      job: { id: '9007199254740993' },
      output: { id: '18446744073709551615' },
    });
  });

  it('a host that only looks like that of Zencoder: the failure is recorded, nothing will be fetched', async () => {
    const body = sampleText('02').replace('s3.amazonaws.com/', 's3.amazonaws.com.evil.example/');
    expect((await post(body)).body).toMatchObject({ queued: 1, failures: 1, files: 0 });
    expect(await queue.drain()).toHaveLength(1);
  });

  it('words in every script, which SQS does not take as they are', async () => {
    const label = '片名 😀 \\uffff \\u0000';
    const body = sampleText('02').replace('"label": "web"', `"label": "${label}"`);
    expect((await post(body)).status).toBe(202);
    const [message] = (await queue.drain()).map(parseMessage);
    expect(message).toMatchObject({ output: { label: JSON.parse(`"${label}"`) } });
  });

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'application/octet-stream'])(
    'JSON that is sent as %s',
    async (type) => {
      expect((await post(sampleText('02'), { 'content-type': type })).status).toBe(202);
    },
  );

  it('JSON that is compressed', async () => {
    const body = gzipSync(sampleText('02')).toString('base64');
    expect((await post(body, { 'content-encoding': 'gzip' }, true)).status).toBe(202);
  });
});

describe('when the queue does not take everything', () => {
  it('answers 503, so that Zencoder sends the notification again', async () => {
    const { DeleteQueueCommand, CreateQueueCommand } = await import('@aws-sdk/client-sqs');
    await queue.client.send(new DeleteQueueCommand({ QueueUrl: queue.queueUrl }));
    try {
      const { status, headers } = await post(sampleText('02'));
      expect(status).toBe(503);
      expect(headers['retry-after']).toBe('10');
      expect(lines).toHaveLength(1);
      expect(lines[0]).toContain('MessagesNotQueued');
      expect(lines[0]).not.toMatch(/Signature|AKIA|zencoder-temp-storage/);
      expect((await post(sampleText('01'))).status).toBe(200);
    } finally {
      await queue.client.send(new CreateQueueCommand({ QueueName: 'recovery' }));
    }
  });
});
