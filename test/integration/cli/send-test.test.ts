import { createServer, type IncomingMessage } from 'node:http';
import { expect, it, onTestFinished } from 'vitest';
import { CommandFailure } from '../../../infra/cli/command.ts';
import { adviceFor, postNotification } from '../../../infra/cli/send-test/post.ts';
import { listen } from '../../../infra/local/servers/listen.ts';

const ACCOUNT = { username: 'zencoder', password: 'p@ss:word', notificationSecret: undefined };

/** A receiver that keeps what it was sent. */
async function receiver(status: number) {
  const received: { request: IncomingMessage; body: string }[] = [];
  const server = await listen(
    createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk) => chunks.push(chunk));
      request.on('end', () => {
        received.push({ request, body: Buffer.concat(chunks).toString() });
        response.writeHead(status).end('{"error":"said so"}');
      });
    }),
  );
  onTestFinished(() => server.close());
  return { url: `${server.endpoint}/notifications`, received };
}

it('posts as Zencoder does: HTTP/1.1, JSON, Basic credentials', async () => {
  const { url, received } = await receiver(202);
  const answer = await postNotification({ ...ACCOUNT, url }, '{"output":{}}', false);

  expect(answer).toMatchObject({ status: 202, body: '{"error":"said so"}' });
  const [{ request, body } = { request: undefined, body: '' }] = received;
  expect(body).toBe('{"output":{}}');
  expect(request).toMatchObject({
    httpVersion: '1.1',
    method: 'POST',
    url: '/notifications',
    headers: {
      'content-type': 'application/json',
      'content-length': '13',
      authorization: `Basic ${Buffer.from('zencoder:p@ss:word').toString('base64')}`,
    },
  });
});

it('sends the secret of the account as a header instead, when the stack knows it', async () => {
  const { url, received } = await receiver(202);
  await postNotification({ ...ACCOUNT, url, notificationSecret: 'of the account' }, '{}', true);
  expect(received[0]?.request.headers).toMatchObject({ 'x-zencoder-notification-secret': 'of the account' });
  expect(received[0]?.request.headers).not.toHaveProperty('authorization');

  await expect(postNotification({ ...ACCOUNT, url }, '{}', true)).rejects.toThrow('"notificationSecret"');
});

it('tells an answer that is no success, and what to do', async () => {
  const { url } = await receiver(401);
  expect((await postNotification({ ...ACCOUNT, url }, '{}', false)).status).toBe(401);
  expect(adviceFor(401)).toContain('credentials');
  expect(adviceFor(503)).toContain('npm run status');
});

it('fails when nobody answers, without the credentials in the message', async () => {
  const { url } = await receiver(200);
  const elsewhere = url.replace(/:\d+/, ':1');
  const posting = postNotification({ ...ACCOUNT, url: elsewhere }, '{}', false);
  await expect(posting).rejects.toThrow(CommandFailure);
  await expect(posting).rejects.not.toThrow('p@ss');
});
