import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { marshall } from '@aws-sdk/util-dynamodb';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { HOUR_MS } from '../../../../lambda/shared/runtime/durations.ts';
import { startLedger, type TestLedger } from '../../../support/ledger-table.ts';

let ledger: TestLedger;
/** A day of its own for each test: ten minutes past ten. */
let now = Date.parse('2026-11-01T10:10:00Z');

beforeAll(async () => {
  ledger = await startLedger();
});
beforeEach(() => {
  now += 4 * 24 * HOUR_MS;
});
afterAll(() => ledger.close());

describe('counts of refused notifications', () => {
  it('are kept by status', async () => {
    for (const status of [415, 401, 401, 404]) await ledger.at(now).refusals.count(status);
    expect(await ledger.at(now).refusals.readSince(now - 24 * HOUR_MS)).toEqual([
      { status: 401, count: 2 },
      { status: 404, count: 1 },
      { status: 415, count: 1 },
    ]);
  });

  it('are empty without refusals', async () => {
    expect(await ledger.at(now).refusals.readSince(now - 24 * HOUR_MS)).toEqual([]);
  });

  it('start at the hour of the given time, across the end of a day', async () => {
    for (const hours of [25, 24, 12, 1, 0]) await ledger.at(now - hours * HOUR_MS).refusals.count(400);
    expect(await ledger.at(now).refusals.readSince(now - 24 * HOUR_MS)).toEqual([{ status: 400, count: 4 }]);
    expect(await ledger.at(now).refusals.readSince(now - HOUR_MS)).toEqual([{ status: 400, count: 2 }]);
  });

  it('include every one of concurrent refusals', async () => {
    await Promise.all(Array.from({ length: 20 }, () => ledger.at(now).refusals.count(413)));
    expect(await ledger.at(now).refusals.readSince(now - HOUR_MS)).toEqual([{ status: 413, count: 20 }]);
  });

  it('are read beside an unreadable item', async () => {
    await ledger.at(now).refusals.count(401);
    const pk = `REFUSALS#${new Date(now).toISOString().slice(0, 10)}`;
    for (const item of [
      { pk, sk: 'other' },
      { pk, sk: '404', h10: 'many' },
    ]) {
      await ledger.client.send(new PutItemCommand({ TableName: ledger.tableName, Item: marshall(item) }));
    }
    expect(await ledger.at(now).refusals.readSince(now - HOUR_MS)).toEqual([{ status: 401, count: 1 }]);
  });
});
