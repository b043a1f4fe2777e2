import type { RecoveryRecord } from '../shared/ledger/records.ts';
import { bytesOf } from './copy/plan.ts';
import type { CopyJob, CopyPlan, SegmentDone, SegmentOutOfTime } from './copy/types.ts';
import type { WorkerDependencies } from './dependencies.ts';

/** A rate is not meaningful before this much time has passed. */
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
  /** Called once, as soon as it shows. */
  readonly onTooSlow: (pace: TooSlow) => void;
}

/**
 * Watches whether a copy can end before its deadline. The rate is measured from the first report on, so that parts of
 * earlier attempts do not count.
 *
 * @returns a function that takes how many bytes are there, those of earlier attempts included.
 */
export function createPace({ total, deadline, now, onTooSlow }: PaceOptions): (bytesDone: number) => void {
  let first: { readonly at: number; readonly bytes: number } | undefined;
  let isReported = false;
  return (bytesDone) => {
    const at = now();
    first ??= { at, bytes: bytesDone };
    const elapsed = at - first.at;
    if (isReported || elapsed < MEASURE_MS) return;
    const bytesPerMs = (bytesDone - first.bytes) / elapsed;
    const bytesLeft = total - bytesDone;
    if (bytesLeft <= bytesPerMs * Math.max(0, deadline - at)) return;
    isReported = true;
    onTooSlow({
      bytesPerSecond: Math.round(bytesPerMs * 1000),
      bytesLeft,
      secondsLeft: Math.max(0, Math.round((deadline - at) / 1000)),
    });
  };
}

/** Progress is for people: at most one write in this time, whatever the number of parts. */
const INTERVAL_MS = 3_000;

export interface ProgressOptions {
  /** Writes bytes to the ledger; an error of it is dropped, since progress decides nothing. */
  readonly save: (bytesDone: number) => Promise<unknown>;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

export interface Progress {
  /** Takes how many bytes are done; may or may not be written. */
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

export interface MonitoredSegment {
  readonly job: CopyJob;
  readonly plan: CopyPlan;
  readonly segment: number;
  readonly record: RecoveryRecord;
  /** Writes how many bytes of the segment are done to the ledger. */
  readonly save: (bytesDone: number) => Promise<unknown>;
}

/**
 * Copies a segment until the invocation must stop, writes its progress to the ledger, and reports as soon as it shows that
 * it cannot end before the deadline.
 *
 * @param stopAt epoch milliseconds.
 * @throws what `CopyEngine.copySegment` throws.
 */
export async function copyMonitored(
  { job, plan, segment, record, save }: MonitoredSegment,
  stopAt: number,
  { engine, logger, meter, now }: Pick<WorkerDependencies, 'engine' | 'logger' | 'meter' | 'now'>,
): Promise<SegmentDone | SegmentOutOfTime> {
  const progress = createProgress({ save, now });
  const pace = createPace({
    total: bytesOf(plan, segment),
    deadline: record.deadline,
    now,
    onTooSlow: (slow) => reportTooSlow(record, slow, { logger, meter }),
  });
  const onProgress = (bytesDone: number) => {
    progress.report(bytesDone);
    pace(bytesDone);
  };
  try {
    return await engine.copySegment(job, plan, segment, { stopAt, onProgress });
  } finally {
    await progress.settled();
  }
}

/** Reports that a copy will not end in time, while there is still time to act. */
function reportTooSlow(
  { role, fileId }: RecoveryRecord,
  slow: TooSlow,
  { logger, meter }: Pick<WorkerDependencies, 'logger' | 'meter'>,
): void {
  const reason = 'at its rate the copy cannot end before the deadline';
  logger.warn('at risk', { role, fileId, reason, ...slow });
  meter.add('atRiskRecoveries', 1, 'TooSlow');
}
