import type { PrimaryFailure } from '../zencoder/model.ts';
import { failureToItem } from './attributes.ts';
import { existingItem, writeAll } from './conditional-writes.ts';
import { parseFailure } from './items.ts';
import type { OutputOfJob } from './new-recoveries.ts';
import type { PrimaryFailureRecord } from './records.ts';
import { recordTtl, type Table } from './table.ts';
import { readable } from './unreadable.ts';

/** An output with its primary failures, as a message names them. */
export interface OutputFailures extends OutputOfJob {
  readonly failures: readonly PrimaryFailure[];
}

/** A primary failure as the ledger has it now. */
export interface RecordedFailure {
  readonly record: PrimaryFailureRecord;
  /** True when this very call wrote it. */
  readonly isNew: boolean;
}

/**
 * Records the primary failures of an output. The first message writes; a later notification changes nothing, so
 * that a record stays what it was when its event was published. The write that makes a record marks its event as owed;
 * see `outbox.ts`.
 *
 * Cost: an output has at most two failures. One: PutItem, 1 write unit and 1 for each of four indexes. Two: one
 * TransactWriteItems, twice the table's share. A repetition costs as much, without the indexes.
 *
 * @returns one entry a role, in the message's order; none for one that is there and cannot be read.
 */
export async function record(table: Table, message: OutputFailures): Promise<RecordedFailure[]> {
  const now = table.now();
  const records = recordsOf(message, now);
  const results = await writeAll(
    table,
    records.map((record) => ({
      put: failureToItem(record, recordTtl(table, now)),
      condition: { expression: 'attribute_not_exists(#pk)' },
    })),
  );
  return results.flatMap((result, index): RecordedFailure[] => {
    const own = records[index];
    if (result.written && own) return [{ record: own, isNew: true }];
    const there = readable(table, parseFailure, existingItem(result));
    return there.map((record) => ({ record, isNew: false }));
  });
}

function recordsOf({ job, output, failures, failedAt }: OutputFailures, now: number): PrimaryFailureRecord[] {
  const byRole = new Map(failures.map((failure) => [failure.role, failure]));
  return [...byRole.values()].map((failure) => ({
    ...failure,
    jobId: job.id,
    outputId: output.id,
    label: output.label,
    outputType: output.type,
    passThrough: job.passThrough,
    test: job.test,
    failedAt,
    recordedAt: now,
    eventOwedAt: now,
  }));
}
