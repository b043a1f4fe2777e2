import { existingItem, writeAll } from '../../lambda/shared/ledger/conditional-writes.ts';
import { parseRecovery } from '../../lambda/shared/ledger/items.ts';
import {
  creation,
  distinct,
  newRecovery,
  type OutputOfJob,
} from '../../lambda/shared/ledger/new-recoveries.ts';
import type { RecoveryRecord } from '../../lambda/shared/ledger/records.ts';
import type { BackupFile } from '../../lambda/shared/zencoder/model.ts';
import type { DatedLedger } from './ledger-table.ts';

/**
 * Makes the recoveries of an output's backup files, `pending`, where they are not there yet. The worker makes and claims
 * them in one write; this is for a ledger whose recoveries wait for their first attempt, on screenshots and in tests.
 *
 * @param now epoch milliseconds.
 * @returns one record for each different file, in order.
 */
export async function openRecoveries(
  { table }: Pick<DatedLedger, 'table'>,
  context: OutputOfJob,
  files: readonly BackupFile[],
  now: number,
): Promise<RecoveryRecord[]> {
  const records = distinct(files).map((file) => newRecovery(context, file, now));
  const results = await writeAll(
    table,
    records.map((record) => creation(table, record)),
  );
  return results.map(
    (result, index) => (result.written ? records[index] : undefined) ?? parseRecovery(existingItem(result)),
  );
}
