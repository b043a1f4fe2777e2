import {
  type FailedAttempt,
  type PrimaryFailureRecord,
  placeOf,
  type RecoveryRecord,
} from '../ledger/records.ts';
import { type JobView, summarize } from './job.ts';
import { downloadPath, errorPage } from './links.ts';
import type { FailureMatch } from './search.ts';
import type { ErrorClassView } from './statistics.ts';

/**
 * The form of a record in `/api` and every `--json`: the same fields in both. Each field is there in every response, null
 * where the value is unknown; times are ISO 8601 in UTC. Untrusted text is unchanged: the reader escapes it.
 */

/** A primary failure, with the state of its recovery in short. */
export function failureJson({ failure, recoveries }: FailureMatch) {
  return { ...failureFields(failure), recovery: summaryJson(recoveries) };
}

/**
 * As {@link failureJson}, with each recovery in full: for output without a bound, since an output can have thousands of
 * files.
 */
export function wholeFailureJson(match: FailureMatch) {
  return { ...failureJson(match), recoveries: match.recoveries.map(recoveryJson) };
}

/** One recovery with all fields of its record, without its lease. */
export function recoveryJson(recovery: RecoveryRecord) {
  const { jobId, outputId, role, fileId, label, outputType, passThrough, test, lastError } = recovery;
  const isRecovered = recovery.state === 'recovered';
  const place = placeOf(recovery);
  return {
    ...{ jobId, outputId, role, fileId, label, outputType, passThrough, test },
    filename: recovery.filename,
    thumbnailLabel: recovery.thumbnailLabel,
    source: recovery.source,
    state: recovery.state,
    failedAt: iso(recovery.failedAt),
    deadline: iso(recovery.deadline),
    createdAt: iso(recovery.createdAt),
    updatedAt: iso(recovery.updatedAt),
    settledAt: iso(recovery.settledAt),
    expectedSize: recovery.expectedSize,
    expectedMd5: recovery.expectedMd5,
    attempts: recovery.attempts,
    nextAttemptAt: iso(recovery.nextAttemptAt),
    lastError: lastError ? { ...attemptJson(lastError), since: iso(lastError.since) } : null,
    history: recovery.history.map(attemptJson),
    retries: (recovery.retries ?? []).map(({ by, at }) => ({ by, at: iso(at) })),
    bytesDone: recovery.bytesDone ?? null,
    bytesTotal: recovery.bytesTotal ?? recovery.upload?.size ?? null,
    object: place && {
      ...place,
      size: recovery.size ?? null,
      etag: recovery.etag ?? null,
      contentType: recovery.contentType ?? null,
    },
    verifiedBy: recovery.verifiedBy ?? [],
    warnings: recovery.warnings ?? [],
    download: isRecovered ? downloadPath(recovery) : null,
  };
}

/** A job with its outputs, their failures and recoveries. */
export function jobJson({ jobId, passThrough, test, outputs }: JobView) {
  return {
    jobId,
    passThrough,
    test,
    outputs: outputs.map(({ outputId, label, outputType, failures, recoveries }) => ({
      ...{ outputId, label, outputType },
      recovery: summaryJson(recoveries),
      failures: failures.map(failureFields),
      recoveries: recoveries.map(recoveryJson),
    })),
  };
}

/** A class of upload error with its counts. */
export function errorClassJson({ errorClass, kind, ...counts }: ErrorClassView) {
  const { lastDay, lastWeek, lastMonth, lastSeenAt } = counts;
  return {
    errorClass,
    isKnown: kind !== null,
    explanation: kind?.explanation ?? null,
    fix: kind?.fix ?? null,
    retryJob: kind?.retryJob ?? null,
    documentation: errorPage(errorClass),
    counts: { lastDay, lastWeek, lastMonth },
    lastSeenAt: iso(lastSeenAt),
  };
}

function failureFields(failure: PrimaryFailureRecord) {
  const { jobId, outputId, role, label, outputType, passThrough, test } = failure;
  const { errorClass, message, link, destinationHost } = failure;
  return {
    ...{ jobId, outputId, role, label, outputType, passThrough, test },
    ...{ errorClass, message, link, destinationHost },
    failedAt: iso(failure.failedAt),
    recordedAt: iso(failure.recordedAt),
  };
}

function summaryJson(recoveries: readonly RecoveryRecord[]) {
  const { state, files, counts, deadline } = summarize(recoveries);
  return { state, files, counts, deadline: iso(deadline) };
}

function attemptJson({ at, errorClass, category, message }: FailedAttempt) {
  return { at: iso(at), errorClass, category, message };
}

function iso(time: number | null | undefined): string | null {
  return time === null || time === undefined ? null : new Date(time).toISOString();
}
