import type { BackupFile, RecoveryKey } from '../zencoder/model.ts';
import { fileIdOf } from '../zencoder/signed-url.ts';
import { type ConditionalWrite, existingItem, writeAll } from './conditional-writes.ts';
import { creation, distinct, freshRecord, type OutputContext } from './fresh-recoveries.ts';
import { leaseAttributes, parseRecovery, toUpdate } from './items.ts';
import { LEASE_IS_FREE } from './leases.ts';
import { type ClaimedRecovery, isAmong, type Lease, type RecoveryRecord, withEvidence } from './records.ts';
import { LedgerItemNotUnderstood, type LedgerTable, recoveryKey, stateIndexKeys } from './table.ts';
import { tryRead } from './unreadable.ts';

/** A backup file with the key that its object gets, unless one is stored with its recovery already. */
export interface KeyedFile extends BackupFile {
  readonly key: string;
}

/**
 * What a claim came to.
 *
 * - `claimed`: the caller holds the lease until its end.
 * - `leased`: a living invocation works on it; `record.lease.until` says until when.
 * - `waiting`: its next attempt belongs to the message that comes back at `record.nextAttemptAt`.
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

/** A backup file beside what its claim came to. */
export type FileClaim = ClaimOutcome & { readonly file: KeyedFile };

/** What takes the waiting out of a recovery. */
export const DUE = { nextAttemptAt: undefined, nextAttemptMessage: undefined } as const;

/** A message that comes a moment early, because two clocks differ or SQS rounds to seconds, is the one meant. */
const EARLY_MS = 1_000;

/** Two invocations' time: segments of which none has ended for so long have lost their messages. */
const QUIET_MS = 30 * 60 * 1000;

/**
 * Makes the recoveries of an output's backup files where they are not there yet and claims all that are to be had:
 * those that are open, under no living lease, and due; before they are due, only for the message that they wait for and
 * for one that has had no attempt yet. A claim takes the later deadline of record and file, counts an
 * attempt and puts the state to `copying`. The first claim stores the file's key; a key that is stored stays.
 *
 * Claiming again with the same lease gives the same answer, so a call whose answer was lost can be repeated. A
 * claimed record with an `upload` is a large file that has its plan already: its segments may be at work.
 *
 * Cost for n different files that are new: one PutItem for n = 1, else n/100 TransactWriteItems (250 thumbnails: three
 * calls). Files that are there already cost one further round of calls.
 *
 * @returns one claim for each different file, in order.
 */
export async function claimFiles(
  table: LedgerTable,
  context: OutputContext,
  files: readonly KeyedFile[],
  lease: Lease,
  now: number,
): Promise<FileClaim[]> {
  const wanted = distinct(files).map((file) => ({
    file,
    fresh: claimedBy(freshRecord(context, file, now), lease, now, file),
  }));
  const created = await writeAll(
    table,
    wanted.map(({ fresh }) => creation(table, fresh)),
  );
  const existing = created.map((result) =>
    result.written ? undefined : tryRead(parseRecovery, existingItem(result)),
  );
  const known = existing.flatMap((found) =>
    found === undefined || found instanceof LedgerItemNotUnderstood ? [] : [found],
  );
  const filesBySk = new Map(wanted.map(({ file, fresh }) => [recoveryKey(fresh).sk, file]));
  const retried = await claimKnown(table, known, lease, now, {
    offerOf: (record) => filesBySk.get(recoveryKey(record).sk) ?? record,
    whenDue: true,
  });
  const again = retried.values();
  return wanted.flatMap(({ file, fresh }, index) => {
    const found = existing[index];
    if (found === undefined) return [{ file, outcome: 'claimed' as const, record: fresh }];
    if (found instanceof LedgerItemNotUnderstood) return [{ file, ...leftAlone(table, fresh, found) }];
    const { value } = again.next();
    return value === undefined ? [] : [{ file, ...value }];
  });
}

/**
 * Claims recoveries that are in the ledger, as read by the caller a moment ago, whether or not they are due.
 *
 * Cost: one UpdateItem (1 write unit, 1–2 for the index) for one, else a TransactWriteItems for each hundred.
 *
 * @returns one outcome a record, in order.
 */
export async function claimRecoveries(
  table: LedgerTable,
  records: readonly RecoveryRecord[],
  lease: Lease,
  now: number,
): Promise<ClaimOutcome[]> {
  return await claimKnown(table, records, lease, now, { offerOf: (record) => record, whenDue: false });
}

