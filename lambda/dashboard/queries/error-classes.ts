import type { LedgerTable } from '../../shared/ledger/ledger-table.ts';
import { type Tally, tallyFailures } from '../../shared/ledger/tallies.ts';
import { UPLOAD_ERRORS, type UploadErrorKind } from '../../shared/upload-error.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

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
  readonly tally: Tally;
}

/** Every known class of upload error and every one that was met, with counts. Reads as `tallyFailures` of 30 days. */
export async function errorClasses(table: LedgerTable, now: number): Promise<ErrorClasses> {
  const seen = new Map<string, { day: number; week: number; month: number; last: number }>();
  const span = { since: now - COUNTED_DAYS * DAY_MS, until: now + DAY_MS };
  const tally = await tallyFailures(table, span, ({ errorClass, failedAt }) => {
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
