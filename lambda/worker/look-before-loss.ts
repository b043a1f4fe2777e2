import type { ClaimedRecovery } from '../shared/ledger/records.ts';
import { endsPlan } from './copy/errors.ts';
import type { Copied } from './copy/types.ts';
import { identityOf } from './copy-file.ts';
import type { WorkerContext } from './dependencies.ts';
import { summarizeError } from './retry-policy.ts';

/** What the bucket holds of a file. */
export type Look =
  | (Copied & { readonly key: string })
  | { readonly kind: 'none' }
  /** The bucket did not say. */
  | { readonly kind: 'unknown'; readonly error: unknown };

/**
 * Looks into the bucket before a recovery is settled as lost. The object may be there: an earlier attempt put it and
 * died, or never got the answer. Or every part is in the upload, which is then completed: that takes no source. A file
 * that differs from its announcement is accepted, since no further attempt could bring another.
 *
 * @param key empty when no attempt ever had one.
 */
export async function lookBeforeLoss(
  record: ClaimedRecovery,
  key: string,
  context: WorkerContext,
): Promise<Look> {
  const { role, fileId } = record;
  let unknown: Look | undefined;
  // A role that may not look for the object may still complete its upload.
  for (const look of [findObject, completeLeftUpload]) {
    try {
      const found = await look(record, key, context);
      if (found.kind === 'copied') return found;
    } catch (error) {
      // The upload is gone, and the engine has looked for its object.
      if (endsPlan(error)) continue;
      context.logger.warn('bucket not looked into before a loss', {
        role,
        fileId,
        fault: summarizeError(error),
      });
      unknown ??= { kind: 'unknown', error };
    }
  }
  return unknown ?? { kind: 'none' };
}

async function findObject(record: ClaimedRecovery, key: string, { engine }: WorkerContext): Promise<Look> {
  if (key === '') return { kind: 'none' };
  const { expectedSize } = record;
  const found = await engine.find({ key, metadata: identityOf(record), expectedSize });
  return found === null ? { kind: 'none' } : { ...found, key };
}

/** Completes the upload that the ledger has now: it may be younger than the claim, and is left to another lease's owner. */
async function completeLeftUpload(
  record: ClaimedRecovery,
  _: string,
  { engine, ledger, invocation }: WorkerContext,
): Promise<Look> {
  const { upload, lease } = (await ledger.queries.readRecovery(record)) ?? {};
  if (upload === undefined || lease?.owner !== record.lease.owner) return { kind: 'none' };
  const { segmentsDone: _done, ...plan } = upload;
  const { expectedSize, expectedMd5 } = record;
  const metadata = identityOf(record);
  const job = { key: plan.key, metadata, expectedSize, expectedMd5, acceptMismatch: true };
  const completed = await engine.complete(job, plan, { stopAt: invocation.stopAt });
  if (completed.kind === 'out-of-time') throw new DOMException('the time was up', 'TimeoutError');
  return completed.kind === 'copied' ? { ...completed, key: plan.key } : { kind: 'none' };
}
