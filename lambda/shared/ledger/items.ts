import * as v from 'valibot';
import { count, nullableText, text, time, type UploadPlan, uploadPlan } from './plan-schema.ts';
import type {
  Lease,
  PrimaryFailureRecord,
  RecoveryRecord,
  SegmentedUpload,
  SegmentRecord,
} from './records.ts';
import { LedgerItemNotUnderstood } from './table.ts';

/** An item as it goes to and comes from the table: times as ISO 8601 text, leases flat, nulls left out. */
export type Item = Record<string, unknown>;

const role = v.picklist(['media', 'thumbnail']);
const category = v.picklist([
  'transient',
  'action-required',
  'url-refused',
  'lost',
  'conflict',
  'invalid-input',
]);
const attempt = v.object({
  at: time,
  errorClass: text,
  category,
  message: text,
  acceptsNewUrl: v.exactOptional(v.literal(true)),
  countedAs: v.exactOptional(v.picklist(['mismatch', 'contested'])),
});

const output = {
  jobId: text,
  outputId: text,
  role,
  label: nullableText,
  outputType: nullableText,
  passThrough: nullableText,
  test: v.boolean(),
  failedAt: time,
};

const flatLease = {
  leaseOwner: v.exactOptional(text),
  leaseUntil: v.exactOptional(count),
  leaseMessageId: v.exactOptional(text),
  leaseEvidence: v.exactOptional(text),
};

const failureItem = v.object({
  kind: v.literal('failure'),
  ...output,
  errorClass: text,
  message: nullableText,
  link: nullableText,
  destinationHost: nullableText,
  recordedAt: time,
  eventOwedAt: v.exactOptional(time),
});

const recoveryItem = v.object({
  kind: v.literal('recovery'),
  ...output,
  fileId: text,
  filename: text,
  thumbnailLabel: nullableText,
  source: text,
  state: v.picklist(['pending', 'copying', 'recovered', 'lost', 'failed']),
  deadline: time,
  expectedSize: v.nullish(count, null),
  expectedMd5: nullableText,
  createdAt: time,
  updatedAt: time,
  settledAt: v.exactOptional(time),
  settledBy: v.exactOptional(text),
  dispatchedBy: v.exactOptional(
    v.object({ messageId: v.exactOptional(text), evidence: v.exactOptional(text) }),
  ),
  attemptedBy: v.exactOptional(v.array(text)),
  spentEvidence: v.exactOptional(v.array(text)),
  eventOwedAt: v.exactOptional(time),
  attempts: count,
  redrives: v.exactOptional(count),
  nextAttemptAt: v.exactOptional(time),
  nextAttemptMessage: v.exactOptional(
    v.object({ messageId: text, receiptHandle: text, evidence: v.exactOptional(text) }),
  ),
  lastError: v.exactOptional(v.object({ ...attempt.entries, since: v.exactOptional(time) })),
  history: v.optional(v.array(attempt), []),
  retries: v.exactOptional(v.array(v.object({ by: text, at: time }))),
  bucket: v.exactOptional(text),
  key: v.exactOptional(text),
  size: v.exactOptional(count),
  etag: v.exactOptional(text),
  contentType: v.exactOptional(text),
  verifiedBy: v.exactOptional(v.array(text)),
  warnings: v.exactOptional(v.array(text)),
  bytesDone: v.exactOptional(count),
  bytesTotal: v.exactOptional(count),
  progressAt: v.exactOptional(time),
  upload: v.exactOptional(uploadPlan),
  segmentsDone: v.exactOptional(v.set(count)),
  ...flatLease,
});

const segmentItem = v.object({
  kind: v.literal('segment'),
  jobId: text,
  outputId: text,
  role,
  fileId: text,
  segment: count,
  uploadId: text,
  /** Kept with its upload, so that a segment of a new upload begins at 0. */
  progress: v.exactOptional(v.object({ uploadId: text, bytes: count, at: time })),
  ...flatLease,
});

/** @throws {LedgerItemNotUnderstood} */
export function parseFailure(item: Item): PrimaryFailureRecord {
  const { kind: _, ...failure } = parse(failureItem, item);
  return failure;
}

/** @throws {LedgerItemNotUnderstood} */
export function parseRecovery(item: Item): RecoveryRecord {
  const { kind: _, upload, segmentsDone, ...rest } = parse(recoveryItem, item);
  const { leaseOwner, leaseUntil, leaseMessageId, leaseEvidence, ...recovery } = rest;
  return {
    ...recovery,
    ...leaseFrom(leaseOwner, leaseUntil, { messageId: leaseMessageId, evidence: leaseEvidence }),
    ...(upload && { upload: withSegments(upload, segmentsDone) }),
  };
}

/** @throws {LedgerItemNotUnderstood} */
export function parseSegment(item: Item): SegmentRecord {
  const { kind: _, progress, ...rest } = parse(segmentItem, item);
  const { leaseOwner, leaseUntil, leaseMessageId, leaseEvidence, ...segment } = rest;
  const own = progress?.uploadId === segment.uploadId ? progress : undefined;
  return {
    ...segment,
    bytesDone: own?.bytes ?? 0,
    ...(own && { progressAt: own.at }),
    ...leaseFrom(leaseOwner, leaseUntil, { messageId: leaseMessageId, evidence: leaseEvidence }),
  };
}

function withSegments(plan: UploadPlan, done: Set<number> | undefined): SegmentedUpload {
  return { ...plan, segmentsDone: [...(done ?? [])].sort((a, b) => a - b) };
}

function leaseFrom(
  owner: string | undefined,
  until: number | undefined,
  { messageId, evidence }: { readonly messageId: string | undefined; readonly evidence: string | undefined },
): { lease?: Lease } {
  if (owner === undefined || until === undefined) return {};
  return {
    lease: {
      owner,
      until,
      ...(messageId !== undefined && { messageId }),
      ...(evidence !== undefined && { evidence }),
    },
  };
}

function parse<const Schema extends v.GenericSchema>(schema: Schema, item: Item): v.InferOutput<Schema> {
  const result = v.safeParse(schema, item);
  if (result.success) return result.output;
  const fields = new Set(result.issues.map((issue) => v.getDotPath(issue) ?? '(the item)'));
  throw new LedgerItemNotUnderstood({ pk: String(item.pk), sk: String(item.sk) }, [...fields]);
}
