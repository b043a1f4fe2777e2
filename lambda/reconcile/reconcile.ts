import { reportingUnreadable } from '../shared/ledger/unreadable-reports.ts';
import type { ReconcileDependencies } from './dependencies.ts';
import { findMissed, type ScanSummary } from './missed-outputs.ts';
import { type OpenSummary, reconcileOpen } from './open-recoveries.ts';
import { type OwedSummary, publishOwedEvents } from './owed-events.ts';

/** Left at the end of an invocation for the response to a last request and for the last writes. */
const WIND_UP_MS = 45_000;

/** Spent on owed events at most, so that time is left for the jobs. */
const PUBLISHING_MS = 60_000;

/** The result of a run; safe to log. */
export interface ReconcileSummary {
  readonly recoveries: OpenSummary;
  readonly events: OwedSummary;
  /** Null when there is no API key. */
  readonly jobs: ScanSummary | null;
}

/**
 * One run: the open recoveries first, since they may be at risk, then the events that are owed, then with an API key the
 * jobs at Zencoder.
 *
 * Records that cannot be read are left alone, logged and counted.
 *
 * @param endsAt epoch milliseconds at which the invocation ends.
 */
export async function reconcile(given: ReconcileDependencies, endsAt: number): Promise<ReconcileSummary> {
  const { api, logger, meter, now } = given;
  const dependencies = { ...given, ledger: reportingUnreadable(given.ledger, { logger, meter }) };
  const stopAt = endsAt - WIND_UP_MS;
  const recoveries = await reconcileOpen(dependencies);
  const events = await publishOwedEvents(Math.min(stopAt, now() + PUBLISHING_MS), dependencies);
  const jobs = api === null ? null : await findMissed(stopAt, { ...dependencies, api });
  const summary = { recoveries, events, jobs };
  logger.info('reconciled', summary);
  return summary;
}
