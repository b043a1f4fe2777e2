import type { BackupFile } from '../zencoder/model.ts';
import { leaseAttributes, toUpdate } from './attributes.ts';
import {
  type ClaimOutcome,
  claimedBy,
  type Offer,
  outcomeBeforeDue,
  outcomeWithoutClaim,
} from './claim-decision.ts';
import { type ConditionalWrite, existingItem, writeAll } from './conditional-writes.ts';
import { DUE, LEASE_IS_FREE } from './conditions.ts';
import { parseRecovery } from './items.ts';
import { creation, distinct, newRecovery, type OutputOfJob } from './new-recoveries.ts';
import type { ClaimedRecovery, Lease, RecoveryRecord } from './records.ts';
import { LedgerItemNotUnderstood, recoveryItemKey, stateIndexKeys, type Table } from './table.ts';
import { tryRead } from './unreadable.ts';

/** A backup file with the key that its object gets, unless one is stored with its recovery already. */
export interface KeyedFile extends BackupFile {
  readonly key: string;
}

/** A backup file with the result of its claim. */
export type FileClaim = ClaimOutcome & { readonly file: KeyedFile };

/**
 * Makes the recoveries of an output's backup files where they are not there yet and claims all that are available:
 * those that are open, under no living lease, and due; before they are due, only for the message that they wait for and
 * for one that has had no attempt yet. A claim takes the later deadline of record and file, counts an
 * attempt and puts the state to `copying`. The first claim stores the file's key; a key that is stored stays.
 *
 * Claiming again with the same lease gives the same result, so a call whose response was lost can be repeated. A
 * claimed record with an `upload` is a large file that has its plan already: its segments may be at work.
 *
 * Cost for n different files that are new: one PutItem for n = 1, else n/100 TransactWriteItems (250 thumbnails: three
 * calls). Files that are there already cost one further round of calls.
 *
 * @returns one claim for each different file, in order.
 */
export async function claim(
  table: Table,
  output: OutputOfJob,
  files: readonly KeyedFile[],
  lease: Lease,
): Promise<FileClaim[]> {
  const now = table.now();
  const wanted = distinct(files).map((file) => ({
    file,
    fresh: claimedBy(newRecovery(output, file, now), lease, now, file),
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
  const filesBySk = new Map(wanted.map(({ file, fresh }) => [recoveryItemKey(fresh).sk, file]));
  const retried = await claimKnown(table, known, lease, now, {
    offerOf: (record) => filesBySk.get(recoveryItemKey(record).sk) ?? record,
    whenDue: true,
  });
  const again = retried.values();
  return wanted.flatMap(({ file, fresh }, index) => {
    const found = existing[index];
    if (found === undefined) return [{ file, outcome: 'claimed' as const, record: fresh }];
    if (found instanceof LedgerItemNotUnderstood) return [{ file, ...unreadableClaim(table, fresh, found) }];
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
export async function claimExisting(
  table: Table,
  records: readonly RecoveryRecord[],
  lease: Lease,
): Promise<ClaimOutcome[]> {
  const now = table.now();
  return await claimKnown(table, records, lease, now, { offerOf: (record) => record, whenDue: false });
}

async function claimKnown(
  table: Table,
  known: readonly RecoveryRecord[],
  lease: Lease,
  now: number,
  options: { readonly offerOf: (record: RecoveryRecord) => Offer; readonly whenDue: boolean },
): Promise<ClaimOutcome[]> {
  const outcomes = new Map<number, ClaimOutcome>();
  // The loser of a race sees the winner's item and decides again; a second loss can only be to a living lease.
  let left = [...known.entries()];
  while (left.length > 0) {
    const claimable: [number, ClaimedRecovery, ConditionalWrite][] = [];
    for (const [index, record] of left) {
      const outcome =
        outcomeWithoutClaim(record, lease, now) ??
        (options.whenDue ? outcomeBeforeDue(record, lease, now) : null);
      if (outcome !== null) outcomes.set(index, outcome);
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
      outcomes.set(index, unreadableClaim(table, record, found));
      return [];
    });
  }
  return known.flatMap((_, index) => outcomes.get(index) ?? []);
}

function unreadableClaim(table: Table, record: RecoveryRecord, error: LedgerItemNotUnderstood): ClaimOutcome {
  table.onUnreadable?.(error);
  return { outcome: 'unreadable', record, error };
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
    update: recoveryItemKey(seen),
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