/** What a claim may bring: a later deadline, and a key where none is stored. */
type Offer = Pick<RecoveryRecord, 'deadline' | 'key'>;

async function claimKnown(
  table: LedgerTable,
  known: readonly RecoveryRecord[],
  lease: Lease,
  now: number,
  options: { readonly offerOf: (record: RecoveryRecord) => Offer; readonly whenDue: boolean },
): Promise<ClaimOutcome[]> {
  const outcomes = new Map<number, ClaimOutcome>();
  // Whoever lost a race sees the winner's item and judges anew; a second loss can only be to a living lease.
  let left = [...known.entries()];
  while (left.length > 0) {
    const claimable: [number, ClaimedRecovery, ConditionalWrite][] = [];
    for (const [index, record] of left) {
      const verdict = judge(record, lease, now) ?? (options.whenDue ? judgeTime(record, lease, now) : null);
      if (verdict !== null) outcomes.set(index, verdict);
      else {
        const claimed = claimedBy(record, lease, now, options.offerOf(record));
        claimable.push([index, claimed, claimWrite(record, claimed, now)]);
      }
    }
    const results = await writeAll(
      table,
      claimable.map(([, , write]) => write),
    );
    const lost = claimable.flatMap(([index, record], place) => {
      const result = results[place];
      if (!result?.written) return [{ index, record, found: tryRead(parseRecovery, existingItem(result)) }];
      outcomes.set(index, { outcome: 'claimed', record });
      return [];
    });
    left = lost.flatMap(({ index, record, found }): [number, RecoveryRecord][] => {
      if (!(found instanceof LedgerItemNotUnderstood)) return [[index, found]];
      outcomes.set(index, leftAlone(table, record, found));
      return [];
    });
  }
  return known.flatMap((_, index) => outcomes.get(index) ?? []);
}

function leftAlone(table: LedgerTable, record: RecoveryRecord, error: LedgerItemNotUnderstood): ClaimOutcome {
  table.onUnreadable?.(error);
  return { outcome: 'unreadable', record, error };
}

/** What is to be said of a record without writing; null when it may be claimed. */
export function judge(record: RecoveryRecord, lease: Lease, now: number): ClaimOutcome | null {
  if (record.state !== 'pending' && record.state !== 'copying') return { outcome: 'settled', record };
  if (record.lease?.owner === lease.owner && record.lease.until === lease.until) {
    return { outcome: 'claimed', record: { ...record, lease } };
  }
  return record.lease !== undefined && record.lease.until >= now ? { outcome: 'leased', record } : null;
}

/**
 * The message that a recovery waits for has it whenever it comes: all files of a message are tried together. So does one
 * whose evidence has not had an attempt yet: its URL may be a better one.
 */
function judgeTime(record: RecoveryRecord, { messageId, evidence }: Lease, now: number): ClaimOutcome | null {
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

function claimedBy(record: RecoveryRecord, lease: Lease, now: number, offer: Offer): ClaimedRecovery {
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

function claimWrite(seen: RecoveryRecord, claimed: ClaimedRecovery, now: number): ConditionalWrite {
  const keyIsAsSeen = seen.key === undefined ? 'attribute_not_exists(#key)' : '#key = :if_key';
  const { key, state, attempts, attemptedBy, deadline, updatedAt, lease } = claimed;
  const changes = {
    key,
    state,
    attempts,
    attemptedBy,
    deadline,
    updatedAt,
    ...DUE,
    ...leaseAttributes(lease),
  };
  return {
    update: recoveryKey(seen),
    changes: { set: toUpdate({ ...changes, ...stateIndexKeys(claimed) }) },
    condition: {
      // The count of attempts stands for everything that a claim could have changed since the record was read; the
      // key may have been changed by the holder of a lease that has run out since.
      expression: `#state IN (:if_pending, :if_copying) AND #attempts = :if_attempts AND ${keyIsAsSeen} AND ${LEASE_IS_FREE}`,
      values: {
        ...(seen.key !== undefined && { ':if_key': seen.key }),
        ':if_pending': 'pending',
        ':if_copying': 'copying',
        ':if_attempts': seen.attempts,
        ':if_now': now,
      },
    },
  };
}

/** The key of the recovery that a backup file of an output belongs to. */
export function recoveryKeyOf(
  { job, output }: Pick<OutputContext, 'job' | 'output'>,
  file: BackupFile,
): RecoveryKey {
  return { jobId: job.id, outputId: output.id, role: file.role, fileId: fileIdOf(file.url) };
}
