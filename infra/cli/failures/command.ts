import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { LedgerTable } from '../../../lambda/shared/ledger/ledger-table.ts';
import { cursorAt } from '../../../lambda/shared/ledger/page.ts';
import { afterFailure, DEFAULT_LOOK_BACK_DAYS } from '../../../lambda/shared/ledger/queries.ts';
import { noting, unreadableLine } from '../../../lambda/shared/ledger/unreadable.ts';
import { type CommandContext, CommandFailure } from '../command.ts';
import { writeTable } from '../table.ts';
import { explained, outputOf, resolveTarget, type Target } from '../target.ts';
import { utc } from '../time.ts';
import { jsonOf } from './json.ts';
import { type FailuresOptions, failuresOptions } from './options.ts';
import { COLUMNS, rowOf } from './rows.ts';
import { type FailureWithRecoveries, selectFailures } from './select.ts';

/** `npm run failures`: see its help in `options.ts`. */
export async function failures(context: CommandContext): Promise<void> {
  const options = failuresOptions(context.argv, context.now);
  const target = await resolveTarget(options.target);
  const tableName = outputOf(target, 'TableName');
  const client = new DynamoDBClient(target.clientConfig('dynamodb'));
  try {
    const { table, unreadable } = noting({ client, tableName, recordTtlDays: 0 });
    await show(table, options, context);
    const leftOut = unreadableLine(unreadable);
    if (leftOut !== null) await context.err.write(`${leftOut}\n`);
  } catch (error) {
    throw isTableMissing(error)
      ? new CommandFailure(`${nameOf(target, tableName)} does not exist in this account and region`)
      : explained(error);
  } finally {
    client.destroy();
  }
}

async function show(table: LedgerTable, options: FailuresOptions, context: CommandContext): Promise<void> {
  const { out, err, now } = context;
  const page = pageOf(selectFailures(table, options, now), options.limit);
  if (options.json) {
    for await (const found of page.records) await out.write(`${JSON.stringify(jsonOf(found))}\n`);
  } else {
    const count = await writeTable(out, COLUMNS, rows(page.records, now));
    if (count === 0) await err.write(`No failed uploads ${spanOf(options)}.\n`);
  }
  const last = page.more();
  if (last !== undefined && options.jobId === undefined) {
    await err.write(`There are more: add --cursor ${cursorAt(afterFailure(last.failure))}\n`);
  }
}

async function* rows(found: AsyncIterable<FailureWithRecoveries>, now: number) {
  for await (const one of found) yield rowOf(one, now);
}

/** At most so many records; `more` tells afterwards, by the last one given, whether there are others. */
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
    const from = since === undefined ? '' : `since ${utc(since)}`;
    const to = until === undefined ? '' : `before ${utc(until)}`;
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
