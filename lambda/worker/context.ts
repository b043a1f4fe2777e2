import type { Logger } from '@aws-lambda-powertools/logger';
import type { LedgerTable } from '../shared/ledger/ledger-table.ts';
import type { StorageAllowList } from '../shared/storage-hosts.ts';
import type { CopyEngine } from './copy/types.ts';
import type { Invocation } from './invocation.ts';
import type { KeyTemplate } from './key-template.ts';
import type { RecoveryQueue } from './queue.ts';

/** What the worker works with: made once, at the handler. */
export interface WorkerTools {
  readonly table: LedgerTable;
  readonly engine: CopyEngine;
  readonly queue: RecoveryQueue;
  /** The customer's bucket. */
  readonly bucket: string;
  readonly keyTemplate: KeyTemplate;
  /** The only storage that requests may go to. */
  readonly storage: StorageAllowList;
  readonly logger: Pick<Logger, 'info' | 'warn' | 'error' | 'appendKeys'>;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** From 0 to 1; spreads attempts that failed together. */
  readonly random: () => number;
}

/** The tools, and the invocation that uses them. */
export interface WorkerContext extends WorkerTools {
  readonly invocation: Invocation;
}

/** What becomes of the message: deleted, or back at `at` (epoch milliseconds). */
export type MessageOutcome = { readonly kind: 'done' } | { readonly kind: 'again'; readonly at: number };
