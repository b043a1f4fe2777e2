import { type ClaimedRecovery, isAmong, type Lease, type RecoveryRecord, withEvidence } from './records.ts';
import type { LedgerItemNotUnderstood } from './table.ts';

/** Decides a claim of a recovery from the record alone. */

/**
 * The result of a claim.
 *
 * - `claimed`: the caller holds the lease until its end.
 * - `leased`: a living invocation works on it; `record.lease.until` says until when.
 * - `waiting`: its next attempt belongs to the message that is visible again at `record.nextAttemptAt`.
 * - `dispatched`: its segments are at work under messages of their own.
 * - `settled`: nothing is to be done.
 * - `unreadable`: this version cannot read what is there, and leaves it alone; `record` is as the caller knows it.
 */
export type ClaimOutcome =
  | { readonly outcome: 'claimed'; readonly record: ClaimedRecovery }
  | { readonly outcome: 'leased'; readonly record: RecoveryRecord }
  | { readonly outcome: 'waiting'; readonly record: RecoveryRecord & { readonly nextAttemptAt: number } }
  | { readonly outcome: 'dispatched' | 'settled'; readonly record: RecoveryRecord }
  | {
      readonly outcome: 'unreadable';
      readonly record: RecoveryRecord;
      readonly error: LedgerItemNotUnderstood;
    };

/** What a claim may bring: a later deadline, and a key where none is stored. */
export type Offer = Pick<RecoveryRecord, 'deadline' | 'key'>;

/** A message that comes a moment early, because two clocks differ or SQS rounds to seconds, is the one meant. */
const EARLY_MS = 1_000;

/** Two invocations' time: segments of which none has ended for so long have lost their messages. */
const QUIET_MS = 30 * 60 * 1000;

/** The outcome of a claim that no write has to decide; null when the record may be claimed. */
export function outcomeWithoutClaim(record: RecoveryRecord, lease: Lease, now: number): ClaimOutcome | null {
  if (record.state !== 'pending' && record.state !== 'copying') return { outcome: 'settled', record };
  if (record.lease?.owner === lease.owner && record.lease.until === lease.until) {
    return { outcome: 'claimed', record: { ...record, lease } };
  }
  return record.lease !== undefined && record.lease.until >= now ? { outcome: 'leased', record } : null;
}

/**
 * The outcome of a claim before the recovery is due; null when it may be claimed. The message that a recovery waits for may
 * claim it at any time, since all files of a message are tried together. So may a message whose evidence has not had an
 * attempt yet, since its URL may be a better one.
 */
export function outcomeBeforeDue(
  record: RecoveryRecord,
  { messageId, evidence }: Lease,
  now: number,
): ClaimOutcome | null {
  const { nextAttemptAt, nextAttemptMessage, attemptedBy } = record;
  if (nextAttemptAt === undefined)
    return isAtWork(record, messageId, now) ? { outcome: 'dispatched', record } : null;
  if (nextAttemptAt <= now + EARLY_MS) return null;
  if (messageId !== undefined && nextAttemptMessage?.messageId === messageId) return null;
  if (evidence !== undefined && !isAmong(attemptedBy, evidence)) return null;
  return { outcome: 'waiting', record: { ...record, nextAttemptAt } };
}

/** Another message must not queue segments a second time, with a URL that may be a worse one, while they are at work. */
function isAtWork(record: RecoveryRecord, messageId: string | undefined, now: number): boolean {
  const { upload, lease, dispatchedBy, updatedAt } = record;
  const isDispatched = upload !== undefined && lease === undefined && dispatchedBy !== undefined;
  return isDispatched && dispatchedBy.messageId !== messageId && updatedAt > now - QUIET_MS;
}

/** The record as a claim makes it. @param now epoch milliseconds. */
export function claimedBy(record: RecoveryRecord, lease: Lease, now: number, offer: Offer): ClaimedRecovery {
  const { nextAttemptAt: _, nextAttemptMessage: __, ...rest } = record;
  const key = record.key ?? offer.key;
  const attemptedBy = withEvidence(record.attemptedBy, lease.evidence);
  return {
    ...rest,
    ...(key !== undefined && { key }),
    state: 'copying',
    attempts: record.attempts + 1,
    ...(attemptedBy.length > 0 && { attemptedBy }),
    deadline: Math.max(record.deadline, offer.deadline),
    updatedAt: now,
    lease,
  };
}
