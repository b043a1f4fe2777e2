import type { ClaimedRecovery, PlannedRecovery, RecoveryRecord } from '../shared/ledger/records.ts';
import type { SegmentMessage } from '../shared/queue/messages.ts';
import { RecoveryError } from '../shared/runtime/errors.ts';
import type { BackupFile, JobInfo, OutputInfo, RecoveryKey } from '../shared/zencoder/model.ts';
import { fileIdOf, isOver } from '../shared/zencoder/signed-url.ts';
import { abandonUpload } from './abandon-upload.ts';
import { endsPlan, KeyContested, KeyHeldByAnotherFile, UploadContested } from './copy/errors.ts';
import type { Copied, CopyJob, CopyPlan, CopyResult, OutOfTime } from './copy/types.ts';
import type { WorkerContext } from './dependencies.ts';
import { secondKeyOf } from './key-template.ts';
import { copyWatched } from './transfer-monitor.ts';
import { withFreshUrl } from './url-refresh.ts';

/** The part of an object's metadata that says which file it is. */
export function identityOf({ jobId, outputId, role, fileId }: RecoveryKey): Record<string, string> {
  return {
    'zencoder-job': jobId,
    'zencoder-output': outputId,
    'zencoder-role': role,
    'zencoder-file': fileId,
  };
}

/**
 * Object metadata that says where a recovered object came from; never a signature. Attempts recognise their own work
 * by it: an object which an earlier attempt put counts as recovered, one of another file makes this file take its second
 * key, and any other is a conflict.
 */
export function provenanceOf(job: JobInfo, output: OutputInfo, file: BackupFile): Record<string, string> {
  const fileId = fileIdOf(file.url);
  return {
    ...identityOf({ jobId: job.id, outputId: output.id, role: file.role, fileId }),
    ...(output.label === null ? {} : { 'zencoder-label': output.label }),
    ...(file.thumbnailLabel === null ? {} : { 'zencoder-thumbnail-label': file.thumbnailLabel }),
  };
}

/** A file that has differed so often from its announcement is kept as it is: better than lost. */
const MISMATCHES = 2;

/** A completion that S3 has called contested so often is not tried again; S3 asks for another upload. */
const CONTESTS = 3;

/** What one attempt at one file came to. */
export type FileOutcome =
  | { readonly kind: 'recovered'; readonly key: string; readonly result: CopyResult }
  /** Its segments are queued; the recovery is under nobody's lease. */
  | { readonly kind: 'dispatched' }
  /** What is copied stays; the next attempt may begin at once. */
  | { readonly kind: 'out-of-time' }
  /** Somebody else has the recovery now. */
  | { readonly kind: 'lease-lost' }
  | {
      readonly kind: 'fault';
      readonly key: string;
      readonly error: unknown;
      /** True when every byte is in the bucket and only the completion failed: the source is not needed any more. */
      readonly sourceIsDone?: boolean;
    };

/** A claimed file and all that a copy of it needs to know. */
export interface FileTask {
  readonly job: JobInfo;
  readonly output: OutputInfo;
  readonly file: BackupFile;
  readonly key: string;
  readonly record: ClaimedRecovery;
}

/** Parts that an upload was said to have are gone; what is missing is copied again. */
export class PartsDisappeared extends RecoveryError {
  override readonly name = 'PartsDisappeared';
  override readonly category = 'transient';
}

/** The signed URL has long ended: no request is made in vain. */
export class DeadlinePassed extends RecoveryError {
  override readonly name = 'DeadlinePassed';
  override readonly category = 'lost';
}

/** The job of the copy engine for a file. */
export function copyJobOf(
  { job, output, file, key }: Omit<FileTask, 'record'>,
  { attempts, history }: Pick<RecoveryRecord, 'attempts' | 'history'>,
): CopyJob {
  const mismatches = history.filter(({ errorClass }) => /^(Size|Md5)Mismatch$/.test(errorClass));
  return {
    url: file.url,
    key,
    filename: file.filename,
    metadata: provenanceOf(job, output, file),
    expectedSize: file.size,
    expectedMd5: file.md5,
    acceptMismatch: mismatches.length >= MISMATCHES,
    mayExist: attempts > 1,
  };
}

