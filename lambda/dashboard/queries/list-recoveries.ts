import type { LedgerTable } from '../../shared/ledger/ledger-table.ts';
import { type Page, sortKeyOf, takePage } from '../../shared/ledger/page.ts';
import { afterRecovery, openRecoveriesByDeadline, recoveriesByState } from '../../shared/ledger/queries.ts';
import type { RecoveryRecord } from '../../shared/ledger/records.ts';
import type { ListRequest, RecoveryFilters } from './filters.ts';

/**
 * Recoveries in a state: open ones by deadline, the nearest first; settled ones by when they were settled, the newest
 * first. Reads a page of each of eight shards; `pending` and `copying` share an index, so that finding the one may
 * read over the other.
 *
 * @throws {InvalidCursor}
 */
export async function listRecoveries(
  table: LedgerTable,
  { filters, cursor, limit }: ListRequest<RecoveryFilters>,
  now: number,
): Promise<Page<RecoveryRecord>> {
  const after = sortKeyOf(cursor);
  const { state, since, until } = filters;
  const records =
    state === 'open'
      ? openRecoveriesByDeadline(table, { after, expected: limit })
      : recoveriesByState(table, state, { since, until, after, expected: limit, now });
  return await takePage(records, limit, afterRecovery);
}
