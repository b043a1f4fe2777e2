import type { RecoveryKey } from '../model.ts';
import { DUE, LEASE_IS_FREE } from './claims.ts';
import { existingItem, writeAll, writeOne } from './conditional-writes.ts';
import { type Item, parseRecovery, recoveryToItem, storedChanges } from './items.ts';
import { isoTime, recoveryKey } from './keys.ts';
import { type LedgerTable, recordTtl } from './ledger-table.ts';
import { readRecovery } from './read-items.ts';
import {
  type AttemptError,
  type ClaimedRecovery,
  type RecoveryRecord,
  type WakingMessage,
  withAttempt,
} from './records.ts';

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
      readonly error: AttemptError;
      /** Where it was to go, when that is what stands in the way. */
      readonly bucket?: string;
      readonly key?: string;
    };

/**
 * - `done`: as asked for, by this call or an earlier one of the same invocation.
 * - `lease-lost`: nothing was written, since the lease ran out and somebody else claimed or settled it; `record` is
 *   what is there now.
 */
export type LeasedWrite = {
  readonly outcome: 'done' | 'lease-lost';
  readonly record: RecoveryRecord;
};

const LEASE_IS_MINE = '#leaseOwner = :if_owner';

/**
 * Settles recoveries that the caller has claimed: final state, details, lease and plan removed. For the same invocation
 * a repetition changes nothing and answers `done`.
 *
 * Cost: one UpdateItem (1 write unit a KB, and 2 for the index, whose key changes) for one, else a TransactWriteItems
 * for each hundred.
 *
 * @param now epoch milliseconds.
 * @returns one outcome each, in order.
 */
export async function settleRecoveries(
  table: LedgerTable,
  settlements: readonly { readonly record: ClaimedRecovery; readonly settlement: Settlement }[],
  now: number,
): Promise<LeasedWrite[]> {
  return await writeLeased(
    table,
    settlements.map(({ record, settlement }) => {
      const next = settled(record, settlement, now);
      // How far a copy came that was given up stays to be seen.
      const names = settlement.state === 'recovered' ? [...OUTCOME, ...PROGRESS] : OUTCOME;
      return { seen: record, next, set: { ...attributesOf(next, names), ttl: recordTtl(table, now) } };
    }),
  );
}

/**
 * Gives claimed recoveries back: `pending` again, with the error noted in `lastError` and `history`, lease removed. A
 * plan stays, so that the next attempt goes on where this one stopped.
 *
 * Cost: as for {@link settleRecoveries}, 1 unit for the index.
 *
 * @param now epoch milliseconds.
 * @returns one outcome each, in order.
 */
