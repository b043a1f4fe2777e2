import { DAY_MS } from '../runtime/durations.ts';
import type { SortKeyRange } from './shard-queries.ts';
import { isoTime } from './table.ts';

/** Spans of time that a query covers, and the range of sort keys that each stands for. */

/** How far back {@link failuresByTime} looks without `since`: it has to stop somewhere in an empty ledger. */
export const DEFAULT_LOOK_BACK_DAYS = 30;

/** A span of time and where to continue in it. */
export interface TimeSpan {
  /** Epoch milliseconds, included. */
  readonly since?: number | undefined;
  /** Epoch milliseconds, excluded; a day ahead when absent, since Zencoder's clock may be ahead of ours. */
  readonly until?: number | undefined;
  /** Sort key of the last record taken. */
  readonly after?: string | undefined;
  /** How many records are wanted at first; sizes the pages that are read, not the result. */
  readonly expected?: number | undefined;
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

/** @param now epoch milliseconds. */
export function newestFirst({ since = 0, until, after, expected }: TimeSpan, now: number): SortKeyRange {
  // A sort key is longer than the time it begins with, so `low` is included and `high` is not.
  return { low: isoTime(since), high: isoTime(until ?? now + DAY_MS), newestFirst: true, after, expected };
}

/** The range of open recoveries. */
export function byDeadline({ deadlineFrom = 0, deadlineBefore, after, expected }: OpenSpan): SortKeyRange {
  const high = deadlineBefore === undefined ? LAST : isoTime(deadlineBefore);
  return { low: isoTime(deadlineFrom), high, newestFirst: false, after, expected };
}

/** Sorts behind every time. */
const LAST = '~';
