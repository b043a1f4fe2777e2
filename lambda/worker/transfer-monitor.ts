import type { RecoveryRecord } from '../shared/ledger/records.ts';
import { bytesOf } from './copy/plan.ts';
import type { CopyJob, CopyPlan, SegmentDone, SegmentOutOfTime } from './copy/types.ts';
import type { WorkerContext } from './dependencies.ts';

/** A rate says little before so much time has gone by. */
const MEASURE_MS = 30_000;

/** A copy that cannot end in time at its rate. */
export interface TooSlow {
  readonly bytesPerSecond: number;
  readonly bytesLeft: number;
  /** Until the deadline. */
  readonly secondsLeft: number;
}

export interface PaceOptions {
  /** Bytes of what is being copied. */
  readonly total: number;
  /** Epoch milliseconds. */
  readonly deadline: number;
  readonly now: () => number;
  /** Told once, as soon as it shows. */
  readonly onTooSlow: (pace: TooSlow) => void;
}

/**
 * Watches whether a copy can end before its deadline. The rate is measured from the first report on, so that parts of
 * earlier attempts do not count.
 *
 * @returns a function that is told how many bytes are there, those of earlier attempts included.
 */
export function createPace({ total, deadline, now, onTooSlow }: PaceOptions): (bytesDone: number) => void {
  let first: { readonly at: number; readonly bytes: number } | undefined;
  let told = false;
  return (bytesDone) => {
    const at = now();
    first ??= { at, bytes: bytesDone };
    const elapsed = at - first.at;
    if (told || elapsed < MEASURE_MS) return;
    const bytesPerMs = (bytesDone - first.bytes) / elapsed;
    const bytesLeft = total - bytesDone;
    if (bytesLeft <= bytesPerMs * Math.max(0, deadline - at)) return;
    told = true;
    onTooSlow({
      bytesPerSecond: Math.round(bytesPerMs * 1000),
      bytesLeft,
      secondsLeft: Math.max(0, Math.round((deadline - at) / 1000)),
    });
  };
}

/** Progress is for people: no more than one write in so many milliseconds, whatever the number of parts. */
const INTERVAL_MS = 3_000;

export interface ProgressOptions {
  /** Writes bytes to the ledger; a fault of it is dropped, since progress decides nothing. */
  readonly save: (bytesDone: number) => Promise<unknown>;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

export interface Progress {
  /** Tells how many bytes are done; may or may not be written. */
  readonly report: (bytesDone: number) => void;
  /** Waits for a write that is under way. */
  readonly settled: () => Promise<void>;
}

/** Thins reports out to one write at a time, one in three seconds. */
export function createProgress({ save, now }: ProgressOptions): Progress {
  let last = now();
  let writing: Promise<unknown> | null = null;
  return {
    report: (bytesDone) => {
      if (writing !== null || now() - last < INTERVAL_MS) return;
      last = now();
      const ended = () => {
        writing = null;
      };
      writing = save(bytesDone).then(ended, ended);
    },
    settled: async () => {
      await writing;
    },
  };
}

export interface WatchedSegment {
  readonly job: CopyJob;
  readonly plan: CopyPlan;
  readonly segment: number;
  readonly record: RecoveryRecord;
  /** Writes how many bytes of the segment are done to the ledger. */
  readonly save: (bytesDone: number) => Promise<unknown>;
}

/**
 * Copies a segment until the invocation must stop, tells the ledger how far it is, and says so as soon as it shows that
 * it cannot end before the deadline.
 *
 * @throws what `CopyEngine.copySegment` throws.
 */
export async function copyWatched(
  { job, plan, segment, record, save }: WatchedSegment,
  context: WorkerContext,
): Promise<SegmentDone | SegmentOutOfTime> {
  const { engine, invocation, now } = context;
  const progress = createProgress({ save, now });
  const pace = createPace({
    total: bytesOf(plan, segment),
    deadline: record.deadline,
    now,
    onTooSlow: (slow) => reportTooSlow(record, slow, context),
  });
  const onProgress = (bytesDone: number) => {
    progress.report(bytesDone);
    pace(bytesDone);
  };
  try {
    return await engine.copySegment(job, plan, segment, { stopAt: invocation.stopAt, onProgress });
  } finally {
    await progress.settled();
  }
}

/** Says that a copy will not end in time, while somebody can still do something about it. */
function reportTooSlow(
  { role, fileId }: RecoveryRecord,
  slow: TooSlow,
  { logger, meter }: Pick<WorkerContext, 'logger' | 'meter'>,
): void {
  const reason = 'at its rate the copy cannot end before the deadline';
  logger.warn('at risk', { role, fileId, reason, ...slow });
  meter.add('atRiskRecoveries', 1, 'TooSlow');
}
