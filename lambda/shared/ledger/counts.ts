import { unmarshall } from '@aws-sdk/util-dynamodb';
import * as v from 'valibot';
import { DAY_MS } from '../runtime/durations.ts';
import type { Item } from './items.ts';
import { pagesOf } from './shard-queries.ts';
import {
  dayOf,
  INDEXES,
  isoTime,
  LedgerItemNotUnderstood,
  type StateGroup,
  shardPartitions,
  startOfDay,
  type Table,
} from './table.ts';
import { readable } from './unreadable.ts';

/**
 * Counts over spans of time. Each reads a bounded number of pages of 1 MB (about a thousand records) and says whether
 * that was enough, so that a count takes about a second whatever the ledger holds.
 */

const DAYS_AT_ONCE = 4;

/** Pages that {@link countFailures} reads at most: half a million failures, or 90 days without any. */
const MAX_FAILURE_PAGES = 800;

/** Pages that {@link countRecoveries} reads of each shard at most. */
const MAX_COUNT_PAGES = 4;

/** A primary failure as far as charts need it. */
export interface FailurePoint {
  readonly errorClass: string;
  /** Epoch milliseconds. */
  readonly failedAt: number;
}

/** How far a count came. */
export interface CountedSpan {
  /** False when there is more than the bound lets read. */
  readonly isComplete: boolean;
  /** Epoch milliseconds from which on everything was visited. */
  readonly since: number;
}

/** Epoch milliseconds. */
export interface CountSpan {
  /** Included. */
  readonly since: number;
  /** Excluded. */
  readonly until: number;
}

/** A count that may have stopped at a bound. */
export interface BoundedCount {
  readonly count: number;
  readonly isComplete: boolean;
}

const point = v.object({
  errorClass: v.string(),
  failedAtKey: v.pipe(
    v.string(),
    v.transform((key) => Date.parse(key.slice(0, 24))),
    v.safeInteger(),
  ),
});

/**
 * Shows every primary failure of a span to `visit`, class and time only, newest day first.
 *
 * Cost: eight Queries a day of the span (more for days with thousands of failures), four days side by side, half a
 * read unit for each 4 KB of records; at most {@link MAX_FAILURE_PAGES} Queries, rounded up to whole days. Days that the
 * bound leaves no room for are not visited at all.
 */
export async function countFailures(
  table: Table,
  span: CountSpan,
  visit: (point: FailurePoint) => void,
  maxPages: number = MAX_FAILURE_PAGES,
): Promise<CountedSpan> {
  const budget = { pages: maxPages };
  let end = startOfDay(Math.max(span.since, span.until - 1)) + DAY_MS;
  while (end > span.since) {
    const days = Array.from({ length: DAYS_AT_ONCE }, (_, index) => end - (index + 1) * DAY_MS).filter(
      (start) => start + DAY_MS > span.since,
    );
    const found = await Promise.all(days.map((day) => pointsOfDay(table, day, span, budget)));
    for (const points of found) {
      if (points === null) return { isComplete: false, since: end };
      for (const each of points) visit(each);
      end -= DAY_MS;
    }
  }
  return { isComplete: true, since: span.since };
}

/**
 * How many recoveries are open with a deadline within the span, or were settled within it.
 *
 * Cost: eight Queries, at most {@link MAX_COUNT_PAGES} for each shard; one number crosses the network for each.
 */
export async function countRecoveries(
  table: Table,
  group: StateGroup,
  span: CountSpan,
): Promise<BoundedCount> {
  const counts = await Promise.all(
    shardPartitions(group).map(async (value) => {
      const partition = { index: INDEXES.recoveriesByState, value };
      const pages = pagesOf(table, partition, rangeOf(span), { Select: 'COUNT' });
      let count = 0;
      for (let read = 0; read < MAX_COUNT_PAGES; read++) {
        const { value, done } = await pages.next();
        if (done === true) return { count, isComplete: true };
        count += value.Count ?? 0;
        if (value.LastEvaluatedKey === undefined) return { count, isComplete: true };
      }
      return { count, isComplete: false };
    }),
  );
  return {
    count: counts.reduce((sum, { count }) => sum + count, 0),
    isComplete: counts.every(({ isComplete }) => isComplete),
  };
}

/** All of a day, or null when the budget did not last. */
async function pointsOfDay(
  table: Table,
  day: number,
  span: CountSpan,
  budget: { pages: number },
): Promise<FailurePoint[] | null> {
  const shards = await Promise.all(
    shardPartitions(dayOf(day)).map(async (value) => {
      const points: FailurePoint[] = [];
      const options = { ProjectionExpression: 'pk, sk, errorClass, failedAtKey' };
      if (budget.pages <= 0) return null;
      const partition = { index: INDEXES.failuresByDay, value };
      for await (const { Items = [], LastEvaluatedKey } of pagesOf(
        table,
        partition,
        rangeOf(span),
        options,
      )) {
        budget.pages -= 1;
        for (const item of Items) points.push(...readable(table, pointOf, unmarshall(item)));
        if (LastEvaluatedKey !== undefined && budget.pages <= 0) return null;
      }
      return points;
    }),
  );
  return shards.some((shard) => shard === null) ? null : shards.flatMap((shard) => shard ?? []);
}

function pointOf(item: Item): FailurePoint {
  const { success, output, issues } = v.safeParse(point, item);
  if (success) return { errorClass: output.errorClass, failedAt: output.failedAtKey };
  const attributes = issues.map((issue) => v.getDotPath(issue) ?? '(the item)');
  throw new LedgerItemNotUnderstood({ pk: String(item.pk), sk: String(item.sk) }, attributes);
}

/** The sort keys of a span. One is longer than the time it begins with, so `low` is included and `high` is not. */
function rangeOf({ since, until }: CountSpan): { low: string; high: string } {
  return { low: isoTime(since), high: isoTime(until) };
}
