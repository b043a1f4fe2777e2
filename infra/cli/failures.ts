import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { createLedger, type Ledger } from '../../lambda/shared/ledger/ledger.ts';
import { afterFailure, cursorAt } from '../../lambda/shared/ledger/paging.ts';
import type { RecoveryRecord } from '../../lambda/shared/ledger/records.ts';
import { DEFAULT_LOOK_BACK_DAYS } from '../../lambda/shared/ledger/spans.ts';
import { unreadableLine } from '../../lambda/shared/ledger/unreadable-reports.ts';
import { timeLeft, utcSeconds } from '../../lambda/shared/reporting/format.ts';
import { wholeFailureJson } from '../../lambda/shared/reporting/json.ts';
import type { FailureMatch } from '../../lambda/shared/reporting/search.ts';
import type { RecoveryState } from '../../lambda/shared/zencoder/model.ts';
import { type FailuresOptions, failuresOptions, selectFailures } from './failures-selection.ts';
import { toCommandFailure } from './lib/aws-errors.ts';
import { type CommandContext, CommandFailure, isEntryPoint, runCommand } from './lib/command.ts';
import { type Cell, COLUMNS, type Column, writeTable } from './lib/table.ts';
import { outputOf, resolveTarget, TARGET_HELP, type Target } from './lib/target.ts';
import type { Colour } from './lib/terminal.ts';

export const HELP = `Usage: npm run failures -- [options]

Lists uploads to your own storage that failed, newest first, with what became of the files.

Which failures (filters are combined (AND)):
  --since TIME      24h, 7d, 90m, 1d12h, or a UTC date or time such as 2026-03-15 or 2026-03-15T08:00
                    (default: the last 30 days; all, when --error, --host or --job narrows the search)
  --until TIME      same format; exclusive
  --error CLASS     Zencoder's error class, e.g. UploadAccessDeniedError
  --host HOST       host of the destination, or bucket of an s3:// destination
  --job ID          one job
  --state STATE     state of the recovery: pending, copying, recovered, lost, failed, or none

How many, and how:
  --limit N         at most N failures (default: 50 in a table, no limit with --json)
  --cursor CURSOR   continue from a previous page
  --json            one full JSON object per line

${TARGET_HELP}
Exit codes: 0 done (also when nothing was found), 1 failed, 2 not understood.

Examples:
  npm run failures -- --since 24h
  npm run failures -- --local --error UnableToResolveHostError
  npm run failures -- --since 7d --state lost --json | jq -r .jobId
`;

/** What needs attention comes first. */
const STATES = ['lost', 'failed', 'copying', 'pending', 'recovered'] as const satisfies RecoveryState[];

const COLOURS: Record<RecoveryState, Colour> = {
  lost: 'red',
  failed: 'red',
  copying: 'yellow',
  pending: 'yellow',
  recovered: 'green',
};

/**
 * The states of all files of a failure in one cell, e.g. `recovered`, `pending, 5h 12m left` or
 * `2 lost, 238 recovered`; the time is the nearest deadline of those that are open.
 */
export function recoveryCell(recoveries: readonly RecoveryRecord[], now: number): Cell {
  if (recoveries.length === 0) return { text: 'none', colour: 'dim' };
  const byState = Map.groupBy(recoveries, ({ state }) => state);
  const present = STATES.filter((state) => byState.has(state));
  const counts = present.map((state) =>
    recoveries.length === 1 ? state : `${byState.get(state)?.length ?? 0} ${state}`,
  );
  const open = recoveries.filter(({ state }) => state === 'pending' || state === 'copying');
  const deadline = Math.min(...open.map((recovery) => recovery.deadline));
  const parts = open.length === 0 ? counts : [...counts, timeLeft(deadline, now)];
  return { text: parts.join(', '), colour: COLOURS[present[0] ?? 'recovered'] };
}

