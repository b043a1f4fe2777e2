import type { RecoveryRecord } from '../shared/ledger/records.ts';
import type { WorkerContext } from './context.ts';
import { bytesOf } from './copy/plan.ts';
import type { CopyJob, CopyPlan, SegmentDone, SegmentOutOfTime } from './copy/types.ts';
import { createPace, type TooSlow } from './pace.ts';
import { createProgress } from './progress.ts';

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
  meter.put('atRiskRecoveries', 1, 'TooSlow');
}
