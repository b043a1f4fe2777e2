import { DAY_MS } from '../runtime/durations.ts';
import { RecoveryError } from '../runtime/errors.ts';
import type { RecoveryState } from '../zencoder/model.ts';
import { parseFailure, parseRecovery } from './items.ts';
import type { PrimaryFailureRecord, RecoveryRecord } from './records.ts';
import { countPartitions, type Partition, type Range, readPartitions } from './shard-queries.ts';
import {
  dayOf,
  failedAtKey,
  INDEXES,
  isoTime,
  type LedgerTable,
  shardPartitions,
  startOfDay,
  stateGroupOf,
  stateIndexKeys,
} from './table.ts';
import { readable } from './unreadable.ts';

/** A cursor that this code did not make. */
export class InvalidCursor extends RecoveryError {
  override readonly name = 'InvalidCursor';
  override readonly category = 'invalid-input';
}

/** One page of an answer and where the next begins. */
export interface Page<T> {
  readonly items: readonly T[];
  /** Opaque text for URLs; absent on the last page. */
  readonly cursor?: string;
}

const SORT_KEY =
  /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z(?:#\d{1,20}){2}#(?:media|thumbnail)(?:#[0-9a-f]{1,64})?$/;

/**
 * Takes one page off a query.
 *
 * @param after gives a record's sort key: `afterFailure` or `afterRecovery`.
 * @example
 * const span = { now, after: sortKeyOf(cursor), expected: 50 };
 * const page = await takePage(failuresByTime(table, span), 50, afterFailure);
 */
export async function takePage<T>(
  records: AsyncIterable<T>,
  limit: number,
  after: (record: T) => string,
): Promise<Page<T>> {
  const items: T[] = [];
  for await (const record of records) {
    const last = items.at(-1);
    if (items.length >= limit && last !== undefined) return { items, cursor: cursorAt(after(last)) };
    items.push(record);
  }
  return { items };
}

/** A cursor behind the record with this sort key: base64url, so that it fits into a URL as it is. */
export function cursorAt(sortKey: string): string {
  return Buffer.from(sortKey).toString('base64url');
}

/**
 * The sort key that a cursor stands for; undefined without a cursor.
 *
 * @throws {InvalidCursor}
 */
export function sortKeyOf(cursor: string | undefined): string | undefined {
  if (cursor === undefined) return undefined;
  const sortKey = Buffer.from(cursor, 'base64url').toString();
  if (
    !SORT_KEY.test(sortKey) ||
    Number.isNaN(Date.parse(sortKey.slice(0, 24))) ||
    cursorAt(sortKey) !== cursor
  ) {
    throw new InvalidCursor('the cursor is not one that an earlier page gave');
  }
  return sortKey;
}

/**
 * Ways to look records up. Each is lazy: it reads a page of every shard when it begins and further pages as they are
 * consumed, so a caller may stop at any time, and memory is bounded by a page a shard.
 *
 * A cursor is the index sort key of the last record that was taken, see `page.ts`; it stays valid when records come
 * and go. Items that cannot be read are left out, see `unreadable.ts`. Cost: one Query a page and shard, half a read unit for each 4 KB. Index reads are eventually consistent.
 */

const MAX_DAYS_AT_ONCE = 8;

/** How far back {@link failuresByTime} looks without `since`: it has to stop somewhere in an empty ledger. */
export const DEFAULT_LOOK_BACK_DAYS = 30;

/** A span of time and where to go on in it. */
export interface TimeSpan {
  /** Epoch milliseconds, included. */
  readonly since?: number | undefined;
  /** Epoch milliseconds, excluded; a day ahead when absent, since Zencoder's clock may be ahead of ours. */
  readonly until?: number | undefined;
  /** Sort key of the last record taken. */
  readonly after?: string | undefined;
  /** How many records are wanted at first; sizes the pages that are read, not the answer. */
  readonly expected?: number | undefined;
  /** The present, epoch milliseconds. */
  readonly now: number;
}

/**
 * Primary failures newest first, across days. Without `since` it looks back {@link DEFAULT_LOOK_BACK_DAYS} days from
 * `until`. Days without a failure cost eight empty Queries each, read up to eight days at once.
 */
export async function* failuresByTime(
  table: LedgerTable,
  span: TimeSpan,
): AsyncGenerator<PrimaryFailureRecord> {
  const until = span.until ?? span.now + DAY_MS;
  const since = span.since ?? until - DEFAULT_LOOK_BACK_DAYS * DAY_MS;
  const range = newestFirst({ ...span, since, until });
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
  table: LedgerTable,
  errorClass: string,
  span: TimeSpan,
): AsyncGenerator<PrimaryFailureRecord> {
  return failuresIn(table, partitionsOf('failuresByClass', errorClass), span);
}

/** Primary failures of one destination host (or bucket, of an `s3://` destination), newest first. */
export function failuresByHost(
  table: LedgerTable,
  host: string,
  span: TimeSpan,
): AsyncGenerator<PrimaryFailureRecord> {
  return failuresIn(table, partitionsOf('failuresByHost', host.toLowerCase()), span);
}

/** How many primary failures of an error class there are in a span of time, without reading them out. */
export async function countFailuresByClass(
  table: LedgerTable,
  errorClass: string,
  span: TimeSpan,
): Promise<number> {
  return await countPartitions(table, partitionsOf('failuresByClass', errorClass), newestFirst(span));
}

/** Which open recoveries are meant. */
export interface OpenSpan {
  /** Only those whose deadline is then or later, epoch milliseconds. */
  readonly deadlineFrom?: number | undefined;
  /** Only those whose deadline is before, epoch milliseconds. */
  readonly deadlineBefore?: number | undefined;
  readonly after?: string | undefined;
  readonly expected?: number | undefined;
}

/** Recoveries that are `pending` or `copying`, the nearest deadline first. */
export async function* openRecoveriesByDeadline(
  table: LedgerTable,
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
export async function countOpenRecoveries(table: LedgerTable, span: OpenSpan = {}): Promise<number> {
  return await countPartitions(table, partitionsOf('recoveriesByState', 'OPEN'), byDeadline(span));
}

/**
 * Recoveries in one state: settled ones by the time they were settled, newest first, within the span; `pending` and
 * `copying` ones by deadline, whatever the span (both are read, since they share an index partition).
 */
export async function* recoveriesByState(
  table: LedgerTable,
  state: RecoveryState,
  span: TimeSpan,
): AsyncGenerator<RecoveryRecord> {
  const group = stateGroupOf(state);
  const range =
    group === 'OPEN' ? byDeadline({ after: span.after, expected: span.expected }) : newestFirst(span);
  for await (const item of readPartitions(table, partitionsOf('recoveriesByState', group), range)) {
    for (const recovery of readable(table, parseRecovery, item)) {
      if (recovery.state === state) yield recovery;
    }
  }
}

/** Where {@link failuresByTime} and its like go on after this record. */
export function afterFailure(failure: PrimaryFailureRecord): string {
  return failedAtKey(failure);
}

/** Where {@link recoveriesByState} and {@link openRecoveriesByDeadline} go on after this record. */
export function afterRecovery(recovery: RecoveryRecord): string {
  return stateIndexKeys(recovery).stateKey;
}

async function* failuresIn(
  table: LedgerTable,
  partitions: readonly Partition[],
  span: TimeSpan,
): AsyncGenerator<PrimaryFailureRecord> {
  for await (const item of readPartitions(table, partitions, newestFirst(span))) {
    yield* readable(table, parseFailure, item);
  }
}

function partitionsOf(index: keyof typeof INDEXES, name: string): Partition[] {
  return shardPartitions(name).map((value) => ({ index: INDEXES[index], value }));
}

function newestFirst({ since = 0, until, after, expected, now }: TimeSpan): Range {
  // A sort key is longer than the time it begins with, so `low` is included and `high` is not.
  return { low: isoTime(since), high: isoTime(until ?? now + DAY_MS), newestFirst: true, after, expected };
}

function byDeadline({ deadlineFrom = 0, deadlineBefore, after, expected }: OpenSpan): Range {
  const high = deadlineBefore === undefined ? LAST : isoTime(deadlineBefore);
  return { low: isoTime(deadlineFrom), high, newestFirst: false, after, expected };
}

/** Sorts behind every time. */
const LAST = '~';

function daysBefore(end: number, days: number, since: number): string[] {
  return Array.from({ length: days }, (_, index) => end - (index + 1) * DAY_MS)
    .filter((start) => start >= startOfDay(since))
    .map(dayOf);
}
