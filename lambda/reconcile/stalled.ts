import type { RecoveryRecord, SegmentRecord } from '../shared/ledger/records.ts';

/**
 * The last moment at which something is known to have happened, or to be going to happen, with an open recovery: a
 * write, progress, the end of a lease, the time of the next attempt. Epoch milliseconds.
 *
 * @param segments those that are at work, for a large file.
 */
export function lastSign(record: RecoveryRecord, segments: readonly SegmentRecord[]): number {
  const { updatedAt, progressAt = 0, nextAttemptAt = 0, lease } = record;
  return Math.max(
    ...[updatedAt, progressAt, nextAttemptAt, lease?.until ?? 0],
    ...segments.flatMap((segment) => [segment.progressAt ?? 0, segment.lease?.until ?? 0]),
  );
}

/** How long a message may take to come back after the last sign, and some minutes for it to be taken off the queue. */
export function patienceMs(visibilitySeconds: number): number {
  return visibilitySeconds * 1000 + MARGIN_MS;
}

const MARGIN_MS = 5 * 60 * 1000;

/** Whether no message will wake an open recovery: on a queue that is not behind, any that there was would have done so. */
export function isStalled(
  record: RecoveryRecord,
  segments: readonly SegmentRecord[],
  { now, patience }: { readonly now: number; readonly patience: number },
): boolean {
  return now > lastSign(record, segments) + patience;
}
