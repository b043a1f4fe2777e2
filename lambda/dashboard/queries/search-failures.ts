import pMap from 'p-map';
import type { LedgerTable } from '../../shared/ledger/ledger-table.ts';
import { cursorAt, sortKeyOf } from '../../shared/ledger/page.ts';
import {
  afterFailure,
  failuresByClass,
  failuresByHost,
  failuresByTime,
  type TimeSpan,
} from '../../shared/ledger/queries.ts';
import { readRecoveriesOf } from '../../shared/ledger/read-items.ts';
import type { PrimaryFailureRecord } from '../../shared/ledger/records.ts';
import type { FailureFilters, ListRequest } from './filters.ts';
import { type FailurePage, isMatch, type Search } from './search.ts';
import { searchByState } from './search-by-state.ts';

export type { FailureMatch, FailurePage } from './search.ts';

/**
 * Records that one search looks at, at most. A search that finds too little by then gives what it has and a cursor to
 * go on from.
 */
export const MOST_EXAMINED = 400;
const READS_AT_ONCE = 8;

/**
 * Primary failures that match all filters, newest first; with a state, the outputs whose recoveries were settled last
 * come first, or those whose deadline is nearest for states that are open.
 *
 * Reads: with a state, its index, and one Query for the job of each candidate; else the index of the error class, the
 * host or the day, in this order of preference, and one Query for the recoveries of each match. At most
 * {@link MOST_EXAMINED} records of the index, and as many Queries.
 *
 * @throws {InvalidCursor}
 */
export async function searchFailures(
  table: LedgerTable,
  request: ListRequest<FailureFilters>,
  now: number,
  mostExamined: number = MOST_EXAMINED,
): Promise<FailurePage> {
  const { filters, cursor, limit } = request;
  const span = { since: filters.since, until: filters.until, after: sortKeyOf(cursor), expected: limit, now };
  const search = { table, filters, limit, mostExamined };
  return filters.state === undefined
    ? await searchByFailure(search, span)
    : await searchByState({ ...search, state: filters.state }, span);
}

async function searchByFailure(search: Search, span: TimeSpan): Promise<FailurePage> {
  const { table, filters, limit } = search;
  const found: PrimaryFailureRecord[] = [];
  let last: PrimaryFailureRecord | undefined;
  let more = false;
  let examined = 0;
  for await (const failure of candidates(table, filters, span)) {
    if (found.length >= limit || examined >= search.mostExamined) {
      more = true;
      break;
    }
    examined += 1;
    last = failure;
    if (isMatch(failure, filters)) found.push(failure);
  }
  const items = await pMap(
    found,
    async (failure) => ({ failure, recoveries: await readRecoveriesOf(table, failure) }),
    { concurrency: READS_AT_ONCE },
  );
  return { items, ...(more && last !== undefined && { cursor: cursorAt(afterFailure(last)) }) };
}

function candidates(
  table: LedgerTable,
  { error, host }: FailureFilters,
  span: TimeSpan,
): AsyncGenerator<PrimaryFailureRecord> {
  if (error !== undefined) return failuresByClass(table, error, span);
  if (host !== undefined) return failuresByHost(table, host, span);
  return failuresByTime(table, span);
}
