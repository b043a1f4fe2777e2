import type { StoredPart } from './bucket.ts';
import type { Block } from './buffers.ts';
import { crc32Of } from './checksums.ts';
import { ChecksumMismatch } from './errors.ts';
import { streamRange } from './part-stream.ts';
import { type ByteRange, type Concurrency, concurrencyFor, partsOf, rangeOf } from './plan.ts';
import { Attempts, type EngineTools } from './retry.ts';
import type { CopyJob, CopyPlan, SegmentDone, SegmentOptions, SegmentOutOfTime } from './types.ts';
import type { KnownUpload } from './upload-state.ts';

/** A part is begun only if the time left is this many times what one took lately. */
const TIME_RESERVE = 1.5;

class TimeIsUp extends Error {
  override readonly name = 'TimeIsUp';
}

/** Copies the parts of a segment that the upload lacks, in concurrency side by side. See `CopyEngine.copySegment`. */
export async function copySegment(
  tools: EngineTools,
  job: CopyJob,
  plan: CopyPlan,
  segment: number,
  options: SegmentOptions,
): Promise<SegmentDone | SegmentOutOfTime> {
  const run = new SegmentRun(tools, job, plan, segment, options);
  return run.toEnd();
}

class SegmentRun {
  readonly #tools: EngineTools;
  readonly #job: CopyJob;
  readonly #plan: CopyPlan;
  readonly #options: SegmentOptions;
  readonly #upload: KnownUpload;
  readonly #parts: readonly number[];
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  readonly #attempts: Attempts;
  #hasBegun = false;

  constructor(tools: EngineTools, job: CopyJob, plan: CopyPlan, segment: number, options: SegmentOptions) {
    this.#tools = tools;
    this.#job = job;
    this.#plan = plan;
    this.#options = options;
    this.#upload = tools.uploads.of(plan);
    this.#parts = partsOf(plan, segment);
    this.#signal =
      job.signal === undefined ? this.#stop.signal : AbortSignal.any([job.signal, this.#stop.signal]);
    this.#attempts = new Attempts(tools, this.#upload.requests, this.#signal);
  }

