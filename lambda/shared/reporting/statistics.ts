import type { BoundedCount, CountedSpan, FailurePoint } from '../ledger/counts.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { RefusalCount } from '../ledger/refusals.ts';
import { DAY_MS, HOUR_MS } from '../runtime/durations.ts';
import { UPLOAD_ERRORS, type UploadErrorKind } from '../zencoder/upload-errors.ts';
import { type Attention, findNeedsAttention } from './attention.ts';
import type { FailureFilters, ListRequest } from './filters.ts';
import { type FailurePage, searchFailures } from './search.ts';

/** Classes that get a colour of their own; the others share one. */
export const MAX_SERIES = 6;
/** Stands for the classes that are not shown on their own. */
export const OTHER_CLASSES = 'Other classes';

/** One column of the chart. Times are epoch milliseconds; `end` is excluded. */
export interface Bucket {
  readonly start: number;
  readonly end: number;
  /** One count for each series, in their order. */
  readonly counts: readonly number[];
}

/** Failed primaries over time, by error class. */
export interface ChartData {
  /** Names of the classes, the most frequent first; perhaps {@link OTHER_CLASSES} at the end. */
  readonly series: readonly string[];
  readonly totals: readonly number[];
  readonly buckets: readonly Bucket[];
  readonly total: number;
  /** Width of a column. */
  readonly step: number;
}

/** Width of the columns for a span: hours up to two days, six hours up to eight, else days (or weeks past 120 days). */
export function stepFor(milliseconds: number): number {
  if (milliseconds <= 2 * DAY_MS) return HOUR_MS;
  if (milliseconds <= 8 * DAY_MS) return 6 * HOUR_MS;
  return milliseconds <= 120 * DAY_MS ? DAY_MS : 7 * DAY_MS;
}

/** Counts failures into columns that begin at whole steps of UTC. */
export class ChartCounter {
  readonly #since: number;
  readonly #until: number;
  readonly #step: number;
  readonly #counts = new Map<string, Map<number, number>>();

  /** Epoch milliseconds; `until` is excluded. */
  constructor(since: number, until: number) {
    this.#step = stepFor(until - since);
    this.#since = Math.floor(since / this.#step) * this.#step;
    this.#until = until;
  }

