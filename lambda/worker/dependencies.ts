import type { Logger } from '@aws-lambda-powertools/logger';
import type { EventPublisher } from '../shared/events/publisher.ts';
import type { Ledger } from '../shared/ledger/ledger.ts';
import type { Lease, ScheduledMessage } from '../shared/ledger/records.ts';
import type { LedgerItemNotUnderstood } from '../shared/ledger/table.ts';
import type { Meter } from '../shared/runtime/metrics.ts';
import type { ZencoderApi } from '../shared/zencoder/api.ts';
import type { StorageAllowList } from '../shared/zencoder/storage.ts';
import type { CopyEngine } from './copy/types.ts';
import type { Invocation } from './invocation.ts';
import type { KeyTemplate } from './key-template.ts';
import type { ReceivedMessage, RecoveryQueue } from './queue.ts';
import { attemptAfter } from './retry-policy.ts';
import type { FreshUrls } from './url-refresh.ts';

/** What the worker works with: made once, at the handler. */
export interface WorkerTools {
  readonly ledger: Ledger;
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
  /** What the message brings: its own id, or that of the evidence it is made from; none for a redrive, which asks for some. */
  readonly evidence: string | undefined;
  /** From 0 to 1, one for all files of the message: they are due together, and cost the queue one delivery. */
  readonly jitter: number;
}

/** The lease of this invocation. */
export function leaseOf({
  invocation,
  message,
  evidence,
}: Pick<WorkerContext, 'invocation' | 'message' | 'evidence'>): Lease {
  const { messageId } = message;
  return {
    owner: invocation.id,
    until: invocation.endsAt,
    messageId,
    ...(evidence !== undefined && { evidence }),
  };
}

/** The message, as the one that the next attempt belongs to. */
export function scheduledMessageOf({
  message,
  evidence,
}: Pick<WorkerContext, 'message' | 'evidence'>): ScheduledMessage {
  const { messageId, receiptHandle } = message;
  return { messageId, receiptHandle, ...(evidence !== undefined && { evidence }) };
}

/**
 * What becomes of a message whose file or segment is under a living lease. The lease's own message, of an invocation that
 * failed or died, comes back at its end. One of the same evidence has no use: the other is on the queue. Any other stays
 * in reserve, since its URL may succeed where the other's is refused.
 */
export function besideLease(
  lease: Lease | undefined,
  context: Pick<WorkerContext, 'message' | 'evidence' | 'jitter' | 'now'>,
): MessageOutcome {
  const { message, evidence, now } = context;
  if (lease?.messageId === message.messageId) {
    return { kind: 'again', at: Math.max(lease.until, now()) + AFTER_LEASE_MS };
  }
  return lease !== undefined && lease.evidence === evidence ? DONE : afterPause(context);
}

/**
 * What becomes of the message: deleted, back at `at` (epoch milliseconds), or with something left to do that makes no
 * sense to this version.
 */
export type MessageOutcome =
  | { readonly kind: 'done' }
  | { readonly kind: 'again'; readonly at: number }
  | { readonly kind: 'invalid-input'; readonly error: LedgerItemNotUnderstood };

export const DONE: MessageOutcome = { kind: 'done' };

/** A lease is over only after its last millisecond, and clocks differ. */
const AFTER_LEASE_MS = 1_000;

/**
 * Comes back after a pause that grows with every delivery of the message: for errors of ledger and queue, which may last
 * as long as a file's, and for messages in reserve.
 *
 * @param atLeastMs what the other side asks to wait, in milliseconds.
 */
export function afterPause(
  { message, jitter, now }: Pick<WorkerContext, 'message' | 'jitter' | 'now'>,
  atLeastMs = 0,
): { readonly kind: 'again'; readonly at: number } {
  const attempts = Math.max(1, message.receiveCount);
  return { kind: 'again', at: attemptAfter({ attempts, now: now(), retryAfterMs: atLeastMs, jitter }) };
}

/**
 * The earliest of several outcomes: the message comes back when the first of its files is due. What it holds that is not
 * understood counts once nothing else waits for it.
 */
export function earliest(outcomes: readonly MessageOutcome[]): MessageOutcome {
  const times = outcomes.flatMap((outcome) => (outcome.kind === 'again' ? [outcome.at] : []));
  if (times.length > 0) return { kind: 'again', at: Math.min(...times) };
  return outcomes.find(({ kind }) => kind === 'invalid-input') ?? DONE;
}
