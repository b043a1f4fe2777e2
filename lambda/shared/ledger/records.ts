import type { ErrorSummary } from '../runtime/error-summary.ts';
import { cut } from '../runtime/redact.ts';
import type { OutputKey, PrimaryFailure, RecoveryKey, RecoveryState, Role } from '../zencoder/model.ts';
import type { UploadPlan } from './plan-schema.ts';

/**
 * What the ledger holds, as the rest of the code sees it. All times are epoch milliseconds. No record holds a signed
 * URL, a signature or a password.
 */

/** Identity of a primary failure: job + output + role. */
export interface FailureKey extends OutputKey {
  readonly role: Role;
}

/** A failed upload to the customer's own destination, as first notified. */
export interface PrimaryFailureRecord extends FailureKey, PrimaryFailure {
  readonly label: string | null;
  /** Zencoder's output type; see `OutputInfo`. */
  readonly outputType: string | null;
  readonly passThrough: string | null;
  readonly test: boolean;
  /** When the upload failed, as near as the notification reports it. */
  readonly failedAt: number;
  /** When it was first recorded. */
  readonly recordedAt: number;
  /** Since when its event is owed: from the first record of it until the topic has taken it. */
  readonly eventOwedAt?: number;
}

/** The invocation that works on a recovery or a segment, and until when no other may. */
export interface Lease {
  /** Id of the invocation. */
  readonly owner: string;
  /** The end of that invocation: it cannot outlive its lease, so no heartbeat is needed. */
  readonly until: number;
  /** Id of the queue message that the invocation handles. */
  readonly messageId?: string;
  /** Id of the evidence that the message carries; see {@link RecoveryRecord.attemptedBy}. */
  readonly evidence?: string;
}

/** A queue message that is hidden until its time comes. */
export interface ScheduledMessage {
  readonly messageId: string;
  /** By which the queue can be asked to show it at once. */
  readonly receiptHandle: string;
  readonly evidence?: string;
}

/** A failed attempt. */
export interface FailedAttempt extends ErrorSummary {
  readonly at: number;
}

/** The last error of a recovery, and since when it has lasted. */
export interface LastError extends FailedAttempt {
  /** Since when every attempt has ended in this class. */
  readonly since?: number;
}

/** An operator's request to try again. */
export interface Retry {
  /** e.g. `operator dashboard`, `command line`. */
  readonly by: string;
  readonly at: number;
}

/** A plan and how far it has come. */
export interface SegmentedUpload extends UploadPlan {
  /** Numbers of the segments whose every part is in the bucket, ascending. */
  readonly segmentsDone: readonly number[];
}

/** The recovery of one backup file. */
export interface RecoveryRecord extends RecoveryKey {
  readonly label: string | null;
  readonly outputType: string | null;
  readonly passThrough: string | null;
  readonly test: boolean;
  readonly filename: string;
  readonly thumbnailLabel: string | null;
  /** `s3://bucket/key` of the backup file, or origin and path for storage that is not AWS; never its query. */
  readonly source: string;
  readonly state: RecoveryState;
  /** When the latest known signed URL ends. */
  readonly deadline: number;
  /** Bytes that the notification states for this very file. */
  readonly expectedSize: number | null;
  readonly expectedMd5: string | null;
  readonly failedAt: number;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly settledAt?: number;
  /** The invocation that settled it. */
  readonly settledBy?: string;
  /** The queue message that queued the segments of the upload. */
  readonly dispatchedBy?: Pick<Lease, 'messageId' | 'evidence'>;
  /**
   * The evidence by which it has been claimed, at most {@link MAX_EVIDENCE}: each gets an attempt of its own. A piece of
   * evidence is what one message from outside brought, a notification or a response of the Zencoder API: the segments and
   * the plans that are made from it carry its id.
   */
  readonly attemptedBy?: readonly string[];
  /** The evidence that was tried to its end, at most {@link MAX_EVIDENCE}: any other opens a lost recovery again. */
  readonly spentEvidence?: readonly string[];
  /** Since when the event of its end is owed: from the settlement until the topic has taken it. */
  readonly eventOwedAt?: number;
  /** How often it was claimed. */
  readonly attempts: number;
  /** How often it was opened again after it had been settled; absent for never. */
  readonly redrives?: number;
  /** When the message is due again, while it waits. */
  readonly nextAttemptAt?: number;
  /** The message that is visible again then; a repeated notification's message is not it. */
  readonly nextAttemptMessage?: ScheduledMessage;
  readonly lastError?: LastError;
  /** The last attempts that failed, oldest first, at most {@link HISTORY_LENGTH}. */
  readonly history: readonly FailedAttempt[];
  /** The last requests of operators to try again, oldest first, at most {@link HISTORY_LENGTH}; absent without any. */
  readonly retries?: readonly Retry[];
  readonly lease?: Lease;
  /** Where its object is, or was to go; absent while it is open. */
  readonly bucket?: string;
  /**
   * Key of its object in the bucket: decided at the first claim and used by every attempt that follows, whatever the
   * template or the message says by then. Changed once at most, when it holds the object of another file.
   */
  readonly key?: string;
  /** Bytes of the object. */
  readonly size?: number;
  readonly etag?: string;
  readonly contentType?: string;
  /** How the object was checked, e.g. `crc32`, `md5`, `size`. */
  readonly verifiedBy?: readonly string[];
  /** Differences from the announcement, for an operator. */
  readonly warnings?: readonly string[];
  readonly bytesDone?: number;
  readonly bytesTotal?: number;
  /** When {@link bytesDone} was last written. */
  readonly progressAt?: number;
  readonly upload?: SegmentedUpload;
}

