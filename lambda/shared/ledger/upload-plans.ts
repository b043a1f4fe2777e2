import type { RecoveryKey } from '../zencoder/model.ts';
import { leaseAttributes, toUpdate } from './attributes.ts';
import { type ClaimOutcome, outcomeWithoutClaim } from './claim-decision.ts';
import { existingItem, writeOne } from './conditional-writes.ts';
import { AT_WORK, DUE, IS_THIS_UPLOAD, LEASE_IS_FREE, LEASE_IS_MINE, leasedBy } from './conditions.ts';
import { parseRecovery } from './items.ts';
import type { UploadPlan } from './plan-schema.ts';
import {
  type ClaimedRecovery,
  type LastError,
  type Lease,
  type PlannedRecovery,
  type RecoveryRecord,
  truncateError,
  withAttempt,
} from './records.ts';
import { recoveryItemKey, type Table } from './table.ts';

/** The plan of a large file: kept once, forgotten when its upload is of no use, completed by one invocation. */

/**
 * - `saved`: the plan is the recovery's.
 * - `exists`: it has another plan already, in `record.upload`; the caller's upload is to be aborted.
 * - `lease-lost`: another invocation has the recovery now, or settled it; likewise.
 */
export interface PlanOutcome {
  readonly outcome: 'saved' | 'exists' | 'lease-lost';
  readonly record: RecoveryRecord;
}

/**
 * Keeps the plan of a large file, once. The caller holds the recovery's lease, calls {@link releaseLease} and then sends the
 * segments' messages.
 *
 * Cost: one UpdateItem: 1 write unit a KB, 1 for the index.
 */
export async function savePlan(
  table: Table,
  record: ClaimedRecovery,
  plan: UploadPlan,
): Promise<PlanOutcome> {
  const now = table.now();
  const result = await writeOne(table, {
    update: recoveryItemKey(record),
    changes: {
      set: {
        ...toUpdate({ upload: plan, updatedAt: now, progressAt: now }),
        ...{ bytesDone: 0, bytesTotal: plan.size, segmentsDone: undefined },
      },
    },
    condition: {
      expression: `${LEASE_IS_MINE} AND attribute_not_exists(#upload)`,
      values: { ':if_owner': record.lease.owner },
    },
  });
  if (result.written) return { outcome: 'saved', record: parseRecovery(result.attributes ?? {}) };
  const existing = parseRecovery(existingItem(result));
  if (existing.upload === undefined) return { outcome: 'lease-lost', record: existing };
  // Its own plan found there means that the response to an earlier call was lost.
  return { outcome: existing.upload.uploadId === plan.uploadId ? 'saved' : 'exists', record: existing };
}

/**
 * Forgets a plan whose upload is gone or whose source changed, so that the file can be planned again. Segments of it
 * become stale, and the recovery no longer waits for the message of one of them. Cost: as for {@link savePlan}.
 *
 * @param ending what ended the plan, noted as the error of an attempt, and the time before which the file is not planned
 * anew, epoch milliseconds; absent when it is planned anew at once.
 * @returns false when the recovery has another plan, or none; also when the response to an earlier call was lost.
 */
export async function dropPlan(
  table: Table,
  record: RecoveryKey & Pick<RecoveryRecord, 'history'>,
  uploadId: string,
  ending?: { readonly error: LastError; readonly nextAttemptAt: number },
): Promise<boolean> {
  const now = table.now();
  const noted = ending && {
    lastError: truncateError(ending.error),
    history: withAttempt(record.history, ending.error),
    nextAttemptAt: ending.nextAttemptAt,
  };
  const { written } = await writeOne(table, {
    update: recoveryItemKey(record),
    changes: {
      set: {
        ...toUpdate({ ...DUE, ...noted, dispatchedBy: undefined, updatedAt: now }),
        ...{ upload: undefined, segmentsDone: undefined, bytesDone: undefined, progressAt: undefined },
      },
    },
    condition: { expression: IS_THIS_UPLOAD, values: { ':if_uploadId': uploadId } },
  });
  return written;
}

/**
 * Ends the caller's lease without ending the copy: from here on the segments' messages carry it, and other messages leave
 * it alone for as long as it is at work. Cost: as for {@link savePlan}.
 *
 * @returns false when the lease was no longer the caller's.
 */
export async function releaseLease(table: Table, record: ClaimedRecovery): Promise<boolean> {
  const now = table.now();
  const { messageId, evidence } = record.lease;
  const { written } = await writeOne(table, {
    update: recoveryItemKey(record),
    changes: {
      set: {
        ...toUpdate({ updatedAt: now, dispatchedBy: { messageId, evidence } }),
        ...leaseAttributes(undefined),
      },
    },
    condition: leasedBy(record.lease.owner),
  });
  return written;
}

/**
 * Takes segments back that were finished and whose parts S3 no longer has, so that they can be copied again.
 *
 * Cost: as for {@link savePlan}.
 *
 * @param bytesDone of the whole file, as S3 reports now.
 */
export async function reopenSegments(
  table: Table,
  record: ClaimedRecovery & PlannedRecovery,
  segments: readonly number[],
  bytesDone: number,
): Promise<boolean> {
  const now = table.now();
  if (segments.length === 0) return true;
  const { written } = await writeOne(table, {
    update: recoveryItemKey(record),
    changes: {
      set: { ...toUpdate({ updatedAt: now, progressAt: now }), bytesDone },
      delete: { segmentsDone: new Set(segments) },
    },
    condition: {
      expression: `${LEASE_IS_MINE} AND ${IS_THIS_UPLOAD}`,
      values: { ':if_owner': record.lease.owner, ':if_uploadId': record.upload.uploadId },
    },
  });
  return written;
}

/**
 * Claims the completion of an upload whose segments are all done. The lease is the recovery's own, so that exactly one
 * invocation completes and then settles as with any other claim, and after a crash another continues when the lease ends. It
 * counts as an attempt, so that a bucket that refuses to complete is asked less and less often.
 *
 * Cost: one UpdateItem: 1 write unit a KB, 1 for the index.
 *
 * @returns `stale` when the upload was replaced or a segment is not done.
 */
export async function claimCompletion(
  table: Table,
  key: RecoveryKey,
  uploadId: string,
  lease: Lease,
): Promise<ClaimOutcome | { readonly outcome: 'stale'; readonly record: RecoveryRecord }> {
  const now = table.now();
  const result = await writeOne(table, {
    update: recoveryItemKey(key),
    changes: {
      set: { ...toUpdate({ ...AT_WORK, updatedAt: now }), ...leaseAttributes(lease) },
      add: { attempts: 1 },
    },
    condition: {
      expression: `${IS_THIS_UPLOAD} AND size(#segmentsDone) = #upload.#segments AND ${LEASE_IS_FREE}`,
      values: { ':if_uploadId': uploadId, ':if_now': now },
    },
  });
  if (result.written) {
    return { outcome: 'claimed', record: { ...parseRecovery(result.attributes ?? {}), lease } };
  }
  const record = parseRecovery(existingItem(result));
  return outcomeWithoutClaim(record, lease, now) ?? { outcome: 'stale', record };
}
