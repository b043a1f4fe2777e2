import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { describe, expect, it } from 'vitest';
import { createLedger } from '../../../../lambda/shared/ledger/ledger.ts';
import {
  kindOfKey,
  LedgerItemNotUnderstood,
  segmentItemKey,
  type Table,
} from '../../../../lambda/shared/ledger/table.ts';
import { readable, tryRead } from '../../../../lambda/shared/ledger/unreadable.ts';
import { reportingUnreadable, unreadableLine } from '../../../../lambda/shared/ledger/unreadable-reports.ts';
import { aRecovery } from '../../../support/recoveries.ts';

const TABLE: Table = { client: new DynamoDBClient({}), tableName: 'ledger', recordTtlDays: 0, now: Date.now };
const anItem = (number: number) =>
  new LedgerItemNotUnderstood({ pk: `JOB#${number}`, sk: 'OUTPUT#1#FAILURE#media' }, ['role']);
const refuse = () => {
  throw anItem(1);
};

describe('an unreadable item', () => {
  it('is omitted from a list and reported to the table', () => {
    const seen: LedgerItemNotUnderstood[] = [];
    const table = { ...TABLE, onUnreadable: (item: LedgerItemNotUnderstood) => void seen.push(item) };
    expect(readable(table, refuse, {})).toEqual([]);
    expect(seen).toEqual([anItem(1)]);
    expect(readable(table, () => 'read', {})).toEqual(['read']);
  });

  it('ends the list of a table without a reporter, so nothing is omitted silently', () => {
    expect(() => readable(TABLE, refuse, {})).toThrow(LedgerItemNotUnderstood);
  });

  it('is returned by tryRead, which throws any other error', () => {
    expect(tryRead(refuse, {})).toBeInstanceOf(LedgerItemNotUnderstood);
    const error = new RangeError('of ours');
    expect(() =>
      tryRead(() => {
        throw error;
      }, {}),
    ).toThrow(error);
  });

  it('is logged with its key and counted once, however often it is read', () => {
    const lines: unknown[][] = [];
    const counted: unknown[][] = [];
    const ledger = reportingUnreadable(createLedger(TABLE), {
      logger: { error: (...line) => void lines.push(line) },
      meter: { add: (...count) => void counted.push(count) },
    });
    for (const number of [1, 2, 1]) ledger.onUnreadable?.(anItem(number));
    expect(lines).toMatchObject([
      ['record cannot be read', { pk: 'JOB#1', sk: 'OUTPUT#1#FAILURE#media' }],
      ['record cannot be read', { pk: 'JOB#2' }],
    ]);
    expect(counted).toEqual([
      ['unreadableRecords', 1],
      ['unreadableRecords', 1],
    ]);
  });

  it('is reported to the outer table and named in unreadableLine', () => {
    const outer = createLedger(TABLE).withUnreadable(() => undefined);
    const inner = outer.ledger.withUnreadable();
    expect(unreadableLine(inner.unreadable)).toBeNull();
    inner.ledger.onUnreadable?.(anItem(1));
    expect([...outer.unreadable.keys()]).toEqual(['JOB#1 / OUTPUT#1#FAILURE#media']);
    expect(unreadableLine(inner.unreadable)).toBe('1 record cannot be read: JOB#1 / OUTPUT#1#FAILURE#media');
    for (let number = 2; number <= 7; number += 1) inner.ledger.onUnreadable?.(anItem(number));
    expect(unreadableLine(inner.unreadable)).toMatch(
      /^7 records cannot be read: JOB#1 .*JOB#5 [^,]*, and 2 more$/,
    );
  });

  it('is of the kind that its key states', () => {
    expect(kindOfKey('OUTPUT#1#FAILURE#media')).toBe('failure');
    expect(kindOfKey('OUTPUT#1#RECOVERY#media#00ff')).toBe('recovery');
    expect(kindOfKey(segmentItemKey(aRecovery(), 3).sk)).toBe('segment');
  });
});
