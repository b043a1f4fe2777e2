import { DAY_MS } from '../runtime/durations.ts';
import type { RecoveryState } from '../zencoder/model.ts';
import { parseFailure, parseRecovery } from './items.ts';
import type { PrimaryFailureRecord, RecoveryRecord } from './records.ts';
import { countPartitions, type Partition, readPartitions } from './shard-queries.ts';
import { byDeadline, DEFAULT_LOOK_BACK_DAYS, newestFirst, type OpenSpan, type TimeSpan } from './spans.ts';
import { dayOf, INDEXES, shardPartitions, startOfDay, stateGroupOf, type Table } from './table.ts';
import { readable } from './unreadable.ts';

/**
 * Ways to look records up. Each is lazy: it reads a page of every shard when it begins and further pages as they are
 * consumed, so a caller may stop at any time, and memory is bounded by a page a shard.
 *
 * A cursor is the index sort key of the last record that was taken, see `paging.ts`; it stays valid when records come
 * and go. Items that cannot be read are left out, see `unreadable.ts`.
 *
 * Cost: one Query a page and shard, half a read unit for each 4 KB. Index reads are eventually consistent.
 */

const MAX_DAYS_AT_ONCE = 8;

/**
 * Primary failures newest first, across days. Without `since` it looks back {@link DEFAULT_LOOK_BACK_DAYS} days from
 * `until`. Days without a failure cost eight empty Queries each, read up to eight days at once.
 */
export async function* failuresByTime(
  table: Table,
  span: TimeSpan = {},
): AsyncGenerator<PrimaryFailureRecord> {
  const now = table.now();
  const until = span.until ?? now + DAY_MS;
  const since = span.since ?? until - DEFAULT_LOOK_BACK_DAYS * DAY_MS;
  const range = newestFirst({ ...span, since, until }, now);
  const resumed = span.after === undefined ? until : Math.min(until, Date.parse(span.after.slice(0, 24)) + 1);
  let end = startOfDay(Math.max(0, resumed - 1)) + DAY_MS;
  // The first step takes today along with tomorrow, which is usually empty.
  let days = span.after === undefined ? 2 : 1;
  while (end > Math.max(0, since)) {
    const partitions = daysBefore(end, days, since).flatMap((day) => partitionsOf('failuresByDay', day));
    let found = false;
    for await (const item of readPartitions(table, partitions, range)) {
      found = true;
      yield* readable(table, parseFailure, item);
    }
    end -= days * DAY_MS;
    // Wider and wider steps through empty times, single days again where there is something.
    days = found ? 1 : Math.min(days * 2, MAX_DAYS_AT_ONCE);
  }
}

/** Primary failures of one error class, newest first; all of them without `since`. */
export function failuresByClass(
  table: Table,
  errorClass: string,
  span: TimeSpan = {},
): AsyncGenerator<PrimaryFailureRecord> {
  return failuresIn(table, partitionsOf('failuresByClass', errorClass), span);
}

/** Primary failures of one destination host (or bucket, of an `s3://` destination), newest first. */
export function failuresByHost(
  table: Table,
  host: string,
  span: TimeSpan = {},
): AsyncGenerator<PrimaryFailureRecord> {
  return failuresIn(table, partitionsOf('failuresByHost', host.toLowerCase()), span);
}

/** How many primary failures of an error class there are in a span of time, without reading them out. */
export async function countFailuresByClass(
  table: Table,
  errorClass: string,
  span: TimeSpan = {},
): Promise<number> {
  return await countPartitions(
    table,
    partitionsOf('failuresByClass', errorClass),
    newestFirst(span, table.now()),
  );
}

/** Recoveries that are `pending` or `copying`, the nearest deadline first. */
export async function* openRecoveriesByDeadline(
  table: Table,
  span: OpenSpan = {},
): AsyncGenerator<RecoveryRecord> {
  for await (const item of readPartitions(
    table,
    partitionsOf('recoveriesByState', 'OPEN'),
    byDeadline(span),
  )) {
    yield* readable(table, parseRecovery, item);
  }
}

/** How many recoveries are open, or open with a deadline in a span of time; those that cannot be read count, too. */
export async function countOpenRecoveries(table: Table, span: OpenSpan = {}): Promise<number> {
  return await countPartitions(table, partitionsOf('recoveriesByState', 'OPEN'), byDeadline(span));
}

/**
 * Recoveries in one state: settled ones by the time they were settled, newest first, within the span; `pending` and
 * `copying` ones by deadline, whatever the span (both are read, since they share an index partition).
 */
export async function* recoveriesByState(
  table: Table,
  state: RecoveryState,
  span: TimeSpan = {},
): AsyncGenerator<RecoveryRecord> {
  const group = stateGroupOf(state);
  const range =
    group === 'OPEN'
      ? byDeadline({ after: span.after, expected: span.expected })
      : newestFirst(span, table.now());
  for await (const item of readPartitions(table, partitionsOf('recoveriesByState', group), range)) {
    for (const recovery of readable(table, parseRecovery, item)) {
      if (recovery.state === state) yield recovery;
    }
  }
}

async function* failuresIn(
  table: Table,
  partitions: readonly Partition[],
  span: TimeSpan = {},
): AsyncGenerator<PrimaryFailureRecord> {
  for await (const item of readPartitions(table, partitions, newestFirst(span, table.now()))) {
    yield* readable(table, parseFailure, item);
  }
}

function partitionsOf(index: keyof typeof INDEXES, name: string): Partition[] {
  return shardPartitions(name).map((value) => ({ index: INDEXES[index], value }));
}

function daysBefore(end: number, days: number, since: number): string[] {
  return Array.from({ length: days }, (_, index) => end - (index + 1) * DAY_MS)
    .filter((start) => start >= startOfDay(since))
    .map(dayOf);
}
