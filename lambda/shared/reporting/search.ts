import pMap from 'p-map';
import type { Ledger } from '../ledger/ledger.ts';
import { afterFailure, afterRecovery, cursorAt, type Page, sortKeyOf, takePage } from '../ledger/paging.ts';
import type { PrimaryFailureRecord, RecoveryRecord } from '../ledger/records.ts';
import type { TimeSpan } from '../ledger/spans.ts';
import type { FailureFilters, ListRequest, RecoveryFilters, StateFilter } from './filters.ts';

/**
 * Records that one search looks at, at most. A search that finds too little by then gives what it has and a cursor to
 * go on from.
 */
export const MAX_EXAMINED = 400;
const READS_AT_ONCE = 8;

/**
 * Primary failures that match all filters, newest first; with a state, the outputs whose recoveries were settled last
 * come first, or those whose deadline is nearest for states that are open.
 *
 * Reads: with a state, its index, and one Query for the job of each candidate; else the index of the error class, the
 * host or the day, in this order of preference, and one Query for the recoveries of each match. At most
 * {@link MAX_EXAMINED} records of the index, and as many Queries.
 *
 * @throws {InvalidCursor}
 */
export async function searchFailures(
  ledger: Ledger,
  request: ListRequest<FailureFilters>,
  maxExamined: number = MAX_EXAMINED,
): Promise<FailurePage> {
  const { filters, cursor, limit } = request;
  const span = { since: filters.since, until: filters.until, after: sortKeyOf(cursor), expected: limit };
  const search = { ledger, filters, limit, maxExamined };
  return filters.state === undefined
    ? await searchByFailure(search, span)
    : await searchByState({ ...search, state: filters.state }, span);
}

async function searchByFailure(search: Search, span: TimeSpan): Promise<FailurePage> {
  const { ledger, filters, limit } = search;
  const found: PrimaryFailureRecord[] = [];
  let last: PrimaryFailureRecord | undefined;
  let more = false;
  let examined = 0;
  for await (const failure of candidates(ledger, filters, span)) {
    if (found.length >= limit || examined >= search.maxExamined) {
      more = true;
      break;
    }
    examined += 1;
    last = failure;
    if (isMatch(failure, filters)) found.push(failure);
  }
  const items = await pMap(
    found,
    async (failure) => ({ failure, recoveries: await ledger.queries.readRecoveriesOf(failure) }),
    { concurrency: READS_AT_ONCE },
  );
  return { items, ...(more && last !== undefined && { cursor: cursorAt(afterFailure(last)) }) };
}

function candidates(
  ledger: Ledger,
  { error, host }: FailureFilters,
  span: TimeSpan,
): AsyncGenerator<PrimaryFailureRecord> {
  if (error !== undefined) return ledger.queries.failuresByClass(error, span);
  if (host !== undefined) return ledger.queries.failuresByHost(host, span);
  return ledger.queries.failuresByTime(span);
}

const JOBS_AT_ONCE = 8;

type StateSearch = Search & { readonly state: StateFilter };

/** Recoveries of one output and role that lie next to each other in the index. */
interface Run {
  readonly first: RecoveryRecord;
  /** Sort key of the last of them. */
  readonly after: string;
}

/** How many records may still be looked at. */
interface Bound {
  left: number;
  isHit: boolean;
}

/** As `searchFailures`, by way of the recoveries in a state. An output may be repeated on a later page. */
export async function searchByState(search: StateSearch, span: TimeSpan): Promise<FailurePage> {
  const bound: Bound = { left: search.maxExamined, isHit: false };
  const found = new Map<string, FailureMatch>();
  let after: string | undefined;
  for await (const { run, match } of judged(search, runsOf(inState(search, span), bound))) {
    if (found.size >= search.limit) return pageOf(found, after);
    after = run.after;
    const id = `${run.first.jobId} ${run.first.outputId} ${run.first.role}`;
    if (match !== null) found.set(id, match);
  }
  return pageOf(found, bound.isHit ? after : undefined);
}

function pageOf(found: ReadonlyMap<string, FailureMatch>, after: string | undefined): FailurePage {
  return { items: [...found.values()], ...(after !== undefined && { cursor: cursorAt(after) }) };
}

function inState({ ledger, state }: StateSearch, span: TimeSpan): AsyncGenerator<RecoveryRecord> {
  if (state === 'open') {
    return ledger.queries.openRecoveriesByDeadline({ after: span.after, expected: span.expected });
  }
  // What failed within the span was settled after it began, and maybe long after it ended.
  return ledger.queries.recoveriesByState(state, { ...span, until: undefined });
}

/** The runs in order, each with its match; jobs are read a few at a time. */
async function* judged(
  search: StateSearch,
  runs: AsyncIterable<Run>,
): AsyncGenerator<{ readonly run: Run; readonly match: FailureMatch | null }> {
  const judge = async (run: Run) => ({ run, match: await matchOf(search, run.first) });
  let batch: Run[] = [];
  for await (const run of runs) {
    batch.push(run);
    if (batch.length < JOBS_AT_ONCE) continue;
    yield* await Promise.all(batch.map(judge));
    batch = [];
  }
  yield* await Promise.all(batch.map(judge));
}

async function matchOf(
  { ledger, filters }: StateSearch,
  recovery: RecoveryRecord,
): Promise<FailureMatch | null> {
  const { jobId, outputId, role } = recovery;
  const { failures, recoveries } = await ledger.queries.readJob(jobId);
  const isSame = (other: { readonly outputId: string; readonly role: string }) =>
    other.outputId === outputId && other.role === role;
  const failure = failures.find(isSame);
  if (failure === undefined || !isMatch(failure, filters)) return null;
  return { failure, recoveries: recoveries.filter(isSame) };
}

async function* runsOf(recoveries: AsyncIterable<RecoveryRecord>, bound: Bound): AsyncGenerator<Run> {
  let run: Run | undefined;
  for await (const recovery of recoveries) {
    if (bound.left === 0) {
      bound.isHit = true;
      break;
    }
    bound.left -= 1;
    const isNext = run === undefined || !isSameOutput(run.first, recovery);
    if (isNext && run !== undefined) yield run;
    run = { first: isNext || run === undefined ? recovery : run.first, after: afterRecovery(recovery) };
  }
  if (run !== undefined) yield run;
}

function isSameOutput(a: RecoveryRecord, b: RecoveryRecord): boolean {
  return a.jobId === b.jobId && a.outputId === b.outputId && a.role === b.role;
}

/**
 * Recoveries in a state: open ones by deadline, the nearest first; settled ones by when they were settled, the newest
 * first. Reads a page of each of eight shards; `pending` and `copying` share an index, so that finding the one may
 * read over the other.
 *
 * @throws {InvalidCursor}
 */
export async function listRecoveries(
  ledger: Ledger,
  { filters, cursor, limit }: ListRequest<RecoveryFilters>,
): Promise<Page<RecoveryRecord>> {
  const after = sortKeyOf(cursor);
  const { state, since, until } = filters;
  const records =
    state === 'open'
      ? ledger.queries.openRecoveriesByDeadline({ after, expected: limit })
      : ledger.queries.recoveriesByState(state, { since, until, after, expected: limit });
  return await takePage(records, limit, afterRecovery);
}

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
  readonly ledger: Ledger;
  readonly filters: FailureFilters;
  readonly limit: number;
  /** Records of the index that are looked at, at most. */
  readonly maxExamined: number;
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
