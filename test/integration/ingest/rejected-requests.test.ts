import { describe, expect, it } from 'vitest';
import { HOUR_MS } from '../../../lambda/shared/runtime/durations.ts';
import { sampleText } from '../../support/samples.ts';
import { AUTHORIZATION, basic, ledger, lines, metricsOf, post, queue, useIngest } from './handler-fixture.ts';

useIngest();

describe('POST /notifications, authentication', () => {
  const sample = sampleText('02');

  it.each([
    ['no credentials', { authorization: undefined }],
    ['wrong credentials', { authorization: basic('zencoder:wrong') }],
    ['a wrong account secret', { authorization: undefined, 'x-zencoder-notification-secret': 'wrong' }],
  ])('responds 401 to %s and says how to authenticate', async (_, headers) => {
    const { status, headers: responseHeaders, body } = await post(sample, { headers });
    expect(status).toBe(401);
    expect(responseHeaders['www-authenticate']).toMatch(/^Basic realm=/);
    expect(body.error).toBe('credentials are missing or wrong');
    expect(await queue.drain()).toEqual([]);
    expect(lines.join()).not.toMatch(/wrong/);
  });

  it('checks the credentials before the body', async () => {
    for (const body of ['not JSON', '<xml/>', 'x'.repeat(5_000_000), undefined]) {
      expect((await post(body, { headers: { authorization: undefined } })).status).toBe(401);
    }
  });

  it("accepts the account's notification secret alone", async () => {
    const headers = { authorization: undefined, 'X-Zencoder-Notification-Secret': 'of-the-account' };
    expect((await post(sample, { headers })).status).toBe(202);
  });
});

describe('the path of a notification', () => {
  it('is accepted with a slash at the end', async () => {
    expect((await post(sampleText('02'), { path: '/notifications/' })).status).toBe(202);
    expect(await queue.drain()).toHaveLength(1);
  });

  it('is 404 for any other, also without credentials', async () => {
    for (const authorization of [AUTHORIZATION, undefined]) {
      const { status, headers, body } = await post(sampleText('02'), {
        headers: { authorization },
        path: '/notification',
      });
      expect(status).toBe(404);
      expect(headers).not.toHaveProperty('www-authenticate');
      expect(body.expected).toBe('POST /notifications');
    }
    expect(await queue.drain()).toEqual([]);
  });
});

describe('POST /notifications with an invalid body', () => {
  it.each<[number, string, string | undefined, Record<string, string | undefined>]>([
    [400, 'not JSON', 'hello', {}],
    [400, 'no body', undefined, {}],
    [400, 'JSON that is not a notification', '{"hello":"world"}', {}],
    [400, 'a list', '[]', {}],
    [400, 'text in the place of an object', '{"output":"text","job":{"id":1}}', {}],
    [400, 'an output without id', '{"output":{"backup_server_used":true},"job":{"id":1}}', {}],
    [400, 'very deep nesting', `${'['.repeat(500_000)}${']'.repeat(500_000)}`, {}],
    [
      400,
      'very deep nesting with a large number',
      `${'['.repeat(500_000)}9007199254740993${']'.repeat(500_000)}`,
      {},
    ],
    [413, 'a huge body', `"${'x'.repeat(4 * 1024 * 1024)}"`, {}],
    [415, 'XML by its content type', '<hash/>', { 'content-type': 'application/xml' }],
    [415, 'XML by its first characters', '<?xml version="1.0"?><hash/>', { 'content-type': undefined }],
    [415, 'a form', 'a=1', { 'content-type': 'application/x-www-form-urlencoded' }],
  ])('responds %i to %s', async (status, _, body, headers) => {
    const response = await post(body, { headers });
    expect(response.status).toBe(status);
    expect(response.headers['content-type']).toBe('application/json');
    expect(response.body.error).toEqual(expect.any(String));
    expect(await queue.drain()).toEqual([]);
    expect(lines.filter((line) => line.includes('request refused'))).toHaveLength(1);
  });
});

/** Number of notifications that were refused with each status in the last hour. */
async function refusals(): Promise<Map<number, number>> {
  const now = Date.now();
  const counts = await ledger.at(now).refusals.readSince(now - HOUR_MS);
  return new Map(counts.map(({ status, count }) => [status, count]));
}

describe('the count of refused notifications', () => {
  const wrong = basic('zencoder:wrong');

  it.each<[number, string, string, string, string]>([
    [400, 'NotJson', 'hello', '/notifications', AUTHORIZATION],
    [400, 'NotANotification', '{}', '/notifications', AUTHORIZATION],
    [404, 'UnknownPath', '{}', '/notification', AUTHORIZATION],
    [413, 'BodyTooLarge', 'x'.repeat(5_000_000), '/notifications', AUTHORIZATION],
    [415, 'UnsupportedBody', '<hash/>', '/notifications', AUTHORIZATION],
  ])(
    'includes %i in a metric by reason, %s, and in the ledger',
    async (status, reason, body, path, authorization) => {
      const before = (await refusals()).get(status) ?? 0;
      expect((await post(body, { headers: { authorization }, path })).status).toBe(status);
      expect(metricsOf('RefusedNotifications')).toEqual([[1, reason]]);
      expect((await refusals()).get(status)).toBe(before + 1);
    },
  );

  it('includes wrong credentials in the ledger and in a metric of their own, since third parties can send them', async () => {
    const before = (await refusals()).get(401) ?? 0;
    expect((await post('{}', { headers: { authorization: wrong } })).status).toBe(401);
    expect(metricsOf('DeniedNotifications')).toHaveLength(1);
    expect(metricsOf('RefusedNotifications')).toEqual([]);
    expect((await refusals()).get(401)).toBe(before + 1);
  });

  it('does not change the response when the ledger is unavailable, which is logged', async () => {
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

  it.each([
    ['a request without credentials', '/notifications', undefined],
    ['a request without credentials to another path', '/wp-login.php', undefined],
    ['a request with wrong credentials to another path', '/wp-login.php', basic('admin:admin')],
  ])('excludes %s', async (_, path, authorization) => {
    const before = await refusals();
    await post('{}', { headers: { authorization }, path });
    expect(metricsOf('RefusedNotifications')).toEqual([]);
    expect(await refusals()).toEqual(before);
  });
});
