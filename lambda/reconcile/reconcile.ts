import { reporting } from '../shared/ledger/noting.ts';
import type { ReconcileTools } from './dependencies.ts';
import { findMissed, type WalkSummary } from './missed-outputs.ts';
import { type OpenSummary, reconcileOpen } from './open-recoveries.ts';
import { type OwedSummary, publishOwedEvents } from './owed-events.ts';

/** Left at the end of an invocation for the answer to a last request and for what is to be written. */
const WIND_UP_MS = 45_000;

/** Spent on owed events at most, so that the jobs have their turn. */
const PUBLISHING_MS = 60_000;

/** What a run came to; safe to log. */
export interface ReconcileSummary {
  readonly recoveries: OpenSummary;
  readonly events: OwedSummary;
  /** Null when there is no API key. */
  readonly jobs: WalkSummary | null;
}

/**
 * One run: the open recoveries first, since they may be at risk, then the events that are owed, then with an API key the
 * jobs at Zencoder.
 *
 * Records that cannot be read are left alone, logged and counted.
 *
 * @param endsAt epoch milliseconds at which the invocation ends.
 */
export async function reconcile(given: ReconcileTools, endsAt: number): Promise<ReconcileSummary> {
  const { api, logger } = given;
  const tools = { ...given, ledger: reporting(given.ledger, given) };
  const recoveries = await reconcileOpen(tools);
  const events = await publishOwedEvents(tools, Math.min(endsAt - WIND_UP_MS, tools.now() + PUBLISHING_MS));
  const jobs = api === null ? null : await findMissed(api, tools, endsAt - WIND_UP_MS);
  const summary = { recoveries, events, jobs };
  logger.info('reconciled', summary);
  return summary;
}
