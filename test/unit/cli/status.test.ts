import { describe, expect, it } from 'vitest';
import { UsageError } from '../../../infra/cli/command.ts';
import { statusOptions } from '../../../infra/cli/status/options.ts';
import { attentionFor, type StackStatus } from '../../../infra/cli/status/read.ts';
import { parseConfig } from '../../../infra/config.ts';
import { LedgerItemNotUnderstood } from '../../../lambda/shared/ledger/ledger-table.ts';

const none = { count: 0, isComplete: true };
const WELL: StackStatus = {
  open: { total: 3, atRisk: 0, overdue: 2, next: [] },
  settled: { recovered: { count: 9, isComplete: true }, lost: { count: 2, isComplete: true }, failed: none },
  eventsOwed: 0,
  queue: { waiting: 1, hidden: 2, delayed: 0 },
  deadLetters: { count: 0, reasons: new Map() },
};

describe('attentionFor', () => {
  it('is silent while nothing can be done, also about what is lost', () => {
    expect(attentionFor(WELL)).toEqual([]);
  });

  it.each<[string, Partial<StackStatus>, string]>([
    ['recoveries at risk', { open: { total: 3, atRisk: 1, overdue: 0, next: [] } }, '1 recovery at risk'],
    [
      'failed recoveries',
      { settled: { ...WELL.settled, failed: { count: 2, isComplete: true } } },
      '--state failed',
    ],
    ['events that the topic does not take', { eventsOwed: 1 }, '1 event is not delivered'],
    ['dead letters', { deadLetters: { count: 4, reasons: new Map() } }, 'npm run redrive -- --dead-letters'],
  ])('says what to do about %s', (_, change, sentence) => {
    expect(attentionFor({ ...WELL, ...change })).toEqual([expect.stringContaining(sentence)]);
  });
});

it('attentionFor names the records that cannot be read', () => {
  const item = new LedgerItemNotUnderstood({ pk: 'JOB#1', sk: 'OUTPUT#2' }, ['state']);
  expect(attentionFor(WELL, new Map([['JOB#1 / OUTPUT#2', item]]))).toEqual([
    '1 record cannot be read: JOB#1 / OUTPUT#2',
  ]);
});

describe('statusOptions', () => {
  it('counts as at risk what the stack does by default', () => {
    const { atRiskHours } = parseConfig({});
    expect(statusOptions([])).toMatchObject({ atRisk: atRiskHours * 3_600_000, limit: 20, json: false });
  });

  it.each([[['--at-risk', 'soon']], [['--limit', '-1']], [['--jsn']]])('refuses %j', (argv) => {
    expect(() => statusOptions(argv)).toThrow(UsageError);
  });
});
