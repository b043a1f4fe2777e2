import { recoveryKeyOf } from '../shared/ledger/new-recoveries.ts';
import type { LastError, PlannedRecovery, RecoveryRecord } from '../shared/ledger/records.ts';
import type { SegmentRef } from '../shared/ledger/segments.ts';
import { outputMessages, type SegmentMessage } from '../shared/queue/messages.ts';
import { summarizeError } from '../shared/runtime/error-summary.ts';
import { endsPlan } from './copy/errors.ts';
import type { SegmentDone, SegmentOutOfTime } from './copy/types.ts';
import { FileCopy, type FileCopyDependencies } from './copy-file.ts';
import {
  besideLease,
  type Delivery,
  DONE,
  isNewEvidence,
  leaseOf,
  type MessageOutcome,
  scheduledMessageOf,
} from './delivery.ts';
import type { WorkerDependencies } from './dependencies.ts';
import { type FileOutcome, isHeldByAnotherFile } from './file-outcome.ts';
import { decideRetry, nextAttemptTime } from './retry-policy.ts';
import { type SettleDependencies, settleOutcomes } from './settle.ts';
import { abandonUpload } from './uploads.ts';

/** What the handling of a segment works with. */
type SegmentDependencies = FileCopyDependencies & SettleDependencies & Pick<WorkerDependencies, 'storage'>;

/** A segment's message with a URL that is allowed, and the delivery that brings it. */
interface DeliveredSegment {
  readonly message: SegmentMessage;
  readonly ref: SegmentRef;
  readonly delivery: Delivery;
}

/**
 * Copies one segment of a large file, and completes the upload when it was the last. A segment that is done, that a
 * living invocation copies, or whose upload was abandoned is left alone.
 *
 * @throws {SourceNotAllowed} when the allow-list does not admit the URL.
 */
export async function handleSegment(
  given: SegmentMessage,
  delivery: Delivery,
  dependencies: SegmentDependencies,
): Promise<MessageOutcome> {
  const { ledger, storage, now } = dependencies;
  const message = { ...given, file: storage.assertAllowed(given.file) };
  const { uploadId, segment } = message;
  const ref: SegmentRef = { key: recoveryKeyOf(message, message.file), uploadId, segment };
  const claim = await ledger.uploads.claimSegment(ref, leaseOf(delivery));
  const claimed = { message, ref, delivery };
  switch (claim.outcome) {
    case 'stale':
      return await resumeAbandoned(claimed, claim.record, dependencies);
    case 'leased':
      return besideLease(claim.lease, delivery, now());
    case 'done':
      return claim.allDone ? await completeAll(claimed, dependencies) : DONE;
    case 'claimed':
      return await copyAndFinish(claimed, claim.record, dependencies);
  }
}

async function copyAndFinish(
  segment: DeliveredSegment,
  record: PlannedRecovery,
  dependencies: SegmentDependencies,
): Promise<MessageOutcome> {
  const { ref, delivery } = segment;
  const { ledger, now } = dependencies;
  const owner = delivery.invocation.id;
  const save = (bytesDone: number) => ledger.uploads.saveSegmentProgress(ref, owner, bytesDone);
  let copied: SegmentDone | SegmentOutOfTime;
  try {
    copied = await fileCopyOf(segment, record, dependencies).copySegment(ref.segment, record, save);
  } catch (error) {
    return endsPlan(error)
      ? await restartUpload(error, segment, record, dependencies)
      : await retryOrSettle(error, segment, record, dependencies);
  }
  if (copied.kind === 'out-of-time') {
    await ledger.uploads.releaseSegment(ref, owner);
    return { kind: 'retry', at: now() };
  }
  const finished = await ledger.uploads.finishSegment(ref, owner, copied.bytesDone);
  const isLast = finished.outcome === 'finished' && finished.allDone;
  return isLast ? await completeAll(segment, dependencies) : DONE;
}

/** Completes and settles under the recovery's own lease, which one of all the finishers gets. */
async function completeAll(
  segment: DeliveredSegment,
  dependencies: SegmentDependencies,
): Promise<MessageOutcome> {
  const { ref, delivery } = segment;
  const { ledger, now } = dependencies;
  const claim = await ledger.uploads.claimCompletion(ref.key, ref.uploadId, leaseOf(delivery));
  if (claim.outcome === 'leased') return besideLease(claim.record.lease, delivery, now());
  if (claim.outcome !== 'claimed' || claim.record.upload === undefined) return DONE;
  const record = { ...claim.record, upload: claim.record.upload };
  let outcome: FileOutcome;
  try {
    outcome = await fileCopyOf(segment, record, dependencies).complete(record);
  } catch (error) {
    if (endsPlan(error)) return await restartUpload(error, segment, record, dependencies);
    outcome = { kind: 'failed', key: record.upload.key, error };
  }
  // The next attempt asks the bucket before it copies, and stores the file's second key.
  if (isHeldByAnotherFile(outcome)) return await restartUpload(outcome.error, segment, record, dependencies);
  return await settleOutcomes([{ record, outcome }], delivery, dependencies);
}

