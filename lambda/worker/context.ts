import type { Logger } from '@aws-lambda-powertools/logger';
import type { LedgerItemNotUnderstood, LedgerTable } from '../shared/ledger/ledger-table.ts';
import type { Lease, WakingMessage } from '../shared/ledger/records.ts';
import type { Meter } from '../shared/metrics.ts';
import type { EventPublisher } from '../shared/publish-events.ts';
import type { StorageAllowList } from '../shared/storage-hosts.ts';
import type { ZencoderApi } from '../shared/zencoder-api.ts';
import type { CopyEngine } from './copy/types.ts';
import type { FreshUrls } from './fresh-urls.ts';
import type { Invocation } from './invocation.ts';
import type { KeyTemplate } from './key-template.ts';
import type { ReceivedMessage, RecoveryQueue } from './queue.ts';
import { attemptAfter } from './retry.ts';

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
  /** The Zencoder API; null when no key is configured. */
  readonly api: ZencoderApi | null;
  readonly events: EventPublisher;
  readonly meter: Meter;
  readonly logger: Pick<Logger, 'info' | 'warn' | 'error' | 'appendKeys' | 'resetKeys'>;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** From 0 to 1; spreads attempts that failed together. */
  readonly random: () => number;
}

/** The tools, the invocation that uses them, and the message that it handles. */
export interface WorkerInvocation extends WorkerTools {
  readonly invocation: Invocation;
  readonly message: ReceivedMessage;
}

/** All of that, and what is known only as long as the message is handled. */
export interface WorkerContext extends WorkerInvocation {
  readonly freshUrls: FreshUrls;
  /** From 0 to 1, one for all files of the message: they are due together, and cost the queue one delivery. */
  readonly spread: number;
}

/** The lease of this invocation. */
export function leaseOf({ invocation, message }: Pick<WorkerContext, 'invocation' | 'message'>): Lease {
  return { owner: invocation.id, until: invocation.endsAt, messageId: message.messageId };
}

/** The message, as the one that the next attempt belongs to. */
export function wakingMessageOf({ message }: Pick<WorkerContext, 'message'>): WakingMessage {
  return { messageId: message.messageId, receiptHandle: message.receiptHandle };
}

/** Comes back when the lease has run out, if it is this message's own: of an invocation that failed or died. */
export function afterOwnLease(
  lease: Lease | undefined,
  { message, now }: Pick<WorkerContext, 'message' | 'now'>,
): MessageOutcome {
  if (lease?.messageId !== message.messageId) return DONE;
  return { kind: 'again', at: Math.max(lease.until, now()) + AFTER_LEASE_MS };
}

/**
 * What becomes of the message: deleted, back at `at` (epoch milliseconds), or with something left to do that makes no
 * sense to this version.
 */
export type MessageOutcome =
  | { readonly kind: 'done' }
  | { readonly kind: 'again'; readonly at: number }
  | { readonly kind: 'not-understood'; readonly error: LedgerItemNotUnderstood };

export const DONE: MessageOutcome = { kind: 'done' };

/** A lease is over only after its last millisecond, and clocks differ. */
const AFTER_LEASE_MS = 1_000;

/**
 * Comes back after a pause that grows with every delivery of the message: for faults outside any one file (ledger,
 * queue, topic), which may last as long as a file's.
 *
 * @param atLeastMs what the other side asks to wait, in milliseconds.
 */
export function afterPause(
  { message, spread, now }: Pick<WorkerContext, 'message' | 'spread' | 'now'>,
  atLeastMs = 0,
): { readonly kind: 'again'; readonly at: number } {
  const attempts = Math.max(1, message.receiveCount);
  return { kind: 'again', at: attemptAfter({ attempts, now: now(), retryAfterMs: atLeastMs, spread }) };
}

/**
 * The earliest of several outcomes: the message comes back when the first of its files is due. What it holds that is not
 * understood counts once nothing else waits for it.
 */
export function earliest(outcomes: readonly MessageOutcome[]): MessageOutcome {
  const times = outcomes.flatMap((outcome) => (outcome.kind === 'again' ? [outcome.at] : []));
  if (times.length > 0) return { kind: 'again', at: Math.min(...times) };
  return outcomes.find(({ kind }) => kind === 'not-understood') ?? DONE;
}
