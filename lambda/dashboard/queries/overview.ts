import type { LedgerTable } from '../../shared/ledger/ledger-table.ts';
import { type RefusalCount, readRefusals } from '../../shared/ledger/refusals.ts';
import {
  type BoundedCount,
  countRecoveries,
  type Tally,
  tallyFailures,
} from '../../shared/ledger/tallies.ts';
import { type Attention, needsAPerson } from './attention.ts';
import { ChartCounter, type ChartData } from './chart-data.ts';
import type { FailureFilters, ListRequest } from './filters.ts';
import { type FailurePage, searchFailures } from './search-failures.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
/** No open recovery has a deadline further ahead than this. */
const FAR_MS = 30 * DAY_MS;

/** All that the overview shows. */
export interface OverviewData {
  readonly chart: ChartData;
  readonly tally: Tally;
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
  table: LedgerTable,
  { request, now, atRiskMs }: OverviewRequest,
): Promise<OverviewData> {
  const { since, until } = request.filters;
  const span = { since, until: Math.min(until, now + DAY_MS) };
  const counter = new ChartCounter(since, Math.min(until, now + 1));
  const [tally, attention, failures, open, atRisk, recovered, lost, refused] = await Promise.all([
    tallyFailures(table, span, (sighting) => counter.add(sighting)),
    needsAPerson(table, { now, atRiskMs }),
    searchFailures(table, request, now),
    countRecoveries(table, 'OPEN', { since: 0, until: now + FAR_MS }),
    countRecoveries(table, 'OPEN', { since: now, until: now + atRiskMs }),
    countRecoveries(table, 'RECOVERED', span),
    countRecoveries(table, 'LOST', span),
    readRefusals(table, now - DAY_MS, now),
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
