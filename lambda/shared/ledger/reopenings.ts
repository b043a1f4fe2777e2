import type { RecoveryKey } from '../zencoder/model.ts';
import { attributesOf, OUTCOME, PROGRESS, recoveryToItem, toUpdate } from './attributes.ts';
import { existingItem, writeOne } from './conditional-writes.ts';
import { DUE, LEASE_IS_FREE } from './conditions.ts';
import { parseRecovery } from './items.ts';
import { readRecovery } from './reads.ts';
import { HISTORY_LENGTH, type LastError, type RecoveryRecord, type Retry, truncateError } from './records.ts';
import { isoTime, recordTtl, recoveryItemKey, type Table } from './table.ts';

/**
 * Opens a lost or failed recovery again, for a redrive, for new evidence, or because its object turned up: `pending`, what
 * it had come to removed, history, count of attempts and key kept, since an earlier attempt may have put the object there.
 * A recovered one stays, also when the caller saw it lost: another message has recovered the file since, and it would be
 * reported a second time. The deadline stays until a claim brings a fresh URL's. An event that is still owed is owed no
 * more: that the recovery is lost or failed would be false by the time it is published.
 *
 * Cost: GetItem (consistent) and UpdateItem: 1–2 read units, 1 write unit, 2 for the index by state, 1 for that of owed
 * events when one was owed.
 *
 * @returns `open` when it was open already (or another call has opened it), `recovered` when there is nothing to open,
 * undefined when the ledger does not have it.
 */
export async function reopen(
  table: Table,
  key: RecoveryKey,
): Promise<
  { readonly outcome: 'reopened' | 'open' | 'recovered'; readonly record: RecoveryRecord } | undefined
> {
  const now = table.now();
  const seen = await readRecovery(table, key);
  if (seen === undefined) return undefined;
  if (seen.settledAt === undefined || seen.state === 'recovered') return notReopened(seen);
  const next = reopened(seen, now);
  const result = await writeOne(table, {
    update: recoveryItemKey(seen),
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
  return notReopened(parseRecovery(existingItem(result)));
}

function notReopened(record: RecoveryRecord) {
  return { outcome: record.state === 'recovered' ? 'recovered' : 'open', record } as const;
}

/**
 * Ends the waiting of an open recovery that no worker has, so that the next message may claim it.
 *
 * Cost: one UpdateItem: 1 write unit, 1 for the index.
 *
 * @param seen the record as the caller read it.
 * @returns false when another invocation has claimed, settled or scheduled it since it was read.
 */
export async function scheduleNow(table: Table, seen: RecoveryRecord): Promise<boolean> {
  const now = table.now();
  return await changeUnclaimed(table, seen, { ...DUE, updatedAt: now }, now);
}

/**
 * Writes into an open recovery that no worker has why it cannot continue. It is no sign of life: `updatedAt` stays. Cost:
 * as for {@link scheduleNow}.
 *
 * @param seen the record as the caller read it.
 * @returns false when another invocation has claimed, settled or changed it since it was read.
 */
export async function noteError(table: Table, seen: RecoveryRecord, error: LastError): Promise<boolean> {
  const lastError = truncateError(error);
  return await changeUnclaimed(table, seen, { lastError }, error.at);
}

/**
 * Writes into a recovery, whatever its state, that an operator asked to try it again. The same request is noted once; it
 * is no sign of life: `updatedAt` stays, and so does every claim's condition.
 *
 * Cost: one UpdateItem: 1 write unit, 1 for the index.
 *
 * @param seen the record as the caller read it.
 */
export async function noteRetry(table: Table, seen: RecoveryRecord, retry: Retry): Promise<void> {
  for (let retries = seen.retries; !isNoted(retries, retry); ) {
    const next = [...(retries ?? []), retry].slice(-HISTORY_LENGTH);
    const asSeen = retries === undefined ? 'attribute_not_exists(#retries)' : '#retries = :if_retries';
    const result = await writeOne(table, {
      update: recoveryItemKey(seen),
      changes: { set: toUpdate({ retries: next }) },
      condition: {
        expression: `attribute_exists(#pk) AND ${asSeen}`,
        values: retries === undefined ? {} : { ':if_retries': toUpdate({ retries }).retries },
      },
    });
    if (result.written) return;
    // Another request was noted in the meantime.
    retries = parseRecovery(existingItem(result)).retries;
  }
}

function isNoted(retries: readonly Retry[] = [], { by, at }: Retry): boolean {
  return retries.some((each) => each.by === by && each.at === at);
}

async function changeUnclaimed(
  table: Table,
  seen: RecoveryRecord,
  changes: object,
  now: number,
): Promise<boolean> {
  const { written } = await writeOne(table, {
    update: recoveryItemKey(seen),
    changes: { set: toUpdate(changes) },
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

function reopened(record: RecoveryRecord, now: number): RecoveryRecord {
  const kept = Object.entries(recoveryToItem(record)).filter(([name]) => !FORGOTTEN.has(name));
  const redrives = (record.redrives ?? 0) + 1;
  return parseRecovery({ ...Object.fromEntries(kept), state: 'pending', updatedAt: isoTime(now), redrives });
}

/** Attributes that a reopened recovery loses. */
const FORGOTTEN = new Set<string>([...OUTCOME, ...PROGRESS]);
for (const name of ['key', 'lastError', 'history', 'spentEvidence']) FORGOTTEN.delete(name);
