import type { RecoveryKey } from '../zencoder/model.ts';
import { ATTEMPT, attributesOf, OUTCOME, PROGRESS, toUpdate } from './attributes.ts';
import { existingItem, writeAll, writeOne } from './conditional-writes.ts';
import { leasedBy } from './conditions.ts';
import { type Item, parseRecovery } from './items.ts';
import {
  type ClaimedRecovery,
  type LastError,
  type RecoveryRecord,
  type ScheduledMessage,
  truncateError,
  withAttempt,
  withEvidence,
} from './records.ts';
import { recordTtl, recoveryItemKey, type Table } from './table.ts';
import { readable } from './unreadable.ts';

/** How a recovery ended. */
export type Settlement =
  | {
      readonly state: 'recovered';
      readonly bucket: string;
      readonly key: string;
      readonly size: number;
      readonly etag: string;
      readonly contentType: string;
      readonly verifiedBy: readonly string[];
      readonly warnings?: readonly string[];
    }
  | {
      readonly state: 'lost' | 'failed';
      readonly error: LastError;
      /** Where it was to go, when that is what stands in the way. */
      readonly bucket?: string;
      readonly key?: string;
    };

/**
 * - `done`: as asked for, by this call or an earlier one of the same invocation.
 * - `lease-lost`: nothing was written, since the lease ran out and another invocation claimed or settled it; `record` is
 *   what is there now, or what the caller had when that cannot be read.
 */
export type LeasedWrite = {
  readonly outcome: 'done' | 'lease-lost';
  readonly record: RecoveryRecord;
};

/**
 * Settles recoveries that the caller has claimed: final state, details, lease and plan removed, and the event of the end
 * marked as owed (see `outbox.ts`), all by one conditional write. For the same invocation a repetition changes nothing
 * and gives `done`.
 *
 * Cost: one UpdateItem (1 write unit a KB, 2 for the index by state, whose key changes, and 1 for that of owed events)
 * for one, else a TransactWriteItems for each hundred.
 *
 * @returns one outcome each, in order.
 */
export async function settle(
  table: Table,
  settlements: readonly { readonly record: ClaimedRecovery; readonly settlement: Settlement }[],
): Promise<LeasedWrite[]> {
  const now = table.now();
  return await writeLeased(
    table,
    settlements.map(({ record, settlement }) => {
      const next = settledRecord(record, settlement, now);
      // How far an abandoned copy came stays visible.
      const names = settlement.state === 'recovered' ? [...OUTCOME, ...PROGRESS] : OUTCOME;
      return { seen: record, next, set: { ...attributesOf(next, names), ttl: recordTtl(table, now) } };
    }),
  );
}

/**
 * Gives claimed recoveries back: `pending` again, with the error noted in `lastError` and `history`, lease removed. A
 * plan stays, so that the next attempt continues where this one stopped.
 *
 * Cost: as for {@link settle}, 1 unit for the index.
 *
 * @returns one outcome each, in order.
 */
export async function release(
  table: Table,
  releases: readonly {
    readonly record: ClaimedRecovery;
    /** Absent when nothing went wrong and the invocation merely ends. */
    readonly error?: LastError;
    /** When the message is due again, epoch milliseconds. */
    readonly nextAttemptAt?: number;
    /** That message. */
    readonly nextAttemptMessage?: ScheduledMessage;
  }[],
): Promise<LeasedWrite[]> {
  const now = table.now();
  return await writeLeased(
    table,
    releases.map(({ record, error, nextAttemptAt, nextAttemptMessage }) => {
      const next: RecoveryRecord = {
        ...withoutLease(record),
        state: 'pending',
        updatedAt: now,
        ...(error && { lastError: truncateError(error), history: withAttempt(record.history, error) }),
        ...(nextAttemptAt !== undefined && { nextAttemptAt }),
        ...(nextAttemptMessage !== undefined && { nextAttemptMessage }),
      };
      return { seen: record, next, set: attributesOf(next, ATTEMPT) };
    }),
  );
}

/**
 * Notes how far a copy has come; meant for every few seconds. The caller holds the lease.
 *
 * Cost: one UpdateItem: 1 write unit, 1 for the index.
 *
 * @returns false when the lease is no longer the caller's.
 */
