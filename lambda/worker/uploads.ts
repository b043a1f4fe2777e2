import type { PlannedRecovery, SegmentedUpload } from '../shared/ledger/records.ts';
import { summarizeError } from '../shared/runtime/error-summary.ts';
import { categoryOf } from '../shared/runtime/errors.ts';
import type { CopyPlan } from './copy/types.ts';
import type { WorkerDependencies } from './dependencies.ts';

/** The plan as the engine made it; the ledger adds which segments are done. */
export function planOf({ upload }: Pick<PlannedRecovery, 'upload'>): CopyPlan {
  const { segmentsDone: _, ...plan } = upload;
  return plan;
}

/**
 * Aborts an upload that the ledger has recorded. What the bucket denies is left to its lifecycle rule: no policy may keep a
 * file from being copied again, or from being settled.
 *
 * @throws a transient error, such as a bucket that is busy.
 */
export async function abandonUpload(
  upload: SegmentedUpload,
  { engine, logger }: Pick<WorkerDependencies, 'engine' | 'logger'>,
): Promise<void> {
  try {
    await engine.abandon(upload);
  } catch (error) {
    if (categoryOf(error) === 'transient') throw error;
    logger.warn('upload not aborted', { error: summarizeError(error) });
  }
}
