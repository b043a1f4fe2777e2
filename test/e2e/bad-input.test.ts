import { createServer } from 'node:http';
import { ReceiveMessageCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type LocalServer, listen } from '../../infra/local/aws/listen.ts';
import { MINUTE_MS } from '../../lambda/shared/runtime/durations.ts';
import { freshId, type RunningStack, startRunningStack } from '../support/running-stack.ts';
import { outputOf } from '../support/stack.ts';

let running: RunningStack;
/** A server that must receive no request: it counts those it receives. */
let trap: LocalServer;
let visits = 0;

beforeAll(async () => {
  running = await startRunningStack();
  const server = createServer((_, response) => {
    visits += 1;
    response.end('caught');
  });
  trap = await listen(server);
});
afterAll(async () => {
  await trap?.close();
  await running?.close();
});

const notificationOf = (jobId: number, url: string) =>
  JSON.stringify({
    output: {
      id: jobId + 1,
      label: 'web',
      state: 'finished',
      url,
      backup_server_used: true,
      primary_upload_error_link: 'https://app.zencoder.com/docs/errors/UploadTimeoutError',
      primary_upload_error_message: 'ftp://render:hunter2secret@ftp.acme.example took too long to respond.',
    },
    job: { id: jobId, state: 'finished' },
  });

/** Posts to another path, with the credentials of the notification URL. */
async function postTo(path: string, body: string): Promise<Response> {
  const { username, password, origin } = new URL(running.stack.notificationUrl);
  const authorization = `Basic ${btoa(`${username}:${password}`)}`;
  return await fetch(`${origin}${path}`, { method: 'POST', body, headers: { authorization } });
}

describe('POST /notifications', () => {
  it('accepts a trailing slash', async () => {
    const response = await postTo('/notifications/', '{"job":{"id":1}}');

    expect(response.status).toBe(200);
  });

  it('returns 404 with the right path for a wrong one', async () => {
    const response = await postTo('/notification', '{"job":{"id":1}}');

    expect(response.status).toBe(404);
    expect(await response.text()).toContain('POST /notifications');
  });
});

describe('POST /notifications with invalid input', () => {
  it.each([
    ['not JSON', '{"output":', 400, /JSON/],
    ['JSON of something else', '{"hello":"world"}', 400, /output/],
    ['an array', '[]', 400, /JSON object/],
    ['an empty body', '', 400, /JSON|body/],
  ])('rejects %s with the expected format', async (_, body, status, message) => {
    const response = await running.post(body);

    expect(response.status).toBe(status);
    expect(await response.text()).toMatch(message);
  });

  it('returns 415 for XML', async () => {
    const response = await running.post('<hash/>', { 'content-type': 'application/xml' });

    expect(response.status).toBe(415);
    expect(await response.text()).toMatch(/application\/json/);
  });

  it.each([
    ['more than the function takes', 5.5],
    ['more than the gateway takes', 11],
  ])('returns 413 for a body of %s', async (_, mebibytes) => {
    const response = await running.post(`{"padding":"${'x'.repeat(mebibytes * 2 ** 20)}"}`);

    expect(response.status).toBe(413);
  });

  it.each([
    ['no credentials', { authorization: '' }],
    ['a wrong password', { authorization: `Basic ${btoa('zencoder:wrong')}` }],
    ['another scheme', { authorization: 'Bearer token' }],
    ['a wrong notification secret', { authorization: '', 'x-zencoder-notification-secret': 'wrong' }],
  ])('returns 401 for %s, whatever the body is', async (_, headers) => {
    const response = await running.post('{', headers);

    expect(response.status).toBe(401);
    // API Gateway renames the header.
    expect(response.headers.get('x-amzn-remapped-www-authenticate')).toMatch(/^Basic/);
  });
});

