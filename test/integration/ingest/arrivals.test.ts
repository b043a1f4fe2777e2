import { DeleteTableCommand } from '@aws-sdk/client-dynamodb';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { testNotification } from '../../../infra/cli/send-test-job.ts';
import { createLedgerTable } from '../../support/ledger-table.ts';
import { sampleText } from '../../support/samples.ts';
import { basic, ledger, lines, post, queue, useIngest } from './handler-fixture.ts';

describe('the time of the last notification', () => {
  useIngest();

  it('is that of no refused request and of no notification of send-test', async () => {
    await post(sampleText('02'), { headers: { authorization: basic('zencoder:wrong') } });
    await post('<hash/>');
    expect((await post(testNotification(undefined, Date.now()).body)).status).toBe(202);
    expect(await ledger.latest.read()).toMatchObject({ notification: null });
  });

  it('is noted by the time of the response, and once a minute', async () => {
    const before = Date.now();
    expect((await post(sampleText('02'))).status).toBe(202);
    const { notification } = await ledger.latest.read();
    expect(notification).toBeGreaterThanOrEqual(before);
    await post(sampleText('02'));
    expect(await ledger.latest.read()).toMatchObject({ notification });
  });
});

describe('a notification while the ledger is unavailable', () => {
  beforeAll(() => {
    vi.resetModules();
  });
  useIngest();

  it('is accepted and queued, and the log says that its time was not noted', async () => {
    await ledger.client.send(new DeleteTableCommand({ TableName: ledger.tableName }));
    try {
      expect((await post(sampleText('02'))).status).toBe(202);
      expect(await queue.drain()).toHaveLength(1);
      expect(lines.join()).toContain('time of the last notification not noted');
    } finally {
      await createLedgerTable(ledger.client, ledger.tableName);
    }
  });
});
