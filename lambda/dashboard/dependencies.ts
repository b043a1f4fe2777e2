import type { Ledger, LedgerWithUnreadable } from '../shared/ledger/ledger.ts';
import type { Meter } from '../shared/runtime/metrics.ts';
import type { Downloads, RetryQueue } from './actions.ts';
import type { AcceptedCredentials } from './credentials.ts';

/** What the dashboard is made of; made once, at the handler. */
export interface DashboardDependencies {
  /** Only read, but for the counters of sign-ins. */
  readonly ledger: Ledger;
  readonly credentials: AcceptedCredentials;
  readonly retries: RetryQueue;
  readonly downloads: Downloads;
  /** Region of the bucket, for links into the console. */
  readonly region: string;
  /** Time left from which an open recovery is at risk, milliseconds. */
  readonly atRiskMs: number;
  /** Whether the worker can get a fresh URL from the Zencoder API, which a settled recovery needs to be retried. */
  readonly hasApiKey: boolean;
  readonly log: Log;
  readonly meter: Meter;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** The part of a logger that is used; facts hold ids, states and error classes. */
export interface Log {
  info(message: string, facts: Readonly<Record<string, unknown>>): void;
  error(message: string, facts: Readonly<Record<string, unknown>>): void;
}

/** The ledger for one request: what cannot be read is left out, logged once, and there to be named on the page. */
export function readingOf({
  ledger,
  log,
}: Pick<DashboardDependencies, 'ledger' | 'log'>): LedgerWithUnreadable {
  return ledger.withUnreadable((error) => log.error('record cannot be read', { ...error.key, error }));
}
