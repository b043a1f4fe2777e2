import type { Ledger } from '../ledger/ledger.ts';
import type { PrimaryFailureRecord, RecoveryRecord } from '../ledger/records.ts';
import type { RecoveryState } from '../zencoder/model.ts';

/** The combined state of the recoveries of several files. */
export interface Outcome {
  /** The state that matters most: of lost, failed, copying, pending, recovered the first that any file is in; null without files. */
  readonly state: RecoveryState | null;
  readonly files: number;
  readonly counts: Readonly<Record<RecoveryState, number>>;
  /** Nearest deadline of the files that are open, epoch milliseconds. */
  readonly deadline: number | null;
}

/** Progress of a copy. */
export interface Progress {
  /** Bytes where the size of every file is known, else files. */
  readonly unit: 'bytes' | 'files';
  readonly done: number;
  readonly total: number;
}

const BY_WEIGHT = [
  'lost',
  'failed',
  'copying',
  'pending',
  'recovered',
] as const satisfies readonly RecoveryState[];

/** The outcome of recoveries, say of one output. */
export function summarize(recoveries: readonly RecoveryRecord[]): Outcome {
  const counts = { pending: 0, copying: 0, recovered: 0, lost: 0, failed: 0 };
  for (const { state } of recoveries) counts[state] += 1;
  const deadlines = recoveries.filter(isOpen).map(({ deadline }) => deadline);
  return {
    state: BY_WEIGHT.find((state) => counts[state] > 0) ?? null,
    files: recoveries.length,
    counts,
    deadline: deadlines.length > 0 ? Math.min(...deadlines) : null,
  };
}

/** Size of a file from the first source that has one; null when none has. */
export function sizeOf(recovery: RecoveryRecord): number | null {
  return recovery.size ?? recovery.bytesTotal ?? recovery.upload?.size ?? recovery.expectedSize;
}

/** Progress of recoveries; null without files. A file that is lost counts as not done. */
export function progressOf(recoveries: readonly RecoveryRecord[]): Progress | null {
  if (recoveries.length === 0) return null;
  const sizes = recoveries.map(sizeOf);
  if (sizes.some((size) => size === null || size === 0)) {
    const done = recoveries.filter(({ state }) => state === 'recovered').length;
    return { unit: 'files', done, total: recoveries.length };
  }
  const total = sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0);
  const done = recoveries.reduce((sum, recovery) => sum + bytesDone(recovery), 0);
  return { unit: 'bytes', done: Math.min(done, total), total };
}

/** True while the recovery continues by itself. */
export function isOpen({ state }: Pick<RecoveryRecord, 'state'>): boolean {
  return state === 'pending' || state === 'copying';
}

/**
 * True where *Retry now* makes sense: what waits has a message that is only made due; what is lost or failed needs a
 * fresh URL, which takes an API key of Zencoder.
 */
export function canBeRetried({ state }: Pick<RecoveryRecord, 'state'>, hasApiKey: boolean): boolean {
  return state === 'pending' || (hasApiKey && needsFreshUrl({ state }));
}

/** True for lost and failed files: their signed URL is stored nowhere any more. */
export function needsFreshUrl({ state }: Pick<RecoveryRecord, 'state'>): boolean {
  return state === 'lost' || state === 'failed';
}

function bytesDone(recovery: RecoveryRecord): number {
  return recovery.state === 'recovered' ? (sizeOf(recovery) ?? 0) : (recovery.bytesDone ?? 0);
}

/** The records of one output. */
export interface OutputView {
  readonly jobId: string;
  readonly outputId: string;
  readonly label: string | null;
  readonly outputType: string | null;
  /** At most one a role, media first. */
  readonly failures: readonly PrimaryFailureRecord[];
  /** What needs a look first, then by name. */
  readonly recoveries: readonly RecoveryRecord[];
}

/** The records of a job: only its outputs with a failed upload. */
export interface JobView {
  readonly jobId: string;
  readonly passThrough: string | null;
  readonly test: boolean;
  /** By id. */
  readonly outputs: readonly OutputView[];
}

const ORDER: readonly RecoveryState[] = ['failed', 'lost', 'copying', 'pending', 'recovered'];

/** All records of a job, or null when the ledger has none. One Query for each MB. */
export async function viewJob(ledger: Ledger, jobId: string): Promise<JobView | null> {
  const { failures, recoveries } = await ledger.queries.readJob(jobId);
  const all = [...failures, ...recoveries];
  const [first] = all;
  if (first === undefined) return null;
  const ids = [...new Set(all.map(({ outputId }) => outputId))].toSorted(byNumber);
  return {
    jobId,
    passThrough: all.find(({ passThrough }) => passThrough !== null)?.passThrough ?? null,
    test: all.some(({ test }) => test),
    outputs: ids.map((outputId) => {
      const own = all.filter((record) => record.outputId === outputId);
      return {
        jobId,
        outputId,
        label: own.find(({ label }) => label !== null)?.label ?? null,
        outputType: own.find(({ outputType }) => outputType !== null)?.outputType ?? null,
        failures: failures
          .filter((failure) => failure.outputId === outputId)
          .toSorted((a, b) => compare(a.role, b.role)),
        recoveries: recoveries.filter((recovery) => recovery.outputId === outputId).toSorted(byNeed),
      };
    }),
  };
}

function byNeed(a: RecoveryRecord, b: RecoveryRecord): number {
  return (
    ORDER.indexOf(a.state) - ORDER.indexOf(b.state) ||
    compare(a.role, b.role) ||
    compare(a.thumbnailLabel ?? '', b.thumbnailLabel ?? '') ||
    compare(a.filename, b.filename) ||
    compare(a.fileId, b.fileId)
  );
}

/** Ids have up to 20 digits, more than a number can hold. */
function byNumber(a: string, b: string): number {
  return a.length - b.length || compare(a, b);
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
