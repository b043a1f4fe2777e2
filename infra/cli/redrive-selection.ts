import { pMapIterable } from 'p-map';
import type { Ledger } from '../../lambda/shared/ledger/ledger.ts';
import type { RecoveryRecord } from '../../lambda/shared/ledger/records.ts';
import { unreadableLine } from '../../lambda/shared/ledger/unreadable-reports.ts';
import type { RedriveMessage } from '../../lambda/shared/queue/messages.ts';
import { parseDuration, parseTime } from '../../lambda/shared/reporting/time.ts';
import type { RecoveryState } from '../../lambda/shared/zencoder/model.ts';
import { quoted, readOptions, UsageError, wholeNumber } from './lib/command.ts';
import { STACK_OPTIONS } from './lib/target.ts';

/** A state that a recovery can be redriven from. */
export type RedrivenState = Exclude<RecoveryState, 'recovered'>;

const STATES: readonly string[] = ['lost', 'failed', 'pending', 'copying'] satisfies RedrivenState[];

/** Which recoveries are to be tried again. */
export interface Selection {
  readonly jobId?: string;
  readonly outputId?: string;
  readonly errorClass?: string;
  readonly states: readonly RedrivenState[];
  /** Epoch milliseconds. */
  readonly since?: number;
  readonly limit: number;
}

export interface RedriveOptions {
  /** Undefined for the dead letters. */
  readonly selection: Selection | undefined;
  readonly dryRun: boolean;
  readonly wait: boolean;
  /** Milliseconds. */
  readonly timeout: number;
  readonly json: boolean;
  readonly target: { readonly stack?: string; readonly local?: boolean };
}

/**
 * Reads the command line.
 *
 * @param now epoch milliseconds.
 * @throws {UsageError}
 */
export function redriveOptions(argv: readonly string[], now: number): RedriveOptions {
  const values = readOptions(argv, {
    job: { type: 'string' },
    output: { type: 'string' },
    error: { type: 'string' },
    state: { type: 'string', multiple: true },
    since: { type: 'string' },
    limit: { type: 'string' },
    'dead-letters': { type: 'boolean', default: false },
    'dry-run': { type: 'boolean', default: false },
    wait: { type: 'boolean', default: false },
    timeout: { type: 'string', default: '15m' },
    json: { type: 'boolean', default: false },
    ...STACK_OPTIONS,
  });
  const { 'dead-letters': deadLetters, 'dry-run': dryRun, wait, timeout, json, stack, local } = values;
  const selection = selectionOf(values, now);
  if (deadLetters && (selection !== undefined || wait))
    throw new UsageError('--dead-letters cannot be combined with other filters');
  if (!deadLetters && selection === undefined) {
    throw new UsageError('say which recoveries: --job, --error or --state; or --dead-letters');
  }
  const milliseconds = parseDuration(timeout);
  if (milliseconds === null)
    throw new UsageError(`--timeout expects e.g. 90s or 15m, not ${quoted(timeout)}`);
  const target = { ...(stack !== undefined && { stack }), ...(local !== undefined && { local }) };
  return { selection, dryRun, wait, timeout: milliseconds, json, target };
}

function selectionOf(
  values: {
    readonly job?: string;
    readonly output?: string;
    readonly error?: string;
    readonly state?: readonly string[];
    readonly since?: string;
    readonly limit?: string;
  },
  now: number,
): Selection | undefined {
  const { job, output, error, state, since, limit } = values;
  if (output !== undefined && job === undefined) throw new UsageError('--output needs --job');
  if (job === undefined && error === undefined && state === undefined) {
    if (since === undefined && limit === undefined) return undefined;
    throw new UsageError('--since and --limit narrow a choice: add --job, --error or --state');
  }
  return {
    ...(job !== undefined && { jobId: idOf('--job', job) }),
    ...(output !== undefined && { outputId: idOf('--output', output) }),
    ...(error !== undefined && { errorClass: classOf(error) }),
    states: state === undefined ? ['lost', 'failed'] : [...new Set(state.map(stateOf))],
    ...(since !== undefined && { since: timeOf(since, now) }),
    limit: limit === undefined ? 1000 : wholeNumber('--limit', limit, 1, 1_000_000),
  };
}

function idOf(option: string, text: string): string {
  if (/^\d{1,20}$/.test(text)) return text;
  throw new UsageError(`${option} must be a number as Zencoder shows it, not ${quoted(text)}`);
}

function classOf(text: string): string {
  if (text.trim() !== '') return text;
  throw new UsageError('--error must not be empty');
}

function stateOf(text: string): RedrivenState {
  if (isState(text)) return text;
  throw new UsageError(`--state must be one of ${STATES.join(', ')}, not ${quoted(text)}`);
}