  async toEnd(): Promise<SegmentDone | SegmentOutOfTime> {
    const { stopAt } = this.#options;
    const left = stopAt === undefined ? undefined : Math.max(0, stopAt - this.#tools.clock());
    const alarm = left === undefined ? undefined : setTimeout(() => this.#stop.abort(new TimeIsUp()), left);
    try {
      await this.#askWhatIsThere();
      const missing = this.#parts.filter((part) => !this.#upload.parts.has(part));
      await this.#copyAll(missing);
    } catch (error) {
      if (!(error instanceof TimeIsUp)) throw error;
    } finally {
      clearTimeout(alarm);
    }
    const bytesDone = this.#bytesDone();
    const isDone = this.#parts.every((part) => this.#upload.parts.has(part));
    return { kind: isDone ? 'done' : 'out-of-time', bytesDone };
  }

  async #askWhatIsThere(): Promise<void> {
    const first = this.#parts[0] ?? 1;
    if (this.#upload.fresh && first === 1) {
      this.#upload.fresh = false;
      return;
    }
    this.#upload.fresh = false;
    this.#upload.md5?.cancel();
    this.#upload.md5 = null;
    const last = first + this.#parts.length - 1;
    const stored = await this.#attempts.again(() =>
      this.#tools.bucket.listParts(this.#plan, first, last, this.#attempts.context),
    );
    for (const part of this.#parts) this.#upload.parts.delete(part);
    for (const part of stored) {
      const range = rangeOf(this.#plan, part.part);
      if (part.bytes === range.to - range.from) this.#upload.parts.set(part.part, part);
    }
  }

  async #copyAll(missing: readonly number[]): Promise<void> {
    const concurrency = concurrencyFor(
      this.#plan.partBytes,
      this.#tools.pool.maxBytes,
      this.#tools.maxConcurrency,
    );
    const queue = missing.values();
    const lane = async () => {
      try {
        for (const part of queue) {
          if (!this.#hasTimeFor(part)) break;
          await this.#copyPart(part, concurrency);
          this.#options.onProgress?.(this.#bytesDone());
        }
      } catch (error) {
        this.#stop.abort(error);
        this.#upload.md5?.cancel();
      }
    };
    await Promise.all(Array.from({ length: Math.min(concurrency.concurrency, missing.length) }, lane));
    this.#job.signal?.throwIfAborted();
    this.#stop.signal.throwIfAborted();
  }

  #hasTimeFor(part: number): boolean {
    const { stopAt } = this.#options;
    if (this.#stop.signal.aborted) return false;
    // Rates are measured by copying alone: one slow part must not keep this process from ever measuring another.
    const isFirst = !this.#hasBegun;
    this.#hasBegun = true;
    if (stopAt === undefined || isFirst) return true;
    const { from, to } = rangeOf(this.#plan, part);
    const expected = (to - from) * this.#tools.pace.msPerByte * TIME_RESERVE;
    return this.#tools.clock() + expected < stopAt;
  }

  async #copyPart(part: number, concurrency: Concurrency): Promise<void> {
    const range = rangeOf(this.#plan, part);
    const began = this.#tools.clock();
    const stored =
      concurrency.kind === 'whole-parts'
        ? await this.#copyWholePart(part, range)
        : await this.#attempts.again(() => this.#copyStreamedPart(part, range, concurrency));
    this.#upload.parts.set(part, stored);
    const msPerByte = (this.#tools.clock() - began) / stored.bytes;
    const { pace } = this.#tools;
    // Quick to believe that it has become slower, slow to believe that it has become faster.
    pace.msPerByte = Math.max(msPerByte, 0.8 * pace.msPerByte);
  }

  async #copyWholePart(part: number, range: ByteRange): Promise<StoredPart> {
    const { bucket } = this.#tools;
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
      if (filled < bytes) filled += await this.#read(body.subarray(filled), range.from + filled);
      const crc32 = crc32Of(body);
      const hashed = this.#upload.md5?.add(part, body);
      const etag = await this.#attempts.again(() =>
        bucket.uploadPart(this.#plan, part, body, crc32, this.#attempts.context),
      );
      await hashed;
      return { part, bytes, etag, crc32 };
    } finally {
      block.release();
    }
  }

  /** Waiting for memory may end by the signal: then nobody else would give the first bytes' block back. */
  async #blockBeside(first: Block | undefined, bytes: number): Promise<Block> {
    try {
      return await this.#tools.pool.acquire(bytes, this.#signal);
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

  async #read(target: Buffer, from: number): Promise<number> {
    const range = { from, to: from + target.length };
    const answer = await this.#attempts.again(() =>
      this.#tools.source.read({
        url: this.#job.url,
        range,
        etag: this.#plan.sourceEtag,
        size: this.#plan.size,
        target,
        signal: this.#signal,
        onRequest: this.#attempts.onSourceRequest,
      }),
    );
    return answer.length;
  }

  async #copyStreamedPart(
    part: number,
    range: ByteRange,
    concurrency: Extract<Concurrency, { kind: 'streamed' }>,
  ): Promise<StoredPart> {
    const bytes = range.to - range.from;
    const { body, crc32 } = streamRange(
      this.#tools,
      this.#job,
      this.#plan,
      range,
      concurrency,
      this.#attempts,
      this.#signal,
    );
    try {
      const context = this.#attempts.context;
      const stored = await this.#tools.bucket.uploadStreamedPart(this.#plan, part, body, bytes, context);
      if (stored.crc32 !== null && stored.crc32 !== crc32()) {
        throw new ChecksumMismatch(`part ${part} arrived with another checksum`);
      }
      return { part, bytes, etag: stored.etag, crc32: crc32() };
    } finally {
      body.destroy();
    }
  }

  #bytesDone(): number {
    return this.#parts.reduce((sum, part) => sum + (this.#upload.parts.get(part)?.bytes ?? 0), 0);
  }
}