/** A recovery that has a plan. */
export type PlannedRecovery = RecoveryRecord & Required<Pick<RecoveryRecord, 'upload'>>;

/** What an event is made of. */
export type LedgerRecord = PrimaryFailureRecord | RecoveryRecord;

/** A recovery under the lease of the caller. */
export type ClaimedRecovery = RecoveryRecord & { readonly lease: Lease };

/** A segment that is being copied. A segment that is done has no record: its number is in `segmentsDone`. */
export interface SegmentRecord extends RecoveryKey {
  readonly segment: number;
  readonly uploadId: string;
  readonly lease?: Lease;
  /** Bytes of this segment that are in the bucket. */
  readonly bytesDone: number;
  readonly progressAt?: number;
}

/** Zencoder sends at most ten notifications of an output: more evidence than this is not kept. */
export const MAX_EVIDENCE = 10;

/** Whether a piece of evidence is one of those, or one too many. */
export function isAmong(evidence: readonly string[] = [], id: string): boolean {
  return evidence.length >= MAX_EVIDENCE || evidence.includes(id);
}

/** Those pieces of evidence with one more; without an id, or with too many, as they are. */
export function withEvidence(evidence: readonly string[] = [], id: string | undefined): readonly string[] {
  return id === undefined || isAmong(evidence, id) ? evidence : [...evidence, id];
}

/** For this long an event is left to the invocation that owes it and is about to publish it; milliseconds. */
export const OWED_GRACE_MS = 30_000;

/** How many failed attempts are kept with a recovery, and how many requests to try again. */
export const HISTORY_LENGTH = 10;

const MAX_MESSAGE = 1000;

/** The history with one more attempt, the oldest dropped; messages are cut to {@link MAX_MESSAGE} characters. */
export function withAttempt(history: readonly FailedAttempt[], attempt: FailedAttempt): FailedAttempt[] {
  const { at, errorClass, category, acceptsNewUrl, countedAs } = attempt;
  const failed = {
    ...{ at, errorClass, category, message: cut(attempt.message, MAX_MESSAGE) },
    ...(acceptsNewUrl && { acceptsNewUrl }),
    ...(countedAs !== undefined && { countedAs }),
  };
  return [...history, failed].slice(-HISTORY_LENGTH);
}

/** An error as it is stored. */
export function truncateError(error: LastError): LastError {
  const [attempt = error] = withAttempt([], error);
  const { category, since } = error;
  return { ...attempt, category, ...(since !== undefined && { since }) };
}

/** Where the object of a settled recovery is, or was to go; null while it is open, whatever its key. */
export function placeOf({ bucket, key }: RecoveryRecord): { bucket: string; key: string } | null {
  return bucket === undefined || key === undefined ? null : { bucket, key };
}

/** The identity alone. */
export function keyOf({ jobId, outputId, role, fileId }: RecoveryKey): RecoveryKey {
  return { jobId, outputId, role, fileId };
}

/** Whether every segment of a planned recovery is done. */
export function isAllDone({ upload }: PlannedRecovery): boolean {
  return upload.segmentsDone.length === upload.segments;
}

/** Whether a recovery is under this plan. */
export function hasUpload(record: RecoveryRecord | undefined, uploadId: string): record is PlannedRecovery {
  return record?.upload?.uploadId === uploadId;
}
