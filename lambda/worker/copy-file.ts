import type { ClaimedRecovery, PlannedRecovery } from '../shared/ledger/records.ts';
import { segmentMessages } from '../shared/queue/messages.ts';
import { RecoveryError } from '../shared/runtime/errors.ts';
import type { BackupFile } from '../shared/zencoder/model.ts';
import { isOver } from '../shared/zencoder/signed-url.ts';
import { endsPlan, UploadContested } from './copy/errors.ts';
import type { SegmentDone, SegmentOutOfTime } from './copy/types.ts';
import { copyJobOf, type FileTask } from './copy-job.ts';
import type { Delivery } from './delivery.ts';
import type { WorkerDependencies } from './dependencies.ts';
import { type FileOutcome, isHeldByAnotherFile } from './file-outcome.ts';
import { secondKeyOf } from './key-template.ts';
import { DeadlinePassed } from './retry-policy.ts';
import { copyMonitored } from './transfer-monitor.ts';
import { abandonUpload, planOf } from './uploads.ts';
import { type FreshUrls, withFreshUrl } from './url-refresh.ts';

/** A completion that S3 has called contested so often is not tried again; S3 asks for another upload. */
const MAX_CONTESTS = 3;

/** Parts that were in the upload are gone; what is missing is copied again. */
class PartsDisappeared extends RecoveryError {
  override readonly name = 'PartsDisappeared';
  override readonly category = 'transient';
}

/** A recovery under the caller's lease, with its upload. */
type ClaimedUpload = ClaimedRecovery & PlannedRecovery;

/** What the copy of a file works with. */
export interface FileCopyDependencies
  extends Pick<WorkerDependencies, 'engine' | 'ledger' | 'queue' | 'logger' | 'meter' | 'now'> {
  readonly freshUrls: FreshUrls;
}

/**
 * The copy of one backup file, as far as one delivery of a message brings it: the whole of a small file, a plan and its
 * messages for a large one, one segment of that, or its completion.
 *
 * @example
 * const copy = new FileCopy({ job, output, file, key }, delivery, dependencies);
 * const outcome = await copy.start(claim.record); // recovered, dispatched, out-of-time, lease-lost or failed
 */
export class FileCopy {
  /** The file as the message names it; an attempt may read it from another URL or put it under another key. */
  readonly #task: FileTask;
  readonly #delivery: Delivery;
  readonly #dependencies: FileCopyDependencies;

  constructor(task: FileTask, delivery: Delivery, dependencies: FileCopyDependencies) {
    this.#task = task;
    this.#delivery = delivery;
    this.#dependencies = dependencies;
  }

  /**
   * One attempt under the recovery's lease: a small file is copied at once, a large one by its plan, in this invocation
   * if it is one segment, else by a message a segment. A file whose key holds the object of another one is copied under
   * its second key, in the same attempt. Never throws: an error is an outcome.
   */
  async start(record: ClaimedRecovery): Promise<FileOutcome> {
    const { ledger, logger } = this.#dependencies;
    const { key } = this.#task;
    const outcome = await this.#copyUnderKey(this.#task, record);
    const secondKey = isHeldByAnotherFile(outcome) ? secondKeyOf(key, record.fileId) : null;
    if (secondKey === null) return outcome;
    const { role, fileId } = record;
    logger.info('key held by another file', { role, fileId, key, secondKey });
    try {
      const withoutPlan = await this.#forgetPlan(record);
      // Stored before it is used: whatever becomes of this attempt, the next one looks there.
      const isChanged = await ledger.recoveries.changeKey(record, secondKey);
      if (!isChanged) return { kind: 'lease-lost' };
      return await this.#copyUnderKey({ ...this.#task, key: secondKey }, { ...withoutPlan, key: secondKey });
    } catch (error) {
      return { kind: 'failed', key, error };
    }
  }

