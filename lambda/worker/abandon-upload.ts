import type { SegmentedUpload } from '../shared/ledger/records.ts';
import { categoryOf } from '../shared/runtime/errors.ts';
import type { WorkerContext } from './dependencies.ts';
import { summarizeError } from './retry-policy.ts';

/**
 * Aborts an upload that the ledger has recorded. What the bucket denies is left to its lifecycle rule: no policy may keep a
 * file from being copied anew, or from being settled.
 *
 * @throws an error that passes, such as a bucket that is busy.
 */
export async function abandonUpload(
  upload: SegmentedUpload,
  { engine, logger }: Pick<WorkerContext, 'engine' | 'logger'>,
): Promise<void> {
  try {
    await engine.abandon(upload);
  } catch (error) {
    if (categoryOf(error) === 'transient') throw error;
    logger.warn('upload not aborted', { fault: summarizeError(error) });
  }
}
