import type { LedgerTable } from '../shared/ledger/ledger-table.ts';
import type { DashboardCredentials } from './access/credentials.ts';
import type { Downloads } from './actions/downloads.ts';
import type { RetryQueue } from './actions/retry-queue.ts';

/** What the dashboard needs of the world; made once, at the handler. */
export interface DashboardWorld {
  /** Only read. */
  readonly table: LedgerTable;
  readonly credentials: {
    accepted(): Promise<readonly DashboardCredentials[]>;
    /** Asked only after a failed authentication; null when it is too early to ask again. */
    refreshed(): Promise<readonly DashboardCredentials[] | null>;
  };
  readonly retries: RetryQueue;
  readonly downloads: Downloads;
  /** Region of the bucket, for links into the console. */
  readonly region: string;
  /** Time left from which an open recovery is at risk, milliseconds. */
  readonly atRiskMs: number;
  /** Whether the worker can ask the Zencoder API for a fresh URL, which what is settled needs to be retried. */
  readonly hasApiKey: boolean;
  readonly log: Log;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** The part of a logger that is used; facts hold ids, states and error classes. */
export interface Log {
  info(message: string, facts: Readonly<Record<string, unknown>>): void;
  error(message: string, facts: Readonly<Record<string, unknown>>): void;
}
