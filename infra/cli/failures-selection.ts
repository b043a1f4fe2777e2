import { pMapIterable } from 'p-map';
import type { Ledger } from '../../lambda/shared/ledger/ledger.ts';
import { InvalidCursor, sortKeyOf } from '../../lambda/shared/ledger/paging.ts';
import type { PrimaryFailureRecord, RecoveryRecord } from '../../lambda/shared/ledger/records.ts';
import type { TimeSpan } from '../../lambda/shared/ledger/spans.ts';
import type { FailureMatch } from '../../lambda/shared/reporting/search.ts';
import { parseTime } from '../../lambda/shared/reporting/time.ts';
import type { RecoveryState } from '../../lambda/shared/zencoder/model.ts';
import { quoted, readOptions, UsageError, wholeNumber } from './lib/command.ts';
import { TARGET_OPTIONS } from './lib/target.ts';

/** A recovery's state, or none for a failure without a backup file. */
export type StateFilter = RecoveryState | 'none';

/** The options of the command. */
export interface FailuresOptions {
  /** Epoch milliseconds. */
  readonly since?: number;
  readonly until?: number;
  readonly errorClass?: string;
  readonly host?: string;
  readonly jobId?: string;
  readonly state?: StateFilter;
  /** Infinity for all. */
  readonly limit: number;
  /** Sort key of the last failure that was shown. */
  readonly after?: string | undefined;
  readonly json: boolean;
  readonly target: { readonly stack?: string; readonly table?: string; readonly local?: boolean };
}

const STATES: readonly string[] = [
  'pending',
  'copying',
  'recovered',
  'lost',
  'failed',
  'none',
] satisfies StateFilter[];

/**
 * Reads the command line.
 *
 * @param now epoch milliseconds.
 * @throws {UsageError}
 */
export function failuresOptions(argv: readonly string[], now: number): FailuresOptions {
  const { since, until, error, host, job, state, limit, cursor, json, ...target } = readOptions(argv, {
    since: { type: 'string' },
    until: { type: 'string' },
    error: { type: 'string' },
    host: { type: 'string' },
    job: { type: 'string' },
    state: { type: 'string' },
    limit: { type: 'string' },
    cursor: { type: 'string' },
    json: { type: 'boolean', default: false },
    ...TARGET_OPTIONS,
  });
  const options = {
    ...(since !== undefined && { since: timeOf('--since', since, now) }),
    ...(until !== undefined && { until: timeOf('--until', until, now) }),
    ...(error !== undefined && { errorClass: nonEmpty('--error', error) }),
    ...(host !== undefined && { host: nonEmpty('--host', host).toLowerCase() }),
    ...(job !== undefined && { jobId: jobOf(job) }),
    ...(state !== undefined && { state: stateOf(state) }),
    ...(cursor !== undefined && { after: sortKeyIn(cursor) }),
    limit: limit === undefined ? defaultLimit(json) : wholeNumber('--limit', limit, 1, 1_000_000_000),
    json,
    target,
  };
  if (options.since !== undefined && options.until !== undefined && options.since >= options.until) {
    throw new UsageError('--since must be before --until');
  }
  if (job !== undefined && cursor !== undefined) {
    throw new UsageError('--cursor cannot be combined with --job, which has one page');
  }
  return options;
}

/** A table has a default limit that stays readable; JSON for scripts has none. */
function defaultLimit(json: boolean): number {
  return json ? Number.POSITIVE_INFINITY : 50;
}

function timeOf(option: string, text: string, now: number): number {
  const time = parseTime(text, now);
  if (time !== null) return time;
  throw new UsageError(`${option} expects e.g. 24h, 7d or 2026-03-15T08:00, not ${quoted(text)}`);
}

function stateOf(text: string): StateFilter {
  if (isState(text)) return text;
  throw new UsageError(`--state must be one of ${STATES.join(', ')}, not ${quoted(text)}`);
}

function isState(text: string): text is StateFilter {
  return STATES.includes(text);
}

function jobOf(text: string): string {
  if (/^\d{1,20}$/.test(text)) return text;
  throw new UsageError(`--job must be a job's number, not ${quoted(text)}`);
}

function nonEmpty(option: string, text: string): string {
  if (text.trim() !== '') return text;
  throw new UsageError(`${option} must not be empty`);
}

function sortKeyIn(cursor: string): string | undefined {
  try {
    return sortKeyOf(cursor);
  } catch (error) {
    if (error instanceof InvalidCursor) throw new UsageError(`--cursor: ${error.message}`);
    throw error;
  }
}

/** Whose files are looked up ahead of being shown: hides the round trips of one Query each. */
const LOOK_UPS_AHEAD = 16;

/**
 * The failures that the options select, newest first, without their limit. Reads as it is consumed.
 */
export async function* selectFailures(
  ledger: Ledger,
  options: FailuresOptions,
): AsyncGenerator<FailureMatch> {
  for await (const found of candidates(ledger, options)) {
    if (matchesState(found.recoveries, options.state)) yield found;
  }
}

/** By the narrowest index that the options name. */
async function* candidates(ledger: Ledger, options: FailuresOptions): AsyncGenerator<FailureMatch> {
  if (options.jobId !== undefined) {
    yield* failuresOfJob(ledger, options.jobId, options);
    return;
  }
  const span: TimeSpan = {
    since: options.since,
    until: options.until,
    after: options.after,
    ...(Number.isFinite(options.limit) && { expected: options.limit }),
  };
  const failures = filtered(indexed(ledger, options, span), options);
  yield* pMapIterable(
    failures,
    async (failure) => ({ failure, recoveries: await ledger.queries.readRecoveriesOf(failure) }),
    { concurrency: Math.min(LOOK_UPS_AHEAD, options.limit) },
  );
}

function indexed(
  ledger: Ledger,
  { errorClass, host }: FailuresOptions,
  span: TimeSpan,
): AsyncGenerator<PrimaryFailureRecord> {
  if (host !== undefined) return ledger.queries.failuresByHost(host, span);
  if (errorClass !== undefined) return ledger.queries.failuresByClass(errorClass, span);
  return ledger.queries.failuresByTime(span);
}

async function* failuresOfJob(
  ledger: Ledger,
  jobId: string,
  options: FailuresOptions,
): AsyncGenerator<FailureMatch> {
  const { failures, recoveries } = await ledger.queries.readJob(jobId);
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
