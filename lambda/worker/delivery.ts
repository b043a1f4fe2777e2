import { isAmong, type Lease, type RecoveryRecord, type ScheduledMessage } from '../shared/ledger/records.ts';
import type { LedgerItemNotUnderstood } from '../shared/ledger/table.ts';
import type { BackupFile } from '../shared/zencoder/model.ts';
import type { Invocation } from './invocation.ts';
import type { ReceivedMessage } from './queue.ts';
import { nextAttemptTime } from './retry-policy.ts';

/** One delivery of a message, and what is known only while it is processed. */
export interface Delivery {
  readonly message: ReceivedMessage;
  readonly invocation: Invocation;
  /**
   * Id of the evidence that the message carries: the one that it names, else its own id; undefined for a redrive, which has
   * no signed URL. See {@link RecoveryRecord.attemptedBy}.
   */
  readonly evidence: string | undefined;
  /** From 0 to 1, one for all files of the message: they are due together, and cost the queue one delivery. */
  readonly jitter: number;
}

/**
 * What becomes of the message: deleted, visible again at `at` (epoch milliseconds), or left with an item of the ledger
 * that this version cannot read.
 */
export type MessageOutcome =
  | { readonly kind: 'done' }
  | { readonly kind: 'retry'; readonly at: number }
  | { readonly kind: 'invalid-input'; readonly error: LedgerItemNotUnderstood };

export const DONE: MessageOutcome = { kind: 'done' };

/** A lease is over only after its last millisecond, and clocks differ. */
const AFTER_LEASE_MS = 1_000;

/** The lease of the delivery's invocation. */
export function leaseOf({ invocation, message: { messageId }, evidence }: Delivery): Lease {
  return {
    owner: invocation.id,
    until: invocation.endsAt,
    messageId,
    ...(evidence !== undefined && { evidence }),
  };
}

/** The delivery's message, as the one that the next attempt belongs to. */
export function scheduledMessageOf({ message, evidence }: Delivery): ScheduledMessage {
  const { messageId, receiptHandle } = message;
  return { messageId, receiptHandle, ...(evidence !== undefined && { evidence }) };
}

/** Whether a file was lost before the URL of this delivery was tried to its end: it may succeed. */
export function isNewEvidence(
  { state, spentEvidence }: RecoveryRecord,
  { deadline }: Pick<BackupFile, 'deadline'>,
  { evidence }: Delivery,
  now: number,
): boolean {
  if (state !== 'lost' || deadline <= now || evidence === undefined) return false;
  return !isAmong(spentEvidence, evidence);
}

/**
 * The outcome for a message whose file or segment is under a living lease. The lease's own message, of an invocation that
 * failed or crashed, is visible again at its end. One of the same evidence is redundant: the other is on the queue. Any
 * other stays in reserve, since its URL may succeed where the other's is refused.
 *
 * @param now epoch milliseconds.
 */
export function besideLease(lease: Lease | undefined, delivery: Delivery, now: number): MessageOutcome {
  if (lease?.messageId === delivery.message.messageId) {
    return { kind: 'retry', at: Math.max(lease.until, now) + AFTER_LEASE_MS };
  }
  return lease !== undefined && lease.evidence === delivery.evidence ? DONE : afterPause(delivery, now);
}

/**
 * Visible again after a pause that grows with every delivery of the message: for errors of ledger and queue, which may
 * last as long as a file's, and for messages in reserve.
 *
 * @param now epoch milliseconds.
 * @param retryAfterMs what the other side asks to wait, in milliseconds.
 */
export function afterPause(
  { message, jitter }: Delivery,
  now: number,
  retryAfterMs = 0,
): { readonly kind: 'retry'; readonly at: number } {
  const attempts = Math.max(1, message.receiveCount);
  return { kind: 'retry', at: nextAttemptTime({ attempts, now, retryAfterMs, jitter }) };
}

/**
 * The earliest of several outcomes: the message is visible again when the first of its files is due. An item that cannot
 * be read counts once nothing else waits for the message.
 */
export function earliest(outcomes: readonly MessageOutcome[]): MessageOutcome {
  const times = outcomes.flatMap((outcome) => (outcome.kind === 'retry' ? [outcome.at] : []));
  if (times.length > 0) return { kind: 'retry', at: Math.min(...times) };
  return outcomes.find(({ kind }) => kind === 'invalid-input') ?? DONE;
}
