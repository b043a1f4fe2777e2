import type { LedgerTable } from '../../../lambda/shared/ledger/ledger-table.ts';
import {
  failuresByClass,
  failuresByHost,
  failuresByTime,
  type TimeSpan,
} from '../../../lambda/shared/ledger/queries.ts';
import { readJob, readRecoveriesOf } from '../../../lambda/shared/ledger/read-items.ts';
import type { PrimaryFailureRecord, RecoveryRecord } from '../../../lambda/shared/ledger/records.ts';
import { mapAhead } from '../ahead.ts';
import type { FailuresOptions, StateFilter } from './options.ts';

/** A failed upload and the recoveries of its files: none when Zencoder kept no backup. */
export interface FailureWithRecoveries {
  readonly failure: PrimaryFailureRecord;
  readonly recoveries: readonly RecoveryRecord[];
}

/** Whose files are looked up ahead of being shown: hides the round trips of one Query each. */
const LOOK_UPS_AHEAD = 16;

/**
 * The failures that the options ask for, newest first, without their limit. Reads as it is consumed.
 *
 * @param now epoch milliseconds.
 */
export async function* selectFailures(
  table: LedgerTable,
  options: FailuresOptions,
  now: number,
): AsyncGenerator<FailureWithRecoveries> {
  for await (const found of candidates(table, options, now)) {
    if (matchesState(found.recoveries, options.state)) yield found;
  }
}

/** By the narrowest index that the options name. */
async function* candidates(
  table: LedgerTable,
  options: FailuresOptions,
  now: number,
): AsyncGenerator<FailureWithRecoveries> {
  if (options.jobId !== undefined) {
    yield* failuresOfJob(table, options.jobId, options);
    return;
  }
  const span: TimeSpan = {
    now,
    since: options.since,
    until: options.until,
    after: options.after,
    ...(Number.isFinite(options.limit) && { expected: options.limit }),
  };
  const failures = filtered(indexed(table, options, span), options);
  yield* mapAhead(failures, Math.min(LOOK_UPS_AHEAD, options.limit), async (failure) => ({
    failure,
    recoveries: await readRecoveriesOf(table, failure),
  }));
}

function indexed(
  table: LedgerTable,
  { errorClass, host }: FailuresOptions,
  span: TimeSpan,
): AsyncGenerator<PrimaryFailureRecord> {
  if (host !== undefined) return failuresByHost(table, host, span);
  if (errorClass !== undefined) return failuresByClass(table, errorClass, span);
  return failuresByTime(table, span);
}

async function* failuresOfJob(
  table: LedgerTable,
  jobId: string,
  options: FailuresOptions,
): AsyncGenerator<FailureWithRecoveries> {
  const { failures, recoveries } = await readJob(table, jobId);
  const newestFirst = failures.filter((failure) => matches(failure, options)).toSorted(byTime);
  for (const failure of newestFirst) {
    const own = recoveries.filter(
      ({ outputId, role }) => outputId === failure.outputId && role === failure.role,
    );
    yield { failure, recoveries: own };
  }
}

async function* filtered(
  failures: AsyncIterable<PrimaryFailureRecord>,
  options: FailuresOptions,
): AsyncGenerator<PrimaryFailureRecord> {
  for await (const failure of failures) if (matches(failure, options)) yield failure;
}

function matches(failure: PrimaryFailureRecord, options: FailuresOptions): boolean {
  const { since = Number.NEGATIVE_INFINITY, until = Number.POSITIVE_INFINITY, errorClass, host } = options;
  if (failure.failedAt < since || failure.failedAt >= until) return false;
  if (errorClass !== undefined && failure.errorClass !== errorClass) return false;
  return host === undefined || failure.destinationHost === host;
}

function matchesState(recoveries: readonly RecoveryRecord[], state: StateFilter | undefined): boolean {
  if (state === undefined) return true;
  return state === 'none' ? recoveries.length === 0 : recoveries.some((recovery) => recovery.state === state);
}

function byTime(a: PrimaryFailureRecord, b: PrimaryFailureRecord): number {
  return b.failedAt - a.failedAt;
}