/**
 * One attempt at one file under the recovery's lease: a small file is copied at once, a large one by its plan, in this
 * invocation if it is one segment, else by a message a segment. A file whose key turns out to hold the object of another
 * one is copied under its second key, in the same attempt. Never throws: a fault is an outcome.
 */
export async function copyFile(task: FileTask, context: WorkerContext): Promise<FileOutcome> {
  const outcome = await copyUnderKey(task, context);
  const secondKey = meetsAnotherFile(outcome) ? secondKeyOf(task.key, task.record.fileId) : null;
  if (secondKey === null) return outcome;
  const { role, fileId } = task.record;
  context.logger.info('key held by another file', { role, fileId, key: task.key, secondKey });
  try {
    const withoutPlan = await forgetPlan(task, context);
    // Stored before it is used: whatever becomes of this attempt, the next one looks there.
    const isChanged = await context.ledger.recoveries.changeKey(task.record, secondKey);
    if (!isChanged) return { kind: 'lease-lost' };
    const record = { ...withoutPlan, key: secondKey };
    return await copyUnderKey({ ...task, key: secondKey, record }, context);
  } catch (error) {
    return { kind: 'fault', key: task.key, error };
  }
}

/** Whether an attempt ended because the key holds an object that this stack made for another file. */
export function meetsAnotherFile(outcome: FileOutcome): boolean {
  return outcome.kind === 'fault' && outcome.error instanceof KeyHeldByAnotherFile;
}

async function copyUnderKey(task: FileTask, context: WorkerContext): Promise<FileOutcome> {
  const { invocation, now } = context;
  // What an earlier attempt has copied is in the bucket, whatever has become of the URL since.
  if (isOver(task.file.deadline, now()) && task.record.attempts === 1) {
    const ended = new Date(task.file.deadline).toISOString();
    return { kind: 'fault', key: task.key, error: new DeadlinePassed(`the signed URL ended at ${ended}`) };
  }
  if (now() >= invocation.stopAt) return { kind: 'out-of-time' };
  try {
    return await withFreshUrl(task.file, task.record, context, (file) => {
      const job = copyJobOf({ ...task, file }, task.record);
      return attempt({ ...task, file }, job, context);
    });
  } catch (error) {
    return { kind: 'fault', key: task.key, error };
  }
}

async function attempt(task: FileTask, job: CopyJob, context: WorkerContext): Promise<FileOutcome> {
  try {
    return await copyByPlan(task, job, context);
  } catch (error) {
    // The upload or the source is not what the plan was made for: once, from the first byte, in this attempt.
    if (!endsPlan(error)) throw error;
    const anew = await forgetPlan(task, context);
    return await copyByPlan({ ...task, record: anew }, job, context);
  }
}

async function copyByPlan(task: FileTask, job: CopyJob, context: WorkerContext): Promise<FileOutcome> {
  const begun = await begin(task, job, context);
  if (begun.kind === 'copied') return { kind: 'recovered', key: task.key, result: begun.result };
  if (begun.kind !== 'planned') return begun;
  if (begun.record.upload.segments > 1)
    return await dispatchSegments({ ...task, record: begun.record }, context);
  return await copyHere({ ...task, record: begun.record }, job, context);
}

type PlannedTask = FileTask & { readonly record: ClaimedRecovery & PlannedRecovery };
type Begun =
  | Copied
  | { readonly kind: 'planned'; readonly record: PlannedTask['record'] }
  | OutOfTime
  | { readonly kind: 'lease-lost' };

async function begin({ record }: FileTask, job: CopyJob, context: WorkerContext): Promise<Begun> {
  const { engine, ledger, invocation } = context;
  if (record.upload !== undefined) return { kind: 'planned', record: { ...record, upload: record.upload } };
  const started = await engine.start(job, { stopAt: invocation.stopAt });
  if (started.kind !== 'planned') return started;
  const { plan } = started;
  const saved = await ledger.uploads.savePlan(record, plan);
  if (saved.outcome !== 'saved') await engine.abandon(plan);
  const { lease, upload } = saved.record;
  if (lease?.owner !== record.lease.owner || upload === undefined) return { kind: 'lease-lost' };
  // A plan that is there under this very lease was saved before the source refused the URL in mid-copy.
  return { kind: 'planned', record: { ...saved.record, lease, upload } };
}

