import type { ClaimedRecovery } from '../shared/ledger/records.ts';
import { summarizeError } from '../shared/runtime/error-summary.ts';
import { RecoveryError } from '../shared/runtime/errors.ts';
import { endsPlan } from './copy/errors.ts';
import type { Copied } from './copy/types.ts';
import { identityOf } from './copy-job.ts';
import type { WorkerDependencies } from './dependencies.ts';
import { planOf } from './uploads.ts';

/** What the bucket holds of a file. */
export type Found =
  | (Copied & { readonly key: string })
  | { readonly kind: 'none' }
  /** The bucket gave no clear response. */
  | { readonly kind: 'unknown'; readonly error: unknown };

/** The invocation must stop before an upload is completed. */
class CompletionOutOfTime extends RecoveryError {
  override readonly name = 'CompletionOutOfTime';
  override readonly category = 'transient';
}

interface Place {
  /** Empty when no attempt ever had one. */
  readonly key: string;
  /** Epoch milliseconds by which the engine stops. */
  readonly stopAt: number;
}

/**
 * Checks the bucket before a recovery is settled as lost. The object may be there: an earlier attempt put it and crashed,
 * or never got the response. Or every part is in the upload, which is then completed: that takes no source. A file that
 * differs from its announcement is accepted, since no further attempt could bring another.
 */
export async function findBeforeLoss(
  record: ClaimedRecovery,
  place: Place,
  dependencies: Pick<WorkerDependencies, 'engine' | 'ledger' | 'logger'>,
): Promise<Found> {
  const { role, fileId } = record;
  let unknown: Found | undefined;
  // A role that may not look for the object may still complete its upload.
  for (const find of [findObject, completeLeftUpload]) {
    try {
      const found = await find(record, place, dependencies);
      if (found.kind === 'copied') return found;
      if (found.kind === 'unknown') unknown ??= found;
    } catch (error) {
      // The upload is gone, and the engine has looked for its object.
      if (endsPlan(error)) continue;
      dependencies.logger.warn('bucket not checked before a loss', {
        role,
        fileId,
        error: summarizeError(error),
      });
      unknown ??= { kind: 'unknown', error };
    }
  }
  return unknown ?? { kind: 'none' };
}

async function findObject(
  record: ClaimedRecovery,
  { key }: Place,
  { engine }: Pick<WorkerDependencies, 'engine'>,
): Promise<Found> {
  if (key === '') return { kind: 'none' };
  const { expectedSize } = record;
  const found = await engine.find({ key, metadata: identityOf(record), expectedSize });
  return found === null ? { kind: 'none' } : { ...found, key };
}

/** Completes the upload that the ledger has now: it may be younger than the claim, and is left to another lease's owner. */
async function completeLeftUpload(
  record: ClaimedRecovery,
  { stopAt }: Place,
  { engine, ledger }: Pick<WorkerDependencies, 'engine' | 'ledger'>,
): Promise<Found> {
  const { upload, lease } = (await ledger.queries.readRecovery(record)) ?? {};
  if (upload === undefined || lease?.owner !== record.lease.owner) return { kind: 'none' };
  const { expectedSize, expectedMd5 } = record;
  const { key } = upload;
  const job = { key, metadata: identityOf(record), expectedSize, expectedMd5, acceptMismatch: true };
  const completed = await engine.complete(job, planOf({ upload }), { stopAt });
  if (completed.kind === 'out-of-time') {
    return { kind: 'unknown', error: new CompletionOutOfTime('no time was left to complete the upload') };
  }
  return completed.kind === 'copied' ? { ...completed, key } : { kind: 'none' };
}
