import { recoveryKeyOf } from '../shared/ledger/fresh-recoveries.ts';
import type { PlannedRecovery, RecoveryRecord } from '../shared/ledger/records.ts';
import type { SegmentRef } from '../shared/ledger/segments.ts';
import { outputMessages, type SegmentMessage } from '../shared/queue/messages.ts';
import { allowedSource } from '../shared/zencoder/storage.ts';
import { abandonUpload } from './abandon-upload.ts';
import { endsPlan } from './copy/errors.ts';
import type { CopyJob, CopyPlan, SegmentDone, SegmentOutOfTime } from './copy/types.ts';
import { completeFile, copyJobOf, type FileOutcome, meetsAnotherFile } from './copy-file.ts';
import {
  besideLease,
  DONE,
  leaseOf,
  type MessageOutcome,
  scheduledMessageOf,
  type WorkerContext,
} from './dependencies.ts';
import { isNewEvidence } from './evidence.ts';
import { attemptAfter, decideRetry, summarizeError } from './retry-policy.ts';
import { settleOutcomes } from './settle.ts';
import { copyWatched } from './transfer-monitor.ts';
import { withFreshUrl } from './url-refresh.ts';

/**
 * Copies one segment of a large file, and completes the upload when it was the last. A segment that is done, that a
 * living invocation copies, or whose plan was given up is left alone.
 *
 * @throws {SourceNotAllowed} when the allow-list does not admit the URL.
 */
export async function recoverSegment(given: SegmentMessage, context: WorkerContext): Promise<MessageOutcome> {
  const { ledger, storage } = context;
  const message = { ...given, file: allowedSource(given.file, storage) };
  const ref: SegmentRef = {
    key: recoveryKeyOf(message, message.file),
    uploadId: message.uploadId,
    segment: message.segment,
  };
  const claim = await ledger.uploads.claimSegment(ref, leaseOf(context));
  switch (claim.outcome) {
    case 'stale':
      return await resumeAbandoned(message, claim.record, context);
    case 'leased':
      return besideLease(claim.lease, context);
    case 'done':
      return claim.allDone ? await completeAll(message, ref, context) : DONE;
    case 'claimed':
      return await copySegment({ message, ref, record: claim.record }, context);
  }
}

interface ClaimedSegment {
  readonly message: SegmentMessage;
  readonly ref: SegmentRef;
  readonly record: PlannedRecovery;
}

async function copySegment(claimed: ClaimedSegment, context: WorkerContext): Promise<MessageOutcome> {
  const { message, ref, record } = claimed;
  const { ledger, invocation } = context;
  const owner = invocation.id;
  const { segmentsDone: _, ...plan } = record.upload;
  let copied: SegmentDone | SegmentOutOfTime;
  try {
    copied = await withFreshUrl(message.file, record, context, (file) =>
      copyParts({ ...claimed, message: { ...message, file } }, plan, context),
    );
  } catch (error) {
    if (endsPlan(error)) return await restartUpload(error, message, record, context);
    return await afterFault(error, claimed, context);
  }
  if (copied.kind === 'out-of-time') return await releaseAndRetry(ref, context);
  const finished = await ledger.uploads.finishSegment(ref, owner, copied.bytesDone);
  const isLast = finished.outcome === 'finished' && finished.allDone;
  return isLast ? await completeAll(message, ref, context) : DONE;
}

async function copyParts(
  { message, ref, record }: ClaimedSegment,
  plan: CopyPlan,
  context: WorkerContext,
): Promise<SegmentDone | SegmentOutOfTime> {
  const { ledger, invocation } = context;
  const job = jobOf(message, plan, record);
  const save = (bytesDone: number) => ledger.uploads.saveSegmentProgress(ref, invocation.id, bytesDone);
  return await copyWatched({ job, plan, segment: ref.segment, record, save }, context);
}

async function releaseAndRetry(
  ref: SegmentRef,
  { ledger, invocation, now }: WorkerContext,
): Promise<MessageOutcome> {
  await ledger.uploads.releaseSegment(ref, invocation.id);
  return { kind: 'again', at: now() };
}

/** Completes and settles under the recovery's own lease, which one of all the finishers gets. */
async function completeAll(
  message: SegmentMessage,
  ref: SegmentRef,
  context: WorkerContext,
): Promise<MessageOutcome> {
  const { ledger } = context;
  const claim = await ledger.uploads.claimCompletion(ref.key, ref.uploadId, leaseOf(context));
  if (claim.outcome === 'leased') return besideLease(claim.record.lease, context);
  if (claim.outcome !== 'claimed' || claim.record.upload === undefined) return DONE;
  const record = { ...claim.record, upload: claim.record.upload };
  const { job, output, file } = message;
  const task = { job, output, file, key: record.upload.key, record };
  let outcome: FileOutcome;
  try {
    outcome = await completeFile(task, jobOf(message, record.upload, record), context);
  } catch (error) {
    if (endsPlan(error)) return await restartUpload(error, message, record, context);
    outcome = { kind: 'fault', key: task.key, error };
  }
  // The next attempt asks the bucket before it copies, and stores the file's second key.
  if (outcome.kind === 'fault' && meetsAnotherFile(outcome)) {
    return await restartUpload(outcome.error, message, record, context);
  }
  return await settleOutcomes([{ task, outcome }], context);
}

