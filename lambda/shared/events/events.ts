import { createHash } from 'node:crypto';
import type { LedgerRecord, PrimaryFailureRecord, RecoveryRecord } from '../ledger/records.ts';
import { isoTime } from '../ledger/table.ts';
import type { ErrorCategory } from '../runtime/errors.ts';
import type { Role } from '../zencoder/model.ts';

/**
 * The events on the stack's SNS topic: one for each primary failure and one for each recovery that ends. They are JSON
 * of version 1: later versions of the stack may add fields and never change or take one away without a new number.
 *
 * Each is published once its state is in the ledger (see `ledger/outbox.ts`), delivered at least once and in no
 * particular order. A repetition has the same `id`: a subscriber that must act only once keeps the ids. All times are ISO
 * 8601 in UTC. No event holds a signed URL, a signature or a password. A preflight publishes one of its own type as well.
 */

interface EventHead {
  readonly version: 1;
  /** The same for every delivery of the event: 32 hex digits. */
  readonly id: string;
  readonly job: {
    /** Decimal text: Zencoder's ids are 64-bit. */
    readonly id: string;
    readonly passThrough: string | null;
    /** True for Zencoder's test (integration) jobs. */
    readonly test: boolean;
  };
  readonly output: { readonly id: string; readonly label: string | null; readonly type: string | null };
  /** Whether it is about the output's media file (or package) or about its thumbnails. */
  readonly role: Role;
  /** When the upload to the customer's own destination failed, as near as Zencoder reports it. */
  readonly failedAt: string;
}

/** Zencoder could not upload an output's media or thumbnails to the customer's own destination. */
export interface PrimaryFailureEvent extends EventHead {
  readonly type: 'primary-failure';
  readonly error: {
    /** Zencoder's class, e.g. `UploadAccessDeniedError`; `UnknownUploadError` when it named none. */
    readonly errorClass: string;
    readonly message: string | null;
    /** Page of Zencoder's documentation. */
    readonly link: string | null;
    /** Host or bucket of the destination, as far as the message names it. */
    readonly destinationHost: string | null;
  };
}

/** What all events of a recovery hold. */
interface RecoveryEventHead extends EventHead {
  readonly file: {
    readonly id: string;
    readonly filename: string;
    /** Label of the thumbnail set. */
    readonly thumbnailLabel: string | null;
    /** `s3://bucket/key` on Zencoder's storage, or origin and path for storage that is not AWS; never the query. */
    readonly source: string;
  };
  readonly attempts: number;
  /** When the signed URL ends. */
  readonly deadline: string;
  readonly settledAt: string;
}

/** The file is in the bucket. */
export interface RecoveredEvent extends RecoveryEventHead {
  readonly type: 'recovery-recovered';
  readonly object: {
    readonly bucket: string;
    readonly key: string;
    /** Bytes. */
    readonly size: number;
    /** As S3 writes it, with quotes. */
    readonly etag: string;
    readonly contentType: string;
    /** What was checked, e.g. `crc32`, `size`, `md5`. */
    readonly verifiedBy: readonly string[];
    /** How the file differs from its announcement. */
    readonly warnings: readonly string[];
  };
}

/**
 * No URL tried so far yields the file (`lost`; newer evidence opens it until its deadline), or it needs manual action
 * (`failed`).
 */
export interface NotRecoveredEvent extends RecoveryEventHead {
  readonly type: 'recovery-lost' | 'recovery-failed';
  readonly error: { readonly errorClass: string; readonly message: string; readonly category: ErrorCategory };
}

/** A message about a file that Zencoder could not upload. */
export type RecoveryEvent = PrimaryFailureEvent | RecoveredEvent | NotRecoveredEvent;

/** `npm run preflight` has reached the topic. It is about no file: a filter policy on `type` keeps it away. */
export interface PreflightEvent {
  readonly version: 1;
  /** Another one for each preflight. */
  readonly id: string;
  readonly type: 'preflight';
  readonly publishedAt: string;
}

/** One message on the topic. */
export type TopicEvent = RecoveryEvent | PreflightEvent;

/** What subscriptions can filter on: message attributes, all of type String. */
export interface EventAttributes {
  readonly type: TopicEvent['type'];
  /** Absent for `preflight`. */
  readonly role?: Role;
  /** `true` or `false`. */
  readonly test: string;
  /** Absent for `recovery-recovered` and `preflight`. */
  readonly errorClass?: string;
}

/** The event that a record stands for; null for a recovery that is open. */
export function eventOf(record: LedgerRecord): RecoveryEvent | null {
  return 'fileId' in record ? settledEvent(record) : failureEvent(record);
}

/** The event of a primary failure. */
export function failureEvent(failure: PrimaryFailureRecord): PrimaryFailureEvent {
  const { errorClass, message, link, destinationHost } = failure;
  const type = 'primary-failure';
  return { ...headOf(type, failure, []), type, error: { errorClass, message, link, destinationHost } };
}

/** The event of a settled recovery, made of nothing but its record; null while it is open. */
export function settledEvent(recovery: RecoveryRecord): RecoveredEvent | NotRecoveredEvent | null {
  const { state, settledAt, lastError } = recovery;
  if (settledAt === undefined) return null;
  const about = {
    file: {
      id: recovery.fileId,
      filename: recovery.filename,
      thumbnailLabel: recovery.thumbnailLabel,
      source: recovery.source,
    },
    attempts: recovery.attempts,
    deadline: isoTime(recovery.deadline),
    settledAt: isoTime(settledAt),
  };
  // A recovery may end once more after a redrive: that is another event, while a repeated attempt to end it is not.
  const identity = [recovery.fileId, String(recovery.redrives ?? 0)];
  if (state === 'lost' || state === 'failed') {
    const type = `recovery-${state}` as const;
    const { errorClass = 'UnknownError', message = '', category = 'lost' } = lastError ?? {};
    return { ...headOf(type, recovery, identity), ...about, type, error: { errorClass, message, category } };
  }
  const type = 'recovery-recovered';
  const { bucket = '', key = '', size = 0, etag = '', contentType = '' } = recovery;
  const { verifiedBy = [], warnings = [] } = recovery;
  const object = { bucket, key, size, etag, contentType, verifiedBy, warnings };
  return { ...headOf(type, recovery, identity), ...about, type, object };
}

/** The event of a preflight. @param now epoch milliseconds */
export function preflightEvent(id: string, now: number): PreflightEvent {
  return { version: 1, id, type: 'preflight', publishedAt: isoTime(now) };
}

/** The attributes that go with an event. */
export function attributesOf(event: TopicEvent): EventAttributes {
  if (event.type === 'preflight') return { type: event.type, test: 'true' };
  const { type, role, job } = event;
  const head = { type, role, test: String(job.test) };
  return 'error' in event ? { ...head, errorClass: event.error.errorClass } : head;
}

function headOf(
  type: RecoveryEvent['type'],
  record: PrimaryFailureRecord | RecoveryRecord,
  identity: readonly string[],
): EventHead {
  const { jobId, outputId, role } = record;
  const id = createHash('sha256').update(JSON.stringify([type, jobId, outputId, role, ...identity]));
  return {
    version: 1,
    id: id.digest('hex').slice(0, 32),
    job: { id: jobId, passThrough: record.passThrough, test: record.test },
    output: { id: outputId, label: record.label, type: record.outputType },
    role,
    failedAt: isoTime(record.failedAt),
  };
}
