import { createServer, type IncomingMessage } from 'node:http';
import { describe, expect, it, onTestFinished } from 'vitest';
import { CommandFailure } from '../../../infra/cli/lib/command.ts';
import { adviceFor, followJob, postNotification } from '../../../infra/cli/send-test-job.ts';
import { listen } from '../../../infra/local/aws/listen.ts';
import { MINUTE_MS } from '../../../lambda/shared/runtime/durations.ts';
import { aFailure, aFile, aLease, anOutput, asRecovered } from '../../support/ledger-data.ts';
import { startLedger } from '../../support/ledger-table.ts';

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

it('postNotification posts as Zencoder does: HTTP/1.1, JSON, Basic credentials', async () => {
  const { url, received } = await receiver(202);
  const response = await postNotification({ ...ACCOUNT, url }, '{"output":{}}', false);

  expect(response).toMatchObject({ status: 202, body: '{"error":"said so"}' });
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

it('postNotification sends the account secret as a header when the stack has it', async () => {
  const { url, received } = await receiver(202);
  await postNotification({ ...ACCOUNT, url, notificationSecret: 'of the account' }, '{}', true);
  expect(received[0]?.request.headers).toMatchObject({ 'x-zencoder-notification-secret': 'of the account' });
  expect(received[0]?.request.headers).not.toHaveProperty('authorization');

  await expect(postNotification({ ...ACCOUNT, url }, '{}', true)).rejects.toThrow('"notificationSecret"');
});

it('postNotification reports an error response with the action required', async () => {
  const { url } = await receiver(401);
  expect((await postNotification({ ...ACCOUNT, url }, '{}', false)).status).toBe(401);
  expect(adviceFor(401)).toContain('credentials');
  expect(adviceFor(503)).toContain('npm run status');
});

it('postNotification fails without a response, and hides the credentials in its message', async () => {
  const { url } = await receiver(200);
  const elsewhere = url.replace(/:\d+/, ':1');
  const posting = postNotification({ ...ACCOUNT, url: elsewhere }, '{}', false);
  await expect(posting).rejects.toThrow(CommandFailure);
  await expect(posting).rejects.not.toThrow('p@ss');
});

describe('followJob', () => {
  async function recoveredJob() {
    const ledger = await startLedger();
    onTestFinished(() => ledger.close());
    const output = anOutput();
    const [failed] = await ledger.failures.record({ ...output, failures: [aFailure()] });
    const [claim] = await ledger.recoveries.claim(output, [aFile()], aLease('worker'));
    if (failed === undefined || claim?.outcome !== 'claimed') throw new Error('expected records');
    const settle = async () => {
      const [settled] = await ledger.recoveries.settle([asRecovered(claim.record)]);
      if (settled === undefined) throw new Error('not settled');
      return settled.record;
    };
    const follow = (timeout: number) =>
      followJob(ledger, {
        ...{ jobId: output.job.id, untilRecovered: true, timeout, eventPatience: 0 },
        onLook: () => Promise.resolve(),
      });
    return { ledger, failure: failed.record, settle, follow };
  }

  it('returns once the file is settled, with the number of owed events', async () => {
    const { ledger, failure, settle, follow } = await recoveredJob();
    const recovery = await settle();
    expect(await follow(MINUTE_MS)).toMatchObject({ isDone: true, owedEvents: 2 });

    await ledger.outbox.markPublished([failure, recovery]);
    expect(await follow(MINUTE_MS)).toMatchObject({ isDone: true, owedEvents: 0 });
  });

  it('waits until the file is settled or the timeout', async () => {
    const { follow } = await recoveredJob();
    expect(await follow(0)).toMatchObject({ isDone: false, records: { recoveries: [{ state: 'copying' }] } });
  });
});
