import { DeleteItemCommand } from '@aws-sdk/client-dynamodb';
import { marshall } from '@aws-sdk/util-dynamodb';
import type { RecoveryKey } from '../zencoder/model.ts';
import { leaseAttributes, toAttributes, toUpdate } from './attributes.ts';
import { existingItem, writeOne } from './conditional-writes.ts';
import { AT_WORK, IS_THIS_UPLOAD, LEASE_IS_FREE, LEASE_IS_MINE, leasedBy } from './conditions.ts';
import { parseRecovery, parseSegment } from './items.ts';
import { readRecovery } from './reads.ts';
import {
  hasUpload,
  isAllDone,
  keyOf,
  type LastError,
  type Lease,
  type PlannedRecovery,
  type RecoveryRecord,
  truncateError,
  withAttempt,
} from './records.ts';
import { recoveryItemKey, segmentItemKey, type Table } from './table.ts';

/**
 * A large file is copied in segments by several invocations at once. While they are at work the recovery is `copying`
 * and under no lease: each segment has an item with a lease and the progress of its own, so that frequent
 * writes touch no index. A finished segment is a number in the recovery's set `segmentsDone`, added by one idempotent
 * update whose result says whether it was the last; its item is then deleted.
 */

/** One segment of one upload. */
export interface SegmentRef {
  readonly key: RecoveryKey;
  readonly uploadId: string;
  readonly segment: number;
}

/**
 * - `claimed`: the caller copies the segment until its lease ends.
 * - `leased`: a living invocation copies it, for the message that the lease names.
 * - `done`: it is in the bucket; `allDone`: only the completion is missing.
 * - `stale`: the recovery is settled or has another upload, or none. The message may be the last one that the file has, or
 *   new evidence: see `resumeAbandoned` in the worker.
 */
export type SegmentClaim =
  | { readonly outcome: 'claimed'; readonly record: PlannedRecovery }
  | { readonly outcome: 'leased'; readonly lease: Lease | undefined }
  | { readonly outcome: 'done'; readonly record: PlannedRecovery; readonly allDone: boolean }
  | { readonly outcome: 'stale'; readonly record: RecoveryRecord | undefined };

/** The working items of segments go some days after the file, whether or not records are kept for ever. */
const SEGMENT_TTL_SECONDS = 7 * 24 * 60 * 60;

/**
 * Claims a segment, so that repeated messages copy it once.
 *
 * Cost: one UpdateItem on the small item (1 write unit, no index) and one consistent GetItem of the recovery.
 */
export async function claimSegment(table: Table, ref: SegmentRef, lease: Lease): Promise<SegmentClaim> {
  const now = table.now();
  const item = { kind: 'segment', ...keyOf(ref.key), segment: ref.segment, uploadId: ref.uploadId };
  const result = await writeOne(table, {
    update: segmentItemKey(ref.key, ref.segment),
    changes: {
      set: {
        ...toAttributes(item),
        ...leaseAttributes(lease),
        ttl: Math.ceil(now / 1000) + SEGMENT_TTL_SECONDS,
      },
    },
    condition: {
      expression: `#uploadId <> :if_uploadId OR ${LEASE_IS_FREE} OR ${LEASE_IS_MINE}`,
      values: { ':if_uploadId': ref.uploadId, ':if_now': now, ':if_owner': lease.owner },
    },
  });
  if (!result.written) {
    return { outcome: 'leased', lease: parseSegment(existingItem(result)).lease };
  }
  // Read only now: an invocation that finished the segment before this lease began has written it to the recovery by then.
  const record = await readRecovery(table, ref.key);
  if (!hasUpload(record, ref.uploadId)) {
    await forgetSegment(table, ref, lease.owner);
    return { outcome: 'stale', record };
  }
  if (record.upload.segmentsDone.includes(ref.segment)) {
    await forgetSegment(table, ref, lease.owner);
    return { outcome: 'done', record, allDone: isAllDone(record) };
  }
  return { outcome: 'claimed', record };
}