/**
 * Abandons the upload and queues the file as if its output had just been notified: this message is bound to the upload,
 * so it cannot carry another plan. Each segment that finds the upload gone does so, since none can know whether another
 * did; of messages of the same evidence all but one are dropped. The recovery waits for a time that grows with its
 * attempts, and its record says why.
 */
async function restartUpload(
  cause: unknown,
  segment: DeliveredSegment,
  record: PlannedRecovery,
  dependencies: SegmentDependencies,
): Promise<MessageOutcome> {
  const { ledger, logger, now } = dependencies;
  const { invocation, jitter } = segment.delivery;
  const { role, fileId, attempts } = record;
  const error = summarizeError(cause);
  logger.warn('upload restarted', { role, fileId, attempts, error });
  await abandonUpload(record.upload, dependencies);
  await ledger.uploads.dropPlan(record, record.upload.uploadId, {
    error: { ...error, at: now() },
    nextAttemptAt: nextAttemptTime({ attempts, now: now(), jitter }),
  });
  const left = await ledger.queries.readRecovery(record);
  if (left === undefined || left.settledAt !== undefined || left.upload !== undefined) return DONE;
  const { lease } = left;
  // The next worker must not find the file under the lease of an invocation that is done with it.
  if (lease?.owner === invocation.id) await ledger.uploads.releaseLease({ ...left, lease });
  return await requeueFile(segment, left, dependencies);
}

/**
 * A segment whose upload was abandoned. If the invocation that abandoned it crashed before it had queued the file, this is
 * its message: the last one that the file has. If the file was lost to another message's URL, this one's is new evidence.
 */
async function resumeAbandoned(
  segment: DeliveredSegment,
  record: RecoveryRecord | undefined,
  dependencies: Pick<WorkerDependencies, 'ledger' | 'queue' | 'now'>,
): Promise<MessageOutcome> {
  const { message, delivery } = segment;
  const { ledger, now } = dependencies;
  if (record === undefined || record.upload !== undefined) return DONE;
  if (isNewEvidence(record, message.file, delivery, now())) {
    await ledger.recoveries.reopen(record);
    return await requeueFile(segment, record, dependencies);
  }
  if (record.settledAt !== undefined) return DONE;
  const { lease } = record;
  if (lease !== undefined && lease.until >= now()) return besideLease(lease, delivery, now());
  return await requeueFile(segment, record, dependencies);
}

async function requeueFile(
  { message, delivery: { evidence } }: DeliveredSegment,
  { failedAt }: RecoveryRecord,
  { queue }: Pick<WorkerDependencies, 'queue'>,
): Promise<MessageOutcome> {
  const { job, output, file } = message;
  const messages = outputMessages(job, { output, failures: [], files: [file], failedAt }, 'notification');
  await queue.send(messages.map((each) => ({ ...each, ...(evidence !== undefined && { evidence }) })));
  return DONE;
}

async function retryOrSettle(
  cause: unknown,
  { ref, delivery }: DeliveredSegment,
  record: PlannedRecovery,
  dependencies: SegmentDependencies,
): Promise<MessageOutcome> {
  const { ledger, logger, meter, now } = dependencies;
  const { invocation, message, jitter } = delivery;
  const { deadline, lastError } = record;
  // Each segment has its own message: how often it was delivered is how often it was tried.
  const attempts = message.receiveCount;
  const decision = decideRetry({ error: cause, attempts, now: now(), deadline, jitter, lastError });
  const { role, fileId } = ref.key;
  logger.warn('segment failed', { role, fileId, segment: ref.segment, error: decision.error });
  const { category, errorClass } = decision.error;
  if (category === 'action-required') meter.add('actionRequired', 1, errorClass);
  const error: LastError = { ...decision.error, at: now() };
  if (decision.kind === 'retry') {
    const next = { nextAttemptAt: decision.at, nextAttemptMessage: scheduledMessageOf(delivery) };
    await ledger.uploads.releaseSegment(ref, invocation.id, error, next);
    return { kind: 'retry', at: decision.at };
  }
  await ledger.uploads.releaseSegment(ref, invocation.id, error);
  const [claim] = await ledger.recoveries.claimExisting([record], leaseOf(delivery));
  // The owner of that lease may not know what this segment found out.
  if (claim?.outcome === 'leased') return { kind: 'retry', at: claim.record.lease?.until ?? now() };
  if (claim?.outcome !== 'claimed') return DONE;
  const { key } = record.upload;
  const outcome: FileOutcome = { kind: 'failed', key, error: cause };
  return await settleOutcomes([{ record: claim.record, outcome }], delivery, dependencies);
}

/** The copy of the segment's file, under the key of its plan. */
function fileCopyOf(
  { message: { job, output, file }, delivery }: DeliveredSegment,
  { upload: { key } }: PlannedRecovery,
  dependencies: FileCopyDependencies,
): FileCopy {
  return new FileCopy({ job, output, file, key }, delivery, dependencies);
}