export async function releaseRecoveries(
  table: LedgerTable,
  releases: readonly {
    readonly record: ClaimedRecovery;
    /** Absent when nothing went wrong and the invocation merely ends. */
    readonly error?: AttemptError;
    /** When the message is due again, epoch milliseconds. */
    readonly nextAttemptAt?: number;
    /** That message. */
    readonly nextAttemptBy?: WakingMessage;
  }[],
  now: number,
): Promise<LeasedWrite[]> {
  return await writeLeased(
    table,
    releases.map(({ record, error, nextAttemptAt, nextAttemptBy }) => {
      const next: RecoveryRecord = {
        ...withoutLease(record),
        state: 'pending',
        updatedAt: now,
        ...(error && { lastError: bounded(error), history: withAttempt(record.history, error) }),
        ...(nextAttemptAt !== undefined && { nextAttemptAt }),
        ...(nextAttemptBy !== undefined && { nextAttemptBy }),
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
  table: LedgerTable,
  { lease, ...key }: RecoveryKey & Pick<ClaimedRecovery, 'lease'>,
  progress: { readonly bytesDone: number; readonly bytesTotal: number; readonly at: number },
): Promise<boolean> {
  const { bytesDone, bytesTotal, at } = progress;
  const { written } = await writeOne(table, {
    update: recoveryKey(key),
    changes: { set: storedChanges({ bytesDone, bytesTotal, progressAt: at, updatedAt: at }) },
    condition: { expression: LEASE_IS_MINE, values: { ':if_owner': lease.owner } },
  });
  return written;
}

/**
 * Opens a settled recovery again, for a redrive: `pending`, what it had come to removed, history and count of attempts
 * kept. The deadline stays until a claim brings a fresh URL's.
 *
 * Cost: GetItem (consistent) and UpdateItem: 1–2 read units, 1 write unit, 2 for the index.
 *
 * @param now epoch milliseconds.
 * @returns `open` when it was (or became) open by itself, undefined when the ledger does not have it.
 */
export async function reopenRecovery(
  table: LedgerTable,
  key: RecoveryKey,
  now: number,
): Promise<{ readonly outcome: 'reopened' | 'open'; readonly record: RecoveryRecord } | undefined> {
  const seen = await readRecovery(table, key);
  if (seen === undefined) return undefined;
  if (seen.settledAt === undefined) return { outcome: 'open', record: seen };
  const next = reopened(seen, now);
  const result = await writeOne(table, {
    update: recoveryKey(seen),
    changes: {
      set: {
        ...attributesOf(next, [...OUTCOME, ...PROGRESS, 'redrives']),
        ttl: recordTtl(table, Math.max(now, next.deadline)),
      },
    },
    condition: {
      expression: '#state = :if_state AND #settledAt = :if_settledAt',
      values: { ':if_state': seen.state, ':if_settledAt': isoTime(seen.settledAt) },
    },
  });
  if (result.written) return { outcome: 'reopened', record: next };
  return { outcome: 'open', record: parseRecovery(existingItem(result)) };
}

/**
 * Ends the waiting of an open recovery that nobody works on, so that whoever comes next may claim it.
 *
 * Cost: one UpdateItem: 1 write unit, 1 for the index.
 *
 * @param seen the record as the caller read it.
 * @param now epoch milliseconds.
 * @returns false when it was claimed, settled or made due by somebody else since it was read.
 */
export async function makeDue(table: LedgerTable, seen: RecoveryRecord, now: number): Promise<boolean> {
  const { written } = await writeOne(table, {
    update: recoveryKey(seen),
    changes: { set: storedChanges({ ...DUE, updatedAt: now }) },
    condition: {
      expression: `#state IN (:if_pending, :if_copying) AND #attempts = :if_attempts AND #updatedAt = :if_seen AND ${LEASE_IS_FREE}`,
      values: {
        ':if_pending': 'pending',
        ':if_copying': 'copying',
        ':if_attempts': seen.attempts,
        ':if_seen': isoTime(seen.updatedAt),
        ':if_now': now,
      },
    },
  });
  return written;
}

/** Attributes that an attempt leaves behind. */
const ATTEMPT = [
  'state',
  'updatedAt',
  'nextAttemptAt',
  'nextAttemptBy',
  'lastError',
  'history',
  'leaseOwner',
  'leaseUntil',
  'leaseMessageId',
] as const;

/** Attributes that a settlement decides. */
const OUTCOME = [
  ...ATTEMPT,
  ...['settledAt', 'settledBy', 'bucket', 'key', 'size', 'etag', 'contentType', 'verifiedBy', 'warnings'],
  ...['upload', 'segmentsDone', 'stateShard', 'stateKey'],
] as const;

const PROGRESS = ['bytesDone', 'bytesTotal', 'progressAt'] as const;

interface LeasedChange {
  readonly seen: ClaimedRecovery;
  readonly next: RecoveryRecord;
  readonly set: Item;
}

async function writeLeased(table: LedgerTable, changes: readonly LeasedChange[]): Promise<LeasedWrite[]> {
  const results = await writeAll(
    table,
    changes.map(({ seen, set }) => ({
      update: recoveryKey(seen),
      changes: { set },
      condition: { expression: LEASE_IS_MINE, values: { ':if_owner': seen.lease.owner } },
    })),
  );
  return changes.map(({ seen, next }, index) => {
    const result = results[index];
    if (result?.written) return { outcome: 'done', record: next };
    const record = parseRecovery(existingItem(result));
    return { outcome: isRepetition(record, seen, next) ? 'done' : 'lease-lost', record };
  });
}

/** Whether this invocation has already written what it asks for, and only the answer was lost. */
function isRepetition(existing: RecoveryRecord, seen: ClaimedRecovery, next: RecoveryRecord): boolean {
  if (existing.state !== next.state || existing.attempts !== seen.attempts) return false;
  return existing.lease === undefined && existing.settledBy === next.settledBy;
}

function settled(record: ClaimedRecovery, settlement: Settlement, now: number): RecoveryRecord {
  const { nextAttemptAt: _, nextAttemptBy: __, lastError: ___, upload: ____, ...rest } = withoutLease(record);
  const settledAs = { ...rest, updatedAt: now, settledAt: now, settledBy: record.lease.owner };
  if (settlement.state === 'recovered') {
    const { size } = settlement;
    return { ...settledAs, ...settlement, bytesDone: size, bytesTotal: size, progressAt: now };
  }
  const { error, ...where } = settlement;
  return { ...settledAs, ...where, lastError: bounded(error), history: withAttempt(record.history, error) };
}

function reopened(record: RecoveryRecord, now: number): RecoveryRecord {
  const kept = Object.entries(recoveryToItem(record)).filter(([name]) => !FORGOTTEN.has(name));
  const redrives = (record.redrives ?? 0) + 1;
  return parseRecovery({ ...Object.fromEntries(kept), state: 'pending', updatedAt: isoTime(now), redrives });
}

/** What a reopened recovery knows no more. */
const FORGOTTEN = new Set<string>([...OUTCOME, ...PROGRESS]);
for (const name of ['lastError', 'history']) FORGOTTEN.delete(name);

function withoutLease(record: RecoveryRecord): RecoveryRecord {
  const { lease: _, ...rest } = record;
  return rest;
}

function bounded(error: AttemptError): AttemptError {
  const [attempt = error] = withAttempt([], error);
  return { ...attempt, meaning: error.meaning };
}

function attributesOf(record: RecoveryRecord, names: readonly string[]): Item {
  const item: Item = recoveryToItem(record);
  return Object.fromEntries(names.map((name) => [name, item[name]]));
}