describe('a URL outside Zencoder storage', () => {
  const disallowedUrls = (): [string, string][] => {
    const storage = new URL(running.standIn.storage.origin);
    const path = 'zencoder-temp-storage-us-east-1/o/1/2.mp4?Signature=c2VjcmV0&Expires=4102444800';
    return [
      ['a look-alike host', `https://zencoder-temp-storage-us-east-1.s3.amazonaws.com.evil.example/o/1.mp4`],
      ['the metadata address', 'http://169.254.169.254/latest/meta-data/iam/security-credentials/'],
      ['user info', `http://user:pw@${storage.host}/${path}`],
      ['another port', `${trap.endpoint}/${path}`],
      ['another scheme', `https://${storage.host}/${path}`],
      ['another scheme on AWS', 'ftp://zencoder-temp-storage-us-east-1.s3.amazonaws.com/o/1.mp4'],
      ['another port on AWS', 'https://zencoder-temp-storage-us-east-1.s3.amazonaws.com:8443/o/1.mp4'],
      ['a file', 'file:///etc/passwd'],
    ];
  };

  it('is recorded as a primary failure and never requested', async () => {
    for (const [kind, url] of disallowedUrls()) {
      const jobId = freshId();

      const response = await running.post(notificationOf(jobId, url));
      await running.idle();
      const { failures, recoveries } = await running.job(String(jobId));

      expect.soft(response.status, kind).toBe(202);
      expect
        .soft(
          failures.map(({ errorClass }) => errorClass),
          kind,
        )
        .toEqual(['UploadTimeoutError']);
      expect.soft(recoveries, kind).toEqual([]);
    }
    expect(visits).toBe(0);
  });

  it('is reported in the log and a metric when it is on a bucket named like Zencoder storage', async () => {
    const response = await running.post(
      notificationOf(
        freshId(),
        'https://zencoder-temp-storage-eu-west-1.s3.amazonaws.com/o/1.mp4?Signature=c2VjcmV0',
      ),
    );

    expect(response.status).toBe(202);
    const logs = running.stack.functions.logs('ingest').join('\n');
    expect(logs).toContain('zencoder-temp-storage-eu-west-1.s3.amazonaws.com');
    expect(logs).toMatch(/"UnlistedStorage":\[?1/);
  });

  it('is never requested from a queue message either: the message goes to the dead-letter queue with the reason', async () => {
    const jobId = String(freshId());
    const { sqs } = running.stack.clients;
    const message = {
      type: 'output',
      version: 1,
      job: { id: jobId, passThrough: null, test: false },
      output: { id: '7', label: null, type: null },
      failures: [],
      files: [
        {
          role: 'media',
          url: `${trap.endpoint}/o/1.mp4`,
          deadline: Date.now() + MINUTE_MS,
          filename: '1.mp4',
          thumbnailLabel: null,
          size: null,
          md5: null,
        },
      ],
      failedAt: Date.now(),
      origin: 'notification',
    };

    for (const body of [JSON.stringify(message), 'no message']) {
      await sqs.send(
        new SendMessageCommand({ QueueUrl: outputOf(running.stack, 'QueueUrl'), MessageBody: body }),
      );
    }
    const deadLetters = await vi.waitFor(async () => {
      const { Messages = [] } = await sqs.send(
        new ReceiveMessageCommand({
          QueueUrl: outputOf(running.stack, 'DeadLetterQueueUrl'),
          MaxNumberOfMessages: 10,
          MessageAttributeNames: ['All'],
          VisibilityTimeout: 0,
        }),
      );
      expect(Messages).toHaveLength(2);
      return Messages;
    }, 20_000);

    const reasons = deadLetters
      .map(({ MessageAttributes }) => MessageAttributes?.reason?.StringValue ?? '')
      .toSorted((a, b) => a.localeCompare(b));
    expect(reasons).toEqual([
      expect.stringMatching(/^MessageNotUnderstood: .*not JSON/),
      expect.stringMatching(/^SourceNotAllowed: .*not on the allow-list/),
    ]);
    expect(visits).toBe(0);
  });

  it('is never requested by following a redirect', async () => {
    const jobId = freshId();
    const url = await running.keep(`o/1/${jobId}.mp4`, new Uint8Array(10));
    running.standIn.storage.setFaults(({ operation }) =>
      operation === 'GetObject'
        ? { status: 301, code: 'PermanentRedirect', headers: { location: `${trap.endpoint}/o/1.mp4` } }
        : undefined,
    );

    await running.post(notificationOf(jobId, url));
    const { recoveries } = await running.settled(String(jobId), 1);
    running.standIn.storage.setFaults(undefined);

    expect(recoveries).toMatchObject([
      {
        state: 'lost',
        lastError: { errorClass: 'SourceOutOfReach', message: expect.stringContaining('redirect') },
      },
    ]);
    expect(visits).toBe(0);
  });
});

describe('logs, records and responses of invalid input', () => {
  it('contain no signature and no password', async () => {
    const { functions } = running.stack;
    const logs = functions.names.flatMap((name) => functions.logs(name)).join('\n');

    expect(logs).toContain('primary failure');
    expect(logs).not.toMatch(/Signature=|X-Amz-Signature|c2VjcmV0|hunter2secret/);
  });
});
