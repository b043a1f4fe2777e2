import type { FailureSighting } from '../../shared/ledger/tallies.ts';

const HOUR = 60 * 60 * 1000;
const DAY = 24 * HOUR;

/** Classes that get a colour of their own; the others share one. */
export const MOST_SERIES = 6;
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
  if (milliseconds <= 2 * DAY) return HOUR;
  if (milliseconds <= 8 * DAY) return 6 * HOUR;
  return milliseconds <= 120 * DAY ? DAY : 7 * DAY;
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

  add({ errorClass, failedAt }: FailureSighting): void {
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
    const isTooMany = names.length > MOST_SERIES;
    const own = isTooMany ? names.slice(0, MOST_SERIES - 1) : names;
    const groups = own.map((name) => [name]);
    if (isTooMany) groups.push(names.slice(MOST_SERIES - 1));
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