/** A column of the failure itself. */
function ofFailure(column: Column<FailureMatch['failure']>): Column<FailureMatch> {
  return { ...column, cellOf: ({ failure }) => column.cellOf(failure) };
}

function columnsAt(now: number): Column<FailureMatch>[] {
  return [
    ofFailure(COLUMNS.failedAt),
    ofFailure(COLUMNS.job),
    ofFailure(COLUMNS.output),
    ofFailure(COLUMNS.role),
    { title: 'error class', maxWidth: 36, cellOf: ({ failure }) => ({ text: failure.errorClass }) },
    {
      title: 'destination',
      maxWidth: 40,
      cellOf: ({ failure }) => ({ text: failure.destinationHost ?? '-' }),
    },
    { title: 'recovery', maxWidth: 60, cellOf: ({ recoveries }) => recoveryCell(recoveries, now) },
  ];
}

/** `npm run failures`: see {@link HELP}. */
export async function failures(context: CommandContext): Promise<void> {
  const options = failuresOptions(context.argv, context.now);
  const target = await resolveTarget(options.target, context);
  const tableName = outputOf(target, 'TableName');
  const client = new DynamoDBClient(target.clientConfig('dynamodb'));
  try {
    const { ledger, unreadable } = createLedger({
      client,
      tableName,
      recordTtlDays: 0,
      now: () => context.now,
    }).withUnreadable();
    await show(ledger, options, context);
    const leftOut = unreadableLine(unreadable);
    if (leftOut !== null) await context.err.write(`${leftOut}\n`);
  } catch (error) {
    throw isTableMissing(error)
      ? new CommandFailure(`${nameOf(target, tableName)} does not exist in this account`)
      : toCommandFailure(error, target.name);
  } finally {
    client.destroy();
  }
}

async function show(ledger: Ledger, options: FailuresOptions, context: CommandContext): Promise<void> {
  const { out, err, now } = context;
  const page = pageOf(selectFailures(ledger, options), options.limit);
  if (options.json) {
    for await (const found of page.records) await out.write(`${JSON.stringify(wholeFailureJson(found))}\n`);
  } else {
    const count = await writeTable(out, columnsAt(now), page.records);
    if (count === 0) await err.write(`No failed uploads ${spanOf(options)}.\n`);
  }
  const last = page.more();
  if (last !== undefined && options.jobId === undefined) {
    await err.write(`There are more: add --cursor ${cursorAt(afterFailure(last.failure))}\n`);
  }
}

/** At most `limit` records; `more` is afterwards the last one given if there are others, else undefined. */
function pageOf<T>(records: AsyncIterable<T>, limit: number) {
  let stoppedAt: T | undefined;
  async function* first(): AsyncGenerator<T> {
    let last: T | undefined;
    let count = 0;
    for await (const record of records) {
      if (count === limit) {
        stoppedAt = last;
        return;
      }
      last = record;
      count++;
      yield record;
    }
  }
  return { records: first(), more: () => stoppedAt };
}

function spanOf({ since, until, jobId, errorClass, host }: FailuresOptions): string {
  if (since !== undefined || until !== undefined) {
    const from = since === undefined ? '' : `since ${utcSeconds(since)}`;
    const to = until === undefined ? '' : `before ${utcSeconds(until)}`;
    return `${[from, to].filter((part) => part !== '').join(' and ')} UTC`;
  }
  const isNarrow = jobId !== undefined || errorClass !== undefined || host !== undefined;
  return isNarrow
    ? 'of this kind'
    : `in the last ${DEFAULT_LOOK_BACK_DAYS} days (--since looks further back)`;
}

function isTableMissing(error: unknown): boolean {
  return error instanceof Error && error.name === 'ResourceNotFoundException';
}

function nameOf(target: Target, tableName: string): string {
  return target.name.startsWith('table') ? target.name : `table ${tableName} of ${target.name}`;
}

if (isEntryPoint(import.meta)) await runCommand('failures', HELP, failures);