function isState(text: string): text is RedrivenState {
  return STATES.includes(text);
}

function timeOf(text: string, now: number): number {
  const time = parseTime(text, now);
  if (time !== null) return time;
  throw new UsageError(`--since expects e.g. 24h, 7d or 2026-03-15T08:00, not ${quoted(text)}`);
}

const LOOK_UPS_AHEAD = 16;

/**
 * The recoveries that a selection means, at most its limit, found by the narrowest way there is: by job, else by error
 * class, else by state.
 *
 * @returns in `leftOut` a line of text about records that cannot be read; null when there are none.
 */
export async function selectRecoveries(
  given: Ledger,
  selection: Selection,
): Promise<{ recoveries: RecoveryRecord[]; isAll: boolean; leftOut: string | null }> {
  const { ledger, unreadable } = given.withUnreadable();
  const recoveries: RecoveryRecord[] = [];
  for await (const recovery of candidates(ledger, selection)) {
    if (!matches(recovery, selection)) continue;
    if (recoveries.length === selection.limit) {
      return { recoveries, isAll: false, leftOut: unreadableLine(unreadable) };
    }
    recoveries.push(recovery);
  }
  return { recoveries, isAll: true, leftOut: unreadableLine(unreadable) };
}

async function* candidates(
  ledger: Ledger,
  { jobId, errorClass, states, since }: Selection,
): AsyncGenerator<RecoveryRecord> {
  if (jobId !== undefined) {
    const { failures, recoveries } = await ledger.queries.readJob(jobId);
    const ofClass = failures.filter(
      (failure) => errorClass === undefined || failure.errorClass === errorClass,
    );
    const roles = new Set(ofClass.map(({ outputId, role }) => `${outputId} ${role}`));
    for (const recovery of recoveries) {
      const isOfClass = roles.has(`${recovery.outputId} ${recovery.role}`);
      if (errorClass === undefined || isOfClass) yield recovery;
    }
  } else if (errorClass === undefined) {
    // Nothing is settled before it failed, so the span is wide enough for what `matches` looks at.
    for (const state of states) yield* ledger.queries.recoveriesByState(state, { since });
  } else {
    const failures = ledger.queries.failuresByClass(errorClass, { since });
    const found = pMapIterable(failures, (failure) => ledger.queries.readRecoveriesOf(failure), {
      concurrency: LOOK_UPS_AHEAD,
    });
    for await (const recoveries of found) yield* recoveries;
  }
}

function matches(recovery: RecoveryRecord, { outputId, states, since }: Selection): boolean {
  if (outputId !== undefined && recovery.outputId !== outputId) return false;
  const isState = states.some((state) => state === recovery.state);
  return isState && (since === undefined || recovery.failedAt >= since);
}

/** Who asked, as the records show it: the command knows the identity of its caller by no name. */
const REQUESTER = 'command line';

/**
 * The messages for a selection: an output that is selected by its id may have no record.
 *
 * @param now epoch milliseconds.
 */
export function wantedMessages(
  recoveries: readonly RecoveryRecord[],
  { jobId, outputId }: Selection,
  now: number,
): RedriveMessage[] {
  const isUnknown = recoveries.length === 0 && jobId !== undefined && outputId !== undefined;
  const messages = isUnknown ? [messageFor(jobId, outputId)] : messagesFor(recoveries);
  return messages.map((message) => ({ ...message, requested: { by: REQUESTER, at: now } }));
}

type Redriven = Pick<RecoveryRecord, 'jobId' | 'outputId' | 'role' | 'fileId'>;

/**
 * The fewest messages that redrive these recoveries: each makes the worker request URLs from Zencoder, of which there are 60
 * a minute. One file is named by itself; several of an output by their role, or by the output, which means all of it that
 * is not recovered.
 */
export function messagesFor(recoveries: readonly Redriven[]): RedriveMessage[] {
  const byOutput = Map.groupBy(recoveries, ({ jobId, outputId }) => `${jobId} ${outputId}`);
  return [...byOutput.values()].flatMap(([first, ...others]) => {
    if (first === undefined) return [];
    const { jobId, outputId, role, fileId } = first;
    if (others.length === 0) return [{ ...messageFor(jobId, outputId), role, fileId }];
    const isOneRole = others.every((other) => other.role === role);
    return [{ ...messageFor(jobId, outputId), ...(isOneRole && { role }) }];
  });
}

/** The message for an output as a whole, known to the ledger or not. */
function messageFor(jobId: string, outputId: string): RedriveMessage {
  return { type: 'redrive', version: 1, jobId, outputId };
}