/**
 * Notes how far a segment has come: an absolute number, so that a repeated attempt counts nothing twice. Cost: one
 * UpdateItem, 1 write unit, no index.
 *
 * @returns false when the lease is no longer the caller's.
 */
export async function saveSegmentProgress(
  table: Table,
  ref: SegmentRef,
  owner: string,
  bytesDone: number,
): Promise<boolean> {
  const { written } = await writeOne(table, {
    update: segmentItemKey(ref.key, ref.segment),
    changes: {
      set: toAttributes({ progress: { uploadId: ref.uploadId, bytes: bytesDone, at: table.now() } }),
    },
    condition: leasedBy(owner),
  });
  return written;
}

/**
 * Records that every part of a segment is in the bucket. Idempotent for any caller.
 *
 * Cost: one UpdateItem on the recovery (1 write unit a KB, 1 for the index), one DeleteItem (1 write unit).
 *
 * @param bytes of the whole segment.
 * @returns `allDone` to every caller from the last segment on: `claimCompletion` picks one of them.
 */
export async function finishSegment(
  table: Table,
  ref: SegmentRef,
  owner: string,
  bytes: number,
): Promise<
  | { readonly outcome: 'finished'; readonly record: PlannedRecovery; readonly allDone: boolean }
  | { readonly outcome: 'stale'; readonly record: RecoveryRecord }
> {
  const now = table.now();
  const result = await writeOne(table, {
    update: recoveryItemKey(ref.key),
    changes: {
      set: toUpdate({ ...AT_WORK, updatedAt: now, progressAt: now }),
      add: { segmentsDone: new Set([ref.segment]), bytesDone: bytes },
    },
    condition: {
      expression: `${IS_THIS_UPLOAD} AND (attribute_not_exists(#segmentsDone) OR NOT contains(#segmentsDone, :if_segment))`,
      values: { ':if_uploadId': ref.uploadId, ':if_segment': ref.segment },
    },
  });
  await forgetSegment(table, ref, owner);
  const record = parseRecovery(result.written ? (result.attributes ?? {}) : existingItem(result));
  if (!hasUpload(record, ref.uploadId)) return { outcome: 'stale', record };
  return { outcome: 'finished', record, allDone: isAllDone(record) };
}

/**
 * Gives a segment back before it is done, and notes the error, if any, with the recovery, and when its message comes
 * back. The history of a recovery with several failing segments may miss an entry; `lastError` never does.
 *
 * Cost: one UpdateItem (1 write unit); with an error also a GetItem and an UpdateItem of the recovery.
 */
export async function releaseSegment(
  table: Table,
  ref: SegmentRef,
  owner: string,
  error?: LastError,
  next?: Required<Pick<RecoveryRecord, 'nextAttemptAt' | 'nextAttemptMessage'>>,
): Promise<void> {
  const now = table.now();
  await writeOne(table, {
    update: segmentItemKey(ref.key, ref.segment),
    changes: { set: leaseAttributes(undefined) },
    condition: leasedBy(owner),
  });
  if (error === undefined) return;
  const record = await readRecovery(table, ref.key);
  if (!hasUpload(record, ref.uploadId)) return;
  await writeOne(table, {
    update: recoveryItemKey(ref.key),
    changes: {
      set: toUpdate({
        ...next,
        ...{ lastError: truncateError(error), history: withAttempt(record.history, error), updatedAt: now },
      }),
    },
    condition: {
      expression: IS_THIS_UPLOAD,
      values: { ':if_uploadId': ref.uploadId },
    },
  });
}

async function forgetSegment(table: Table, { key, segment }: SegmentRef, owner: string): Promise<void> {
  try {
    await table.client.send(
      new DeleteItemCommand({
        TableName: table.tableName,
        Key: marshall(segmentItemKey(key, segment)),
        ConditionExpression: 'leaseOwner = :owner',
        ExpressionAttributeValues: marshall({ ':owner': owner }),
      }),
    );
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'ConditionalCheckFailedException') throw error;
  }
}
