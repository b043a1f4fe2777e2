import { writeOne } from './conditional-writes.ts';
import { toUpdate } from './items.ts';
import { leasedBy } from './leases.ts';
import type { ClaimedRecovery } from './records.ts';
import { type LedgerTable, recoveryKey } from './table.ts';

/**
 * Gives a recovery another key, before its object is written there. The caller holds the lease and has dropped any plan
 * that was made for the old key. A call whose answer was lost can be repeated.
 *
 * Cost: one UpdateItem: 1 write unit a KB, 1 for the index.
 *
 * @param now epoch milliseconds.
 * @returns false when the lease is no longer the caller's.
 */
export async function changeKey(
  table: LedgerTable,
  record: ClaimedRecovery,
  key: string,
  now: number,
): Promise<boolean> {
  const { written } = await writeOne(table, {
    update: recoveryKey(record),
    changes: { set: toUpdate({ key, updatedAt: now }) },
    condition: leasedBy(record.lease.owner),
  });
  return written;
}