  add({ errorClass, failedAt }: FailurePoint): void {
    const start = Math.floor(failedAt / this.#step) * this.#step;
    const counts = this.#counts.get(errorClass) ?? new Map<number, number>();
    counts.set(start, (counts.get(start) ?? 0) + 1);
    this.#counts.set(errorClass, counts);
  }

  /** The classes that were seen, with how often. */
  get classes(): ReadonlyMap<string, number> {
    return new Map([...this.#counts].map(([name, counts]) => [name, sum(counts.values())]));
  }

  data(): ChartData {
    const ranked = [...this.classes].toSorted((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
    const names = ranked.map(([name]) => name);
    const isTooMany = names.length > MAX_SERIES;
    const own = isTooMany ? names.slice(0, MAX_SERIES - 1) : names;
    const groups = own.map((name) => [name]);
    if (isTooMany) groups.push(names.slice(MAX_SERIES - 1));
    const starts = Array.from(
      { length: Math.ceil((this.#until - this.#since) / this.#step) },
      (_, index) => this.#since + index * this.#step,
    );
    const buckets = starts.map((start) => ({
      start,
      end: start + this.#step,
      counts: groups.map((group) => sum(group.map((name) => this.#counts.get(name)?.get(start) ?? 0))),
    }));
    const totals = groups.map((_, index) => sum(buckets.map(({ counts }) => counts[index] ?? 0)));
    return {
      series: isTooMany ? [...own, OTHER_CLASSES] : own,
      totals,
      buckets,
      total: sum(totals),
      step: this.#step,
    };
  }
}

function sum(numbers: Iterable<number>): number {
  let total = 0;
  for (const each of numbers) total += each;
  return total;
}

/** How far back the list of classes counts, in days. */
export const COUNTED_DAYS = 30;

/** A class of upload error and how often it was met. */
export interface ErrorClassView {
  readonly errorClass: string;
  /** What is known of it; null for a class that Zencoder's own list lacks. */
  readonly kind: UploadErrorKind | null;
  readonly lastDay: number;
  readonly lastWeek: number;
  readonly lastMonth: number;
  /** Epoch milliseconds; null when it was not seen in {@link COUNTED_DAYS} days. */
  readonly lastSeenAt: number | null;
}

/** All classes with what the counts are worth. */
export interface ErrorClasses {
  /** The most frequent first, then as Zencoder lists them. */
  readonly items: readonly ErrorClassView[];
  readonly tally: CountedSpan;
}

/** Every known class of upload error and every recorded one, with counts. Reads as `countFailures` of 30 days. */
export async function errorClasses(ledger: Ledger, now: number): Promise<ErrorClasses> {
  const seen = new Map<string, { day: number; week: number; month: number; last: number }>();
  const span = { since: now - COUNTED_DAYS * DAY_MS, until: now + DAY_MS };
  const tally = await ledger.queries.countFailures(span, ({ errorClass, failedAt }) => {
    const counts = seen.get(errorClass) ?? { day: 0, week: 0, month: 0, last: 0 };
    counts.month += 1;
    if (failedAt >= now - 7 * DAY_MS) counts.week += 1;
    if (failedAt >= now - DAY_MS) counts.day += 1;
    counts.last = Math.max(counts.last, failedAt);
    seen.set(errorClass, counts);
  });
  const kinds = new Map<string, UploadErrorKind | null>(UPLOAD_ERRORS.map((kind) => [kind.errorClass, kind]));
  for (const errorClass of seen.keys()) if (!kinds.has(errorClass)) kinds.set(errorClass, null);
  const items = [...kinds].map(([errorClass, kind]) => {
    const counts = seen.get(errorClass);
    return {
      errorClass,
      kind,
      lastDay: counts?.day ?? 0,
      lastWeek: counts?.week ?? 0,
      lastMonth: counts?.month ?? 0,
      lastSeenAt: counts?.last ?? null,
    };
  });
  // A stable sort: those that were never met stay in the order of the catalogue.
  return { items: items.toSorted((a, b) => b.lastMonth - a.lastMonth), tally };
}

/** No open recovery has a deadline further ahead than this. */
const FAR_MS = 30 * DAY_MS;

/** All that the overview shows. */
export interface OverviewData {
  readonly chart: ChartData;
  readonly tally: CountedSpan;
  /** Every class that was met in the span. */
  readonly classes: readonly string[];
  readonly attention: Attention;
  readonly failures: FailurePage;
  readonly open: BoundedCount;
  readonly atRisk: BoundedCount;
  readonly recovered: BoundedCount;
  readonly lost: BoundedCount;
  /** Notifications that ingest refused in the last 24 hours, by status code. */
  readonly refused: readonly RefusalCount[];
}

export interface OverviewRequest {
  readonly request: ListRequest<FailureFilters>;
  /** Epoch milliseconds. */
  readonly now: number;
  /** Time left from which an open recovery is at risk, milliseconds. */
  readonly atRiskMs: number;
}

/** Reads the overview, all parts side by side; each part states its own bound. */
export async function readOverview(
  ledger: Ledger,
  { request, now, atRiskMs }: OverviewRequest,
): Promise<OverviewData> {
  const { since, until } = request.filters;
  const span = { since, until: Math.min(until, now + DAY_MS) };
  const counter = new ChartCounter(since, Math.min(until, now + 1));
  const [tally, attention, failures, open, atRisk, recovered, lost, refused] = await Promise.all([
    ledger.queries.countFailures(span, (sighting) => counter.add(sighting)),
    findNeedsAttention(ledger, { now, atRiskMs }),
    searchFailures(ledger, request),
    ledger.queries.countRecoveries('OPEN', { since: 0, until: now + FAR_MS }),
    ledger.queries.countRecoveries('OPEN', { since: now, until: now + atRiskMs }),
    ledger.queries.countRecoveries('RECOVERED', span),
    ledger.queries.countRecoveries('LOST', span),
    ledger.refusals.readSince(now - DAY_MS),
  ]);
  const classes = [...counter.classes.keys()].toSorted();
  return {
    chart: counter.data(),
    tally,
    classes,
    attention,
    failures,
    open,
    atRisk,
    recovered,
    lost,
    refused,
  };
}

const WHAT_TO_DO: Readonly<Record<number, string>> = {
  400: 'the body is no notification: look at what posts to this URL',
  401: 'the username or password is wrong: give Zencoder the URL that npm run notification-url prints',
  404: 'the path is wrong: give Zencoder the URL that npm run notification-url prints',
  413: 'the body is too large: notify by output, not by job',
  415: 'the body is not JSON: leave "format" out of the notification settings',
};

/** The action required for notifications that are refused with a status. */
export function whatToDoAbout(status: number): string {
  return WHAT_TO_DO[status] ?? 'see the logs of the ingest function';
}
