import { ScanCommand } from '@aws-sdk/client-dynamodb';
import { HeadObjectCommand } from '@aws-sdk/client-s3';
import { GetSecretValueCommand } from '@aws-sdk/client-secrets-manager';
import { ReceiveMessageCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import pMap from 'p-map';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { accessDenied } from '../../infra/local/aws/s3/faults.ts';
import { outputNotification } from '../../infra/local/zencoder/payload.ts';
import { MINUTE_MS } from '../../lambda/shared/runtime/durations.ts';
import { type RunningStack, startRunningStack } from '../support/running-stack.ts';
import { authorizationOf, outputOf } from '../support/stack.ts';
import { WITH_THUMBNAILS } from '../support/zencoder-stand-in.ts';

/** What a customer's destinations, and the messages about them, may hold. */
const PASSWORDS = [
  'Pl4nted-pw',
  'Pl4nted/slash',
  'Pl4nted@at',
  'Pl4nted%21percent',
  'Pl4ntedS3cretKey0123456789',
];

const MESSAGES = [
  `Could not log in to ftp://render:${PASSWORDS[0]}@media.acme.example/shows/web.mp4.`,
  `The server at sftp://render:${PASSWORDS[1]}@media.acme.example/web.mp4 said no to render:${PASSWORDS[1]}@media.acme.example`,
  `Timeout: "ftp://render:${PASSWORDS[2]}@media.acme.example/" (password=${PASSWORDS[2]})`,
  `ftps://render:${PASSWORDS[3]}@media.acme.example is cut off: ftps://render:${PASSWORDS[3]}`,
  `s3+eu-central-1://AKIAIOSFODNN7SECRET:${PASSWORDS[4]}@acme-video-out/web.mp4 secret_access_key=${PASSWORDS[4]}`,
];

let running: RunningStack;
let signatures: Set<string>;
beforeAll(async () => {
  running = await startRunningStack({
    apiAccess: 'full',
    variables: { POWERTOOLS_LOG_LEVEL: 'DEBUG' },
  });
  signatures = new Set();
  const { zencoder } = running.standIn;
  const { urlOf } = zencoder;
  zencoder.urlOf = (...args) => {
    const url = urlOf(...args);
    for (const [, signature = ''] of url.matchAll(/Signature=([^&]+)/g)) signatures.add(signature);
    return url;
  };
});
afterAll(() => running?.close());

/** Posts the notification of a failed job with this error message, and lets `change` have a hand in its text. */
async function notify(message: string, change = (body: string) => body): Promise<string> {
  const { zencoder } = running.standIn;
  const { job } = await running.standIn.failedJob({ ...WITH_THUMBNAILS });
  const [output] = job.outputs;
  if (output === undefined) throw new Error('expected an output');
  const body = JSON.parse(JSON.stringify(outputNotification(job, output, zencoder.urlOf)));
  Object.assign(body.output, {
    primary_upload_error_message: message,
    primary_upload_error_link: `https://user:${PASSWORDS[0]}@app.zencoder.com/docs/errors/UploadFailureError?token=${PASSWORDS[0]}`,
    primary_thumbnail_upload_error_message: message,
  });
  const response = await running.post(change(JSON.stringify(body)));
  responses.push(await response.text());
  return String(job.id);
}
const responses: string[] = [];

/** Everything that happens to outputs, at least once. */
async function fullRun(): Promise<string[]> {
  const { destination, standIn, clock, stack } = running;
  const jobs = await Promise.all(MESSAGES.map((message) => notify(message)));
  for (const jobId of jobs) await running.settled(jobId, 3);

  // A URL that is refused and refreshed; one that cannot be.
  const damage = (body: string) => body.replaceAll(/(?<=Signature=)[0-9a-f]{8}/g, '00000000');
  jobs.push(await notify(MESSAGES[0] ?? '', damage));
  standIn.storage.setFaults(({ operation }) =>
    operation === 'GetObject' ? { status: 403, code: 'AccessDenied' } : undefined,
  );
  jobs.push(await notify(MESSAGES[1] ?? ''));
  for (const jobId of jobs) await running.settled(jobId, 3);
  standIn.storage.setFaults(undefined);

  // A bucket that refuses, with more in its message than it should have; then redriven.
  destination.setFaults(() => accessDenied(`s3:PutObject ${MESSAGES[4]}`, 'arn:aws:s3:::acme'));
  const waiting = await notify(MESSAGES[2] ?? '');
  jobs.push(waiting);
  await expect
    .poll(() => running.metric('worker', 'actionRequired').length, { timeout: 30_000 })
    .toBeGreaterThan(0);
  destination.setFaults(undefined);
  const [record] = (await running.job(waiting)).recoveries;
  await send({ type: 'redrive', version: 1, jobId: waiting, outputId: record?.outputId });
  clock.advance(20 * MINUTE_MS);
  await running.settled(waiting, 3);

  // An output without a notification.
  const { job } = await standIn.failedJob();
  clock.advance(11 * MINUTE_MS);
  await stack.schedules.run('reconcile');
  await running.settled(String(job.id), 1);
  jobs.push(String(job.id));

  // Invalid requests and messages.
  const wrong = `Basic ${Buffer.from(`zencoder:${PASSWORDS[0]}`).toString('base64')}`;
  for (const [body, headers] of [
    ['{}', { authorization: wrong, 'x-zencoder-notification-secret': PASSWORDS[1] ?? '' }],
    [`not JSON ${MESSAGES[3]}`, {}],
    [`{"output": {"id": "${MESSAGES[4]?.replaceAll('"', '')}"}}`, {}],
    [`<xml>${MESSAGES[0]}</xml>`, { 'content-type': 'application/xml' }],
  ] satisfies [string, Record<string, string>][]) {
    responses.push(await (await running.post(body, headers)).text());
  }
  await send({ type: 'output', version: 1, job: MESSAGES[2] });
  await send(`garbage ${MESSAGES[3]}`);
  await running.idle();
  return jobs;
}

async function send(body: unknown): Promise<void> {
  const MessageBody = typeof body === 'string' ? body : JSON.stringify(body);
  await running.stack.clients.sqs.send(
    new SendMessageCommand({ QueueUrl: outputOf(running.stack, 'QueueUrl'), MessageBody }),
  );
}

/** All that is left behind, by where it is. */
async function written(jobs: readonly string[]): Promise<Record<string, string>> {
  const { stack } = running;
  const { dynamodb, sqs, s3 } = stack.clients;
  const { Items = [] } = await dynamodb.send(new ScanCommand({ TableName: outputOf(stack, 'TableName') }));
  const { Messages = [] } = await sqs.send(
    new ReceiveMessageCommand({
      QueueUrl: outputOf(stack, 'DeadLetterQueueUrl'),
      MaxNumberOfMessages: 10,
      MessageAttributeNames: ['All'],
    }),
  );
  expect(Messages).toHaveLength(2);
  const Bucket = outputOf(stack, 'BucketName');
  const keys = await running.keys();
  const objects = await Promise.all(keys.map((Key) => s3.send(new HeadObjectCommand({ Bucket, Key }))));
  expect(keys.length).toBeGreaterThan(10);
  return {
    logs: running.lines().join('\n'),
    ledger: JSON.stringify(Items),
    'reasons on the dead-letter queue': JSON.stringify(Messages.map((message) => message.MessageAttributes)),
    events: JSON.stringify(await running.events()),
    objects: JSON.stringify([keys, objects.map(({ Metadata, ContentType }) => [Metadata, ContentType])]),
    responses: responses.join('\n'),
    pages: (await pages(jobs)).join('\n'),
  };
}

async function pages(jobs: readonly string[]): Promise<string[]> {
  const url = new URL(running.stack.dashboardUrl ?? '');
  const authorization = authorizationOf(url);
  const outputs = await Promise.all(
    jobs.map(async (id) => {
      const { failures } = await running.job(id);
      return failures.map(({ outputId }) => `/jobs/${id}/outputs/${outputId}`);
    }),
  );
  const paths = [
    ...['/', '/errors', '/api/failures', '/api/recoveries', '/api/recoveries?state=recovered', '/api/errors'],
    ...jobs.flatMap((id) => [`/jobs/${id}`, `/api/jobs/${id}`]),
    ...outputs.flat(),
  ];
  // Beyond five requests a second to a route the API returns 429, and a script tries again.
  const textOf = (path: string) =>
    vi.waitFor(
      async () => {
        const response = await fetch(new URL(path, url.origin), { headers: { authorization } });
        expect(response.status).toBe(200);
        return await response.text();
      },
      { timeout: 20_000, interval: 200 },
    );
  // The account runs ten invocations at once.
  return await pMap(paths, textOf, { concurrency: 4 });
}

it('the stack writes no password, key or signature anywhere', async () => {
  const jobs = await fullRun();
  const found = await written(jobs);
  const { secretsManager } = running.stack.clients;
  const { SecretString = '' } = await secretsManager.send(
    new GetSecretValueCommand({ SecretId: outputOf(running.stack, 'NotificationSecretArn') }),
  );
  const { password }: { password: string } = JSON.parse(SecretString);
  const dashboard = new URL(running.stack.dashboardUrl ?? '').password;
  const { apiKeys, notificationSecret } = running.standIn.zencoder;
  const secrets = [
    ...PASSWORDS,
    ...signatures,
    ...apiKeys.map(({ key }) => key),
    ...[password, dashboard, notificationSecret, 'zencoder-backup-storage', 'AKIAIOSFODNN7SECRET'],
  ];

  // The search itself finds what is there to be found.
  expect(signatures.size).toBeGreaterThan(20);
  for (const [where, text] of Object.entries(found)) {
    if (where !== 'responses' && where !== 'reasons on the dead-letter queue') {
      expect(text, where).toContain(jobs[0]);
    }
  }

  const leaks = Object.entries(found).flatMap(([where, text]) =>
    secrets.filter((secret) => text.includes(secret)).map((secret) => `${where}: ${secret}`),
  );
  expect(leaks).toEqual([]);
  expect(Object.entries(found).filter(([, text]) => /X-Amz-Signature=[0-9a-f]/.test(text))).toEqual([]);
});

it('every log line about an output names its job', () => {
  const lines = ['worker', 'ingest'].flatMap((name) =>
    running.stack.functions.logs(name).flatMap((line): Record<string, unknown>[] => {
      if (!line.startsWith('{')) return [];
      const parsed: Record<string, unknown> = JSON.parse(line);
      return '_aws' in parsed ? [] : [parsed];
    }),
  );
  expect(lines.length).toBeGreaterThan(20);
  const outside = lines.filter(({ jobId }) => jobId === undefined).map(({ message }) => message);
  expect(new Set(outside)).toEqual(new Set(['request refused', 'message not understood']));
});
