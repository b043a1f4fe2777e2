import type { LedgerTable } from '../../shared/ledger/ledger-table.ts';
import type { PrimaryFailureRecord, RecoveryRecord } from '../../shared/ledger/records.ts';
import type { FailureFilters } from './filters.ts';

/** A primary failure with the recoveries of the same output and role. */
export interface FailureMatch {
  readonly failure: PrimaryFailureRecord;
  readonly recoveries: readonly RecoveryRecord[];
}

/** A page of matches. `cursor` is absent when there are no more. */
export interface FailurePage {
  readonly items: readonly FailureMatch[];
  readonly cursor?: string;
}

/** A search, whichever index it goes by. */
export interface Search {
  readonly table: LedgerTable;
  readonly filters: FailureFilters;
  readonly limit: number;
  /** Records of the index that are looked at, at most. */
  readonly mostExamined: number;
}

/** Whether a failure passes all filters but that of the state, which is not its own. */
export function isMatch(
  failure: PrimaryFailureRecord,
  { error, host, role, since, until }: FailureFilters,
): boolean {
  return (
    (error === undefined || failure.errorClass === error) &&
    (host === undefined || failure.destinationHost === host) &&
    (role === undefined || failure.role === role) &&
    failure.failedAt >= since &&
    failure.failedAt < until
  );
}