  /**
   * Copies one segment of a planned file until the invocation must stop. The task has the key of the plan.
   *
   * @param save writes how many bytes of the segment are done to the ledger.
   * @throws what `CopyEngine.copySegment` throws.
   */
  async copySegment(
    segment: number,
    record: PlannedRecovery,
    save: (bytesDone: number) => Promise<unknown>,
  ): Promise<SegmentDone | SegmentOutOfTime> {
    const plan = planOf(record);
    return await withFreshUrl(this.#task.file, record, this.#dependencies, (file) => {
      const job = copyJobOf({ ...this.#task, file }, record);
      return copyMonitored({ job, plan, segment, record, save }, this.#stopAt, this.#dependencies);
    });
  }

  /**
   * Completes an upload whose segments are all done, under the recovery's lease. Segments whose parts S3 no longer has are
   * opened again and queued. The task has the key of the plan.
   *
   * @throws an error that `endsPlan`: the upload is to be restarted.
   */
  async complete(record: ClaimedUpload): Promise<FileOutcome> {
    return await this.#completeUpload(this.#task, record);
  }

  async #copyUnderKey(task: FileTask, record: ClaimedRecovery): Promise<FileOutcome> {
    const { now } = this.#dependencies;
    const { deadline } = task.file;
    // The parts of an earlier attempt are in the bucket, even if the URL has expired since.
    if (isOver(deadline, now()) && record.attempts === 1) {
      const error = new DeadlinePassed(`the signed URL expired at ${new Date(deadline).toISOString()}`);
      return { kind: 'failed', key: task.key, error };
    }
    if (now() >= this.#stopAt) return { kind: 'out-of-time' };
    try {
      return await withFreshUrl(task.file, record, this.#dependencies, (file) =>
        this.#attempt({ ...task, file }, record),
      );
    } catch (error) {
      return { kind: 'failed', key: task.key, error };
    }
  }

  async #attempt(task: FileTask, record: ClaimedRecovery): Promise<FileOutcome> {
    try {
      return await this.#copyByPlan(task, record);
    } catch (error) {
      // The upload or the source is not what the plan was made for: once, from the first byte, in this attempt.
      if (!endsPlan(error)) throw error;
      return await this.#copyByPlan(task, await this.#forgetPlan(record));
    }
  }

  async #copyByPlan(task: FileTask, record: ClaimedRecovery): Promise<FileOutcome> {
    const begun = await this.#begin(task, record);
    if (begun.kind !== 'planned') return begun;
    if (begun.record.upload.segments > 1) return await this.#dispatchSegments(task.file, begun.record);
    return await this.#copyHere(task, begun.record);
  }