/**
 * Gives the upload up and queues the file as if its output had just been notified: this message is bound to the upload,
 * so it cannot carry another plan. Each segment that finds the upload gone does so, since none can know whether another
 * came to its end; of messages of the same evidence all but one are dropped. The recovery waits for a time that grows with
 * its attempts, and says why.
 */
async function restartUpload(
  error: unknown,
  message: SegmentMessage,
  record: PlannedRecovery,
  context: WorkerContext,
): Promise<MessageOutcome> {
  const { ledger, logger, jitter, now } = context;
  const { role, fileId, attempts } = record;
  const fault = summarizeError(error);
  logger.warn('upload planned anew', { role, fileId, attempts, fault });
  await abandonUpload(record.upload, context);
  await ledger.uploads.dropPlan(record, record.upload.uploadId, {
    error: { ...fault, at: now() },
    nextAttemptAt: attemptAfter({ attempts, now: now(), jitter }),
  });
  const left = await ledger.queries.readRecovery(record);
  if (left === undefined || left.settledAt !== undefined || left.upload !== undefined) return DONE;
  const { lease } = left;
  // The next worker must not find the file under the lease of an invocation that is done with it.
  if (lease?.owner === context.invocation.id) await ledger.uploads.releaseLease({ ...left, lease });
  return await requeueFile(message, left, context);
}

/**
 * A segment whose upload was given up. If the invocation that gave it up died before it had queued the file, this is its
 * message: the last one that the file has. If the file was lost to another message's URL, this one's is new evidence.
 */
async function resumeAbandoned(
  message: SegmentMessage,
  record: RecoveryRecord | undefined,
  context: WorkerContext,
): Promise<MessageOutcome> {
  if (record === undefined || record.upload !== undefined) return DONE;
  if (isNewEvidence(record, message.file, context)) {
    await context.ledger.recoveries.reopen(record);
    return await requeueFile(message, record, context);
  }
  if (record.settledAt !== undefined) return DONE;
  const { lease } = record;
  if (lease !== undefined && lease.until >= context.now()) return besideLease(lease, context);
  return await requeueFile(message, record, context);
}

async function requeueFile(
  { job, output, file }: SegmentMessage,
  { failedAt }: RecoveryRecord,
  { queue, evidence }: WorkerContext,
): Promise<MessageOutcome> {
  const messages = outputMessages(job, { output, failures: [], files: [file], failedAt }, 'notification');
  const carriers = messages.map((message) => ({ ...message, ...(evidence !== undefined && { evidence }) }));
  await queue.send(carriers);
  return DONE;
}

async function afterFault(
  error: unknown,
  { ref, record }: ClaimedSegment,
  context: WorkerContext,
): Promise<MessageOutcome> {
  const { ledger, invocation, logger, meter, now } = context;
  const { deadline } = record;
  const verdict = decideRetry({
    error,
    // Each segment has its own message: how often it was delivered is how often it was tried.
    attempts: context.message.receiveCount,
    now: now(),
    deadline,
    jitter: context.jitter,
    lastError: record.lastError,
  });
  const note = { ...verdict.fault, at: now() };
  const { role, fileId } = ref.key;
  logger.warn('segment failed', { role, fileId, segment: ref.segment, fault: verdict.fault });
  if (verdict.fault.category === 'action-required') meter.add('actionRequired', 1, verdict.fault.errorClass);
  if (verdict.kind === 'again') {
    const next = { nextAttemptAt: verdict.at, nextAttemptMessage: scheduledMessageOf(context) };
    await ledger.uploads.releaseSegment(ref, invocation.id, note, next);
    return { kind: 'again', at: verdict.at };
  }
  await ledger.uploads.releaseSegment(ref, invocation.id, note);
  const [claim] = await ledger.recoveries.claimExisting([record], leaseOf(context));
  // Whoever has the recovery now may not know what this segment found out.
  if (claim?.outcome === 'leased') return { kind: 'again', at: claim.record.lease?.until ?? now() };
  if (claim?.outcome !== 'claimed') return DONE;
  return await settleOutcomes(
    [
      {
        task: { key: record.upload.key, record: claim.record },
        outcome: { kind: 'fault', key: record.upload.key, error },
      },
    ],
    context,
  );
}

function jobOf(
  { job, output, file }: SegmentMessage,
  { key }: Pick<CopyPlan, 'key'>,
  record: RecoveryRecord,
): CopyJob {
  return copyJobOf({ job, output, file, key }, record);
}
