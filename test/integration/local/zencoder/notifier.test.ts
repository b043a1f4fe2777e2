import { afterEach, expect, test } from 'vitest';
import {
  documentedSchedule,
  Notifier,
  type RetrySchedule,
} from '../../../../infra/local/zencoder/notifier.ts';
import { startReceiver } from './receiver.ts';

const cleanUps: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp();
});

test('Notifier posts JSON over HTTP/1.1 with the secret and the credentials of the URL', async () => {
  const receiver = await receiverThat(() => 202);
  const url = receiver.url.replace('://', '://zencoder:p%40ss@');

  const delivery = await notifier().deliver(parcel(url));

  expect(delivery).toMatchObject({ state: 'delivered', url: receiver.url, attempts: [{ status: 202 }] });
  expect(receiver.received).toHaveLength(1);
  expect(receiver.received[0]).toMatchObject({
    body: '{"attempt":1}',
    version: '1.1',
    headers: {
      'content-type': 'application/json',
      authorization: `Basic ${Buffer.from('zencoder:p@ss').toString('base64')}`,
      'x-zencoder-notification-secret': 's3cret',
    },
  });
});

test('Notifier retries after error responses, each time with a new body', async () => {
  const responses = [500, 404, 200];
  const receiver = await receiverThat(() => responses.shift() ?? 500);

  const delivery = await notifier((failed) => failed).deliver(parcel(receiver.url));

  expect(delivery.state).toBe('delivered');
  expect(delivery.attempts.map(({ status }) => status)).toEqual([500, 404, 200]);
  expect(receiver.received.map(({ body }) => body)).toEqual([
    '{"attempt":1}',
    '{"attempt":2}',
    '{"attempt":3}',
  ]);
});

test('Notifier does not follow redirects: they count as not accepted', async () => {
  const receiver = await receiverThat(() => 302);

  const delivery = await notifier(() => null).deliver(parcel(receiver.url));

  expect(delivery).toMatchObject({ state: 'abandoned', attempts: [{ status: 302 }] });
  expect(receiver.received).toHaveLength(1);
});

test('Notifier retries without a response, and stops when the schedule ends', async () => {
  const receiver = await receiverThat(() => 200);
  await receiver.close();

  const delivery = await notifier((failed) => (failed > 2 ? null : 1)).deliver(parcel(receiver.url));

  expect(delivery.state).toBe('abandoned');
  expect(delivery.attempts).toHaveLength(3);
  expect(delivery.attempts[0]).toMatchObject({
    status: null,
    error: expect.stringContaining('ECONNREFUSED'),
  });
});

test('Notifier lists withheld notifications and never posts them', async () => {
  const receiver = await receiverThat(() => 200);
  const withholding = notifier();
  withholding.withhold = true;

  const delivery = await withholding.deliver(parcel(receiver.url));

  expect(delivery).toMatchObject({ state: 'withheld', attempts: [] });
  expect(withholding.deliveries).toEqual([delivery]);
  expect(receiver.received).toEqual([]);
});

test('the documented schedule adds 5 s each time and ends after 50 retries, 106 minutes in all', () => {
  const waits = Array.from({ length: 50 }, (_, index) => documentedSchedule(index + 1) ?? 0);

  expect(waits.slice(0, 2)).toEqual([5_000, 10_000]);
  expect(waits.reduce((sum, wait) => sum + wait, 0)).toBe(6_375_000);
  expect(documentedSchedule(51)).toBeNull();
});

function notifier(schedule: RetrySchedule = () => null): Notifier {
  const made = new Notifier({ secret: 's3cret', schedule, now: Date.now, timeout: 5_000 });
  cleanUps.push(() => made.close());
  return made;
}

function parcel(url: string) {
  let attempt = 0;
  return {
    kind: 'output' as const,
    jobId: 1,
    outputId: 2,
    url,
    body: () => JSON.stringify({ attempt: ++attempt }),
  };
}

async function receiverThat(nextStatus: () => number) {
  const receiver = await startReceiver(nextStatus);
  cleanUps.push(() => receiver.close());
  return receiver;
}
