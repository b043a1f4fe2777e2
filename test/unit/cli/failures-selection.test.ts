import { describe, expect, it } from 'vitest';
import { failuresOptions } from '../../../infra/cli/failures-selection.ts';
import { UsageError } from '../../../infra/cli/lib/command.ts';
import { cursorAt } from '../../../lambda/shared/ledger/paging.ts';
import { DAY_MS } from '../../../lambda/shared/runtime/durations.ts';

const NOW = Date.parse('2026-03-15T12:00:00Z');
const read = (...argv: string[]) => failuresOptions(argv, NOW);

describe('failuresOptions', () => {
  it('defaults to one page in a table and to no limit with --json', () => {
    expect(read()).toEqual({ limit: 50, json: false, target: {} });
    expect(read('--json')).toEqual({ limit: Number.POSITIVE_INFINITY, json: true, target: {} });
  });

  it('reads filters, limit and stack from the arguments', () => {
    const sortKey = '2026-03-14T12:00:00.000Z#1#2#media';
    const argv = [
      '--since',
      '24h',
      '--until=2026-03-15',
      '--error',
      'E',
      '--host',
      'FTP.example',
      '--state',
      'lost',
    ];
    expect(read(...argv, '--limit', '7', '--cursor', cursorAt(sortKey), '--stack', 'Other')).toEqual({
      since: NOW - DAY_MS,
      until: Date.parse('2026-03-15T00:00:00Z'),
      errorClass: 'E',
      host: 'ftp.example',
      state: 'lost',
      limit: 7,
      after: sortKey,
      json: false,
      target: { stack: 'Other' },
    });
  });

  it.each([
    [['--since', 'yesterday'], /--since expects e.g. 24h/],
    [['--since', '1h', '--until', '2h'], /--since must be before --until/],
    [['--state', 'gone'], /--state must be one of pending, copying, recovered, lost, failed, none/],
    [['--job', 'abc'], /--job must be a job's number, not "abc"/],
    [['--limit', '0'], /--limit must be a whole number from 1/],
    [['--limit', '1e3'], /--limit/],
    [['--error', ' '], /--error must not be empty/],
    [['--cursor', 'made-up'], /--cursor: the cursor is not one/],
    [
      ['--job', '1', '--cursor', cursorAt('2026-03-14T12:00:00.000Z#1#2#media')],
      /cannot be combined with --job/,
    ],
    [['--what'], /--what/],
    [['stray'], /stray/],
  ])('rejects %j', (argv, message) => {
    expect(() => read(...argv)).toThrow(UsageError);
    expect(() => read(...argv)).toThrow(message);
  });
});