export async function saveProgress(
  table: Table,
  { lease, ...key }: RecoveryKey & Pick<ClaimedRecovery, 'lease'>,
  progress: { readonly bytesDone: number; readonly bytesTotal: number },
): Promise<boolean> {
  const { bytesDone, bytesTotal } = progress;
  const now = table.now();
  const { written } = await writeOne(table, {
    update: recoveryItemKey(key),
    changes: { set: toUpdate({ bytesDone, bytesTotal, progressAt: now, updatedAt: now }) },
    condition: leasedBy(lease.owner),
  });
  return written;
}

/**
 * Gives a recovery another key, before its object is written there. The caller holds the lease and has dropped any plan
 * that was made for the old key. A call whose response was lost can be repeated.
 *
 * Cost: one UpdateItem: 1 write unit a KB, 1 for the index.
 *
 * @returns false when the lease is no longer the caller's.
 */
export async function changeKey(table: Table, record: ClaimedRecovery, key: string): Promise<boolean> {
  const now = table.now();
  const { written } = await writeOne(table, {
    update: recoveryItemKey(record),
    changes: { set: toUpdate({ key, updatedAt: now }) },
    condition: leasedBy(record.lease.owner),
  });
  return written;
}

interface LeasedChange {
  readonly seen: ClaimedRecovery;
  readonly next: RecoveryRecord;
  readonly set: Item;
}

async function writeLeased(table: Table, changes: readonly LeasedChange[]): Promise<LeasedWrite[]> {
  const results = await writeAll(
    table,
    changes.map(({ seen, set }) => ({
      update: recoveryItemKey(seen),
      changes: { set },
      condition: leasedBy(seen.lease.owner),
    })),
  );
  return changes.map(({ seen, next }, index) => {
    const result = results[index];
    if (result?.written) return { outcome: 'done', record: next };
    const [record] = readable(table, parseRecovery, existingItem(result));
    if (record === undefined) return { outcome: 'lease-lost', record: seen };
    return { outcome: isRepetition(record, seen, next) ? 'done' : 'lease-lost', record };
  });
}

/** Whether this invocation has already written what it asks for, and only the response was lost. */
function isRepetition(existing: RecoveryRecord, seen: ClaimedRecovery, next: RecoveryRecord): boolean {
  if (existing.state !== next.state || existing.attempts !== seen.attempts) return false;
  return existing.lease === undefined && existing.settledBy === next.settledBy;
}

/** What {@link settle} makes of a recovery, without writing it. @param now epoch milliseconds. */
function settledRecord(record: ClaimedRecovery, settlement: Settlement, now: number): RecoveryRecord {
  const settledAs = {
    ...without(withoutLease(record), [
      'nextAttemptAt',
      'nextAttemptMessage',
      'lastError',
      'upload',
      'dispatchedBy',
    ]),
    ...{ updatedAt: now, settledAt: now, settledBy: record.lease.owner, eventOwedAt: now },
  };
  if (settlement.state === 'recovered') {
    const { size } = settlement;
    return { ...settledAs, ...settlement, bytesDone: size, bytesTotal: size, progressAt: now };
  }
  const { error } = settlement;
  return {
    ...settledAs,
    ...without(settlement, ['error']),
    lastError: truncateError(error),
    history: withAttempt(record.history, error),
    spentEvidence: spentBy(record, error),
  };
}

/** The evidence that is spent: one URL that fails spends its own, a file that is gone that of every URL tried. */
function spentBy(
  { spentEvidence, attemptedBy = [], lease }: ClaimedRecovery,
  { acceptsNewUrl }: LastError,
): readonly string[] {
  const tried = acceptsNewUrl === true ? [] : attemptedBy;
  return [...tried, lease.evidence].reduce(withEvidence, spentEvidence ?? []);
}

function without<T extends object, const K extends keyof T>(fields: T, names: readonly K[]): Omit<T, K> {
  const rest = { ...fields };
  for (const name of names) delete rest[name];
  return rest;
}

function withoutLease(record: RecoveryRecord): RecoveryRecord {
  const { lease: _, ...rest } = record;
  return rest;
}
