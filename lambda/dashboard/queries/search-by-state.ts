import { cursorAt } from '../../shared/ledger/page.ts';
import {
  afterRecovery,
  openRecoveriesByDeadline,
  recoveriesByState,
  type TimeSpan,
} from '../../shared/ledger/queries.ts';
import { readJob } from '../../shared/ledger/read-items.ts';
import type { RecoveryRecord } from '../../shared/ledger/records.ts';
import type { StateFilter } from './filters.ts';
import { type FailureMatch, type FailurePage, isMatch, type Search } from './search.ts';

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

/** As `searchFailures`, by way of the recoveries in a state. An output may come again on a later page. */
export async function searchByState(search: StateSearch, span: TimeSpan): Promise<FailurePage> {
  const bound: Bound = { left: search.mostExamined, isHit: false };
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

function inState({ table, state }: StateSearch, span: TimeSpan): AsyncGenerator<RecoveryRecord> {
  if (state === 'open') {
    return openRecoveriesByDeadline(table, { after: span.after, expected: span.expected });
  }
  // What failed within the span was settled after it began, and maybe long after it ended.
  return recoveriesByState(table, state, { ...span, until: undefined });
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
  { table, filters }: StateSearch,
  recovery: RecoveryRecord,
): Promise<FailureMatch | null> {
  const { jobId, outputId, role } = recovery;
  const { failures, recoveries } = await readJob(table, jobId);
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
