import type { StoredPart } from './bucket-contents.ts';
import type { Block } from './buffers.ts';
import { crc32Of } from './checksums.ts';
import { streamRange } from './part-stream.ts';
import { type ByteRange, type Concurrency, partsOf, rangeOf } from './plan.ts';
import type { CopySession, SourceFile } from './session.ts';
import type { CopyJob, CopyPlan, SegmentDone, SegmentOptions, SegmentOutOfTime } from './types.ts';
import type { KnownUpload } from './upload-state.ts';

/** A part is begun only if the time left is this many times what one took lately. */
const TIME_RESERVE = 1.5;

/** A segment to copy. */
export interface SegmentTask extends Pick<SegmentOptions, 'onProgress'> {
  readonly job: CopyJob;
  readonly plan: CopyPlan;
  readonly segment: number;
}

/** How parts go through this process. */
export interface Transfer {
  readonly concurrency: Concurrency;
  /** How fast parts went lately, to decide whether another one fits into the time that is left; shared by all segments. */
  readonly pace: { msPerByte: number };
}

/** Copies the parts of a segment that the upload lacks, several side by side. See `CopyEngine.copySegment`. */
export async function copySegment(
  session: CopySession,
  task: SegmentTask,
  upload: KnownUpload,
  transfer: Transfer,
): Promise<SegmentDone | SegmentOutOfTime> {
  return await new SegmentRun(session, task, upload, transfer).toEnd();
}

class SegmentRun {
  readonly #session: CopySession;
  readonly #task: SegmentTask;
  readonly #file: SourceFile;
  readonly #upload: KnownUpload;
  readonly #transfer: Transfer;
  readonly #parts: readonly number[];
  #hasBegun = false;

  constructor(session: CopySession, task: SegmentTask, upload: KnownUpload, transfer: Transfer) {
    this.#session = session;
    this.#task = task;
    this.#file = { url: task.job.url, etag: task.plan.sourceEtag, size: task.plan.size };
    this.#upload = upload;
    this.#transfer = transfer;
    this.#parts = partsOf(task.plan, task.segment);
  }

  async toEnd(): Promise<SegmentDone | SegmentOutOfTime> {
    await this.#session.run(async () => {
      await this.#askWhatIsThere();
      await this.#copyAll(this.#parts.filter((part) => !this.#upload.parts.has(part)));
    });
    const isDone = this.#parts.every((part) => this.#upload.parts.has(part));
    return { kind: isDone ? 'done' : 'out-of-time', bytesDone: this.#bytesDone() };
  }

  async #askWhatIsThere(): Promise<void> {
    const first = this.#parts[0] ?? 1;
    if (this.#upload.isUntouched && first === 1) {
      this.#upload.isUntouched = false;
      return;
    }
    this.#upload.isUntouched = false;
    this.#upload.md5?.cancel();
    this.#upload.md5 = null;
    const last = first + this.#parts.length - 1;
    const stored = await this.#session.bucket.listParts(this.#task.plan, first, last);
    for (const part of this.#parts) this.#upload.parts.delete(part);
    for (const part of stored) {
      const range = rangeOf(this.#task.plan, part.part);
      if (part.bytes === range.to - range.from) this.#upload.parts.set(part.part, part);
    }
  }

  async #copyAll(missing: readonly number[]): Promise<void> {
    const { concurrency } = this.#transfer.concurrency;
    const queue = missing.values();
    const lane = async () => {
      try {
        for (const part of queue) {
          if (!this.#hasTimeFor(part)) break;
          await this.#copyPart(part);
          this.#task.onProgress?.(this.#bytesDone());
        }
      } catch (error) {
        this.#session.stop(error);
        this.#upload.md5?.cancel();
      }
    };
    await Promise.all(Array.from({ length: Math.min(concurrency, missing.length) }, lane));
    this.#session.signal.throwIfAborted();
  }

  #hasTimeFor(part: number): boolean {
    if (this.#session.signal.aborted) return false;
    // Rates are measured by copying alone: one slow part must not keep this process from ever measuring another.
    const isFirst = !this.#hasBegun;
    this.#hasBegun = true;
    if (isFirst) return true;
    const { from, to } = rangeOf(this.#task.plan, part);
    return this.#session.hasTimeFor((to - from) * this.#transfer.pace.msPerByte * TIME_RESERVE);
  }

  async #copyPart(part: number): Promise<void> {
    const { concurrency, pace } = this.#transfer;
    const range = rangeOf(this.#task.plan, part);
    const began = this.#session.now();
    const stored =
      concurrency.kind === 'whole-parts'
        ? await this.#copyWholePart(part, range)
        : await this.#session.bucket.uploadStreamedPart(this.#task.plan, part, range.to - range.from, () =>
            streamRange(this.#session, this.#file, range, concurrency),
          );
    this.#upload.parts.set(part, stored);
    const msPerByte = (this.#session.now() - began) / stored.bytes;
    // Quick to believe that it has become slower, slow to believe that it has become faster.
    pace.msPerByte = Math.max(msPerByte, 0.8 * pace.msPerByte);
  }

  async #copyWholePart(part: number, range: ByteRange): Promise<StoredPart> {
    const first = part === 1 ? this.#takeFirst() : null;
    const bytes = range.to - range.from;
    const block = first?.bytes === bytes ? first.block : await this.#blockBeside(first?.block, bytes);
    try {
      const body = block.bytes.subarray(0, bytes);
      let filled = first?.bytes ?? 0;
      if (first !== null && first.block !== block) {
        first.block.bytes.copy(body, 0, 0, filled);
        first.block.release();
      }
      if (filled < bytes) {
        const rest = { from: range.from + filled, to: range.to };
        filled += (await this.#session.read(this.#file, rest, body.subarray(filled))).length;
      }
      const crc32 = crc32Of(body);
      const hashed = this.#upload.md5?.add(part, body);
      const etag = await this.#session.bucket.uploadPart(this.#task.plan, part, body, crc32);
      await hashed;
      return { part, bytes, etag, crc32 };
    } finally {
      block.release();
    }
  }

  /** Waiting for memory may end by the signal: then the block of the first bytes is released here. */
  async #blockBeside(first: Block | undefined, bytes: number): Promise<Block> {
    try {
      return await this.#session.acquire(bytes);
    } catch (error) {
      first?.release();
      throw error;
    }
  }

  #takeFirst(): { block: Block; bytes: number } | null {
    const { first } = this.#upload;
    this.#upload.first = null;
    const block = first?.kept.take() ?? null;
    return first === null || block === null ? null : { block, bytes: first.bytes };
  }

  #bytesDone(): number {
    return this.#parts.reduce((sum, part) => sum + (this.#upload.parts.get(part)?.bytes ?? 0), 0);
  }
}