async function copyHere(task: PlannedTask, job: CopyJob, context: WorkerContext): Promise<FileOutcome> {
  const { ledger } = context;
  const { record } = task;
  const plan = planOf(task);
  const save = (bytesDone: number) =>
    ledger.recoveries.saveProgress(record, { bytesDone, bytesTotal: plan.size });
  const segment = await copyWatched({ job, plan, segment: 0, record, save }, context);
  return segment.kind === 'out-of-time' ? segment : await completeFile(task, job, context);
}

/**
 * Completes an upload whose segments are all done, under the recovery's lease. Segments whose parts S3 no longer has are
 * opened again and queued.
 *
 * @throws what `endsPlan` is true of: the file is to be planned anew.
 */
export async function completeFile(
  task: PlannedTask,
  job: CopyJob,
  context: WorkerContext,
): Promise<FileOutcome> {
  const { engine, ledger, logger, invocation, now } = context;
  const { upload } = task.record;
  try {
    const completed = await engine.complete(job, planOf(task), { stopAt: invocation.stopAt });
    if (completed.kind === 'out-of-time') return completed;
    if (completed.kind === 'copied') return { kind: 'recovered', key: task.key, result: completed.result };
    const { missingSegments, missingParts, bytesDone } = completed;
    const disappeared = new PartsDisappeared(`${missingParts} parts are no longer in the upload`);
    if (upload.segments === 1) return { kind: 'fault', key: task.key, error: disappeared };
    logger.warn('parts disappeared', { missingParts, missingSegments });
    await ledger.uploads.reopenSegments(task.record, missingSegments, bytesDone);
    const segmentsDone = upload.segmentsDone.filter((segment) => !missingSegments.includes(segment));
    return await dispatchSegments(
      { ...task, record: { ...task.record, upload: { ...upload, segmentsDone } } },
      context,
    );
  } catch (error) {
    if (error instanceof KeyContested && isContestedForGood(task, now())) {
      throw new UploadContested(`the completion was contested ${CONTESTS} times`, { cause: error });
    }
    if (endsPlan(error)) throw error;
    return { kind: 'fault', key: task.key, error, sourceIsDone: true };
  }
}

/** Whether another upload is to be made, for as long as the source is there to be copied again. */
function isContestedForGood({ file, record }: PlannedTask, now: number): boolean {
  const before = record.history.filter(
    ({ errorClass, at }) => errorClass === 'KeyContested' && at >= record.upload.plannedAt,
  );
  return before.length + 1 >= CONTESTS && now < file.deadline;
}

/** The plan as the engine made it; the ledger keeps it field by field. */
function planOf({ record }: PlannedTask): CopyPlan {
  const { segmentsDone: _, ...plan } = record.upload;
  return plan;
}

/** Queues a message for every segment that is not done. */
async function dispatchSegments(
  { job, output, file, record }: PlannedTask,
  context: WorkerContext,
): Promise<FileOutcome> {
  const { queue, ledger, evidence } = context;
  const { uploadId, segments, segmentsDone } = record.upload;
  const isDone = new Set(segmentsDone);
  const left = Array.from({ length: segments }, (_, segment) => segment).filter(
    (segment) => !isDone.has(segment),
  );
  // With all done only the completion is wanting, and any segment's message brings it about.
  const wanted = left.length > 0 ? left : [0];
  // Before the messages are there: a segment's message that finds this lease would leave the completion to it.
  await ledger.uploads.releaseLease(record);
  await queue.send(
    wanted.map(
      (segment): SegmentMessage => ({
        ...{ type: 'segment', version: 1, job, output, file, uploadId, segment },
        ...(evidence !== undefined && { evidence }),
      }),
    ),
  );
  return { kind: 'dispatched' };
}

/** Aborts the upload and takes its plan out of the ledger; the record it returns has none. */
async function forgetPlan({ record }: FileTask, context: WorkerContext): Promise<ClaimedRecovery> {
  const { ledger } = context;
  // The plan may be one that this very attempt saved, so the ledger is asked.
  const upload = (await ledger.queries.readRecovery(record))?.upload;
  if (upload !== undefined) {
    await abandonUpload(upload, context);
    await ledger.uploads.dropPlan(record, upload.uploadId);
  }
  const { upload: _, ...withoutPlan } = record;
  return withoutPlan;
}
