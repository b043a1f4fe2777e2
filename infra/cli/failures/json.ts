import { placeOf, type RecoveryRecord } from '../../../lambda/shared/ledger/records.ts';
import type { FailureWithRecoveries } from './select.ts';

/** One failure as a JSON object of stable shape: times in ISO 8601, null for what is not known. */
export function jsonOf({ failure, recoveries }: FailureWithRecoveries): object {
  const { jobId, outputId, role, label, outputType, passThrough, test } = failure;
  const { errorClass, message, link, destinationHost, failedAt, recordedAt } = failure;
  return {
    ...{ jobId, outputId, role, label, outputType, passThrough, test },
    ...{ errorClass, message, link, destinationHost },
    failedAt: iso(failedAt),
    recordedAt: iso(recordedAt),
    recoveries: recoveries.map(recoveryJson),
  };
}

function recoveryJson(recovery: RecoveryRecord): object {
  const { fileId, filename, thumbnailLabel, source, state, attempts, lastError } = recovery;
  const place = placeOf(recovery);
  return {
    ...{ fileId, filename, thumbnailLabel, source, state },
    deadline: iso(recovery.deadline),
    settledAt: iso(recovery.settledAt),
    attempts,
    nextAttemptAt: iso(recovery.nextAttemptAt),
    lastError: lastError === undefined ? null : { ...lastError, at: iso(lastError.at) },
    bucket: place?.bucket ?? null,
    key: place?.key ?? null,
    size: recovery.size ?? recovery.announcedSize,
    verifiedBy: recovery.verifiedBy ?? [],
    bytesDone: recovery.bytesDone ?? null,
    bytesTotal: recovery.bytesTotal ?? null,
  };
}

function iso(epochMs: number | undefined): string | null {
  return epochMs === undefined ? null : new Date(epochMs).toISOString();
}