  async #begin(
    task: FileTask,
    record: ClaimedRecovery,
  ): Promise<FileOutcome | { readonly kind: 'planned'; readonly record: ClaimedUpload }> {
    const { engine, ledger } = this.#dependencies;
    if (record.upload !== undefined) return { kind: 'planned', record: { ...record, upload: record.upload } };
    const started = await engine.start(copyJobOf(task, record), { stopAt: this.#stopAt });
    if (started.kind === 'out-of-time') return started;
    if (started.kind === 'copied') return { kind: 'recovered', key: task.key, result: started.result };
    const saved = await ledger.uploads.savePlan(record, started.plan);
    if (saved.outcome !== 'saved') await engine.abandon(started.plan);
    const { lease, upload } = saved.record;
    if (lease?.owner !== record.lease.owner || upload === undefined) return { kind: 'lease-lost' };
    // A plan that is there under this very lease was saved before the source refused the URL in mid-copy.
    return { kind: 'planned', record: { ...saved.record, lease, upload } };
  }

  async #copyHere(task: FileTask, record: ClaimedUpload): Promise<FileOutcome> {
    const { ledger } = this.#dependencies;
    const plan = planOf(record);
    const job = copyJobOf(task, record);
    const save = (bytesDone: number) =>
      ledger.recoveries.saveProgress(record, { bytesDone, bytesTotal: plan.size });
    const segment = await copyMonitored(
      { job, plan, segment: 0, record, save },
      this.#stopAt,
      this.#dependencies,
    );
    return segment.kind === 'out-of-time'
      ? { kind: 'out-of-time' }
      : await this.#completeUpload(task, record);
  }

  async #completeUpload(task: FileTask, record: ClaimedUpload): Promise<FileOutcome> {
    const { engine, now } = this.#dependencies;
    const { key } = task;
    try {
      const completed = await engine.complete(copyJobOf(task, record), planOf(record), {
        stopAt: this.#stopAt,
      });
      if (completed.kind === 'out-of-time') return completed;
      if (completed.kind === 'copied') return { kind: 'recovered', key, result: completed.result };
      const { missingSegments, missingParts, bytesDone } = completed;
      const disappeared = new PartsDisappeared(`${missingParts} parts are no longer in the upload`);
      if (record.upload.segments === 1) return { kind: 'failed', key, error: disappeared };
      return await this.#copyAgain(task.file, record, { missingSegments, missingParts, bytesDone });
    } catch (error) {
      if (isContestedForGood(error, task.file, record, now())) {
        throw new UploadContested(`the completion was contested ${MAX_CONTESTS} times`, { cause: error });
      }
      if (endsPlan(error)) throw error;
      return { kind: 'failed', key, error, sourceIsDone: true };
    }
  }

  /** Opens segments again whose parts are gone, and queues them. */
  async #copyAgain(
    file: BackupFile,
    record: ClaimedUpload,
    missing: {
      readonly missingSegments: readonly number[];
      readonly missingParts: number;
      readonly bytesDone: number;
    },
  ): Promise<FileOutcome> {
    const { ledger, logger } = this.#dependencies;
    const { missingSegments, missingParts, bytesDone } = missing;
    logger.warn('parts disappeared', { missingParts, missingSegments });
    await ledger.uploads.reopenSegments(record, missingSegments, bytesDone);
    const segmentsDone = record.upload.segmentsDone.filter((segment) => !missingSegments.includes(segment));
    return await this.#dispatchSegments(file, { ...record, upload: { ...record.upload, segmentsDone } });
  }

  /** Queues a message for every segment that is not done. */
  async #dispatchSegments(file: BackupFile, record: ClaimedUpload): Promise<FileOutcome> {
    const { ledger, queue } = this.#dependencies;
    const { job, output } = this.#task;
    const { evidence } = this.#delivery;
    const { uploadId, segments, segmentsDone } = record.upload;
    const isDone = new Set(segmentsDone);
    const left = Array.from({ length: segments }, (_, segment) => segment).filter(
      (segment) => !isDone.has(segment),
    );
    // With all done only the completion is missing, which the message of any segment leads to.
    const wanted = left.length > 0 ? left : [0];
    // Before the messages are there: a segment's message that finds this lease would leave the completion to it.
    await ledger.uploads.releaseLease(record);
    const envelope = { job, output, file, uploadId, ...(evidence !== undefined && { evidence }) };
    await queue.send(segmentMessages(envelope, wanted));
    return { kind: 'dispatched' };
  }

  /** Aborts the upload and takes its plan out of the ledger; the record it returns has none. */
  async #forgetPlan(record: ClaimedRecovery): Promise<ClaimedRecovery> {
    const { ledger } = this.#dependencies;
    // The plan may be one that this very attempt saved, so the ledger is asked.
    const upload = (await ledger.queries.readRecovery(record))?.upload;
    if (upload !== undefined) {
      await abandonUpload(upload, this.#dependencies);
      await ledger.uploads.dropPlan(record, upload.uploadId);
    }
    const { upload: _, ...withoutPlan } = record;
    return withoutPlan;
  }

  /** Epoch milliseconds by which the engine stops. */
  get #stopAt(): number {
    return this.#delivery.invocation.stopAt;
  }
}

/** Whether another upload is to be made, for as long as the source is there to be copied again. */
function isContestedForGood(
  error: unknown,
  { deadline }: BackupFile,
  { history, upload }: ClaimedUpload,
  now: number,
): boolean {
  if (!(error instanceof RecoveryError) || error.countedAs !== 'contested') return false;
  const before = history.filter(({ countedAs, at }) => countedAs === 'contested' && at >= upload.plannedAt);
  return before.length + 1 >= MAX_CONTESTS && now < deadline;
}
