import type { S3Client } from '@aws-sdk/client-s3';
import { Bucket } from './bucket.ts';
import type { Block, BufferPool, KeptBlock } from './buffers.ts';
import type { ByteRange } from './plan.ts';
import { type RetryOptions, type RetryPolicy, retryPassing } from './retry.ts';
import type { RangeSource } from './source.ts';
import type { RangeQuery, RangeResponse } from './source-response.ts';
import type { OutOfTime } from './types.ts';

/** What the sessions of an engine share. */
export interface SessionResources {
  readonly source: RangeSource;
  readonly client: S3Client;
  /** Name of the bucket. */
  readonly bucket: string;
  readonly pool: BufferPool;
  readonly retry: RetryPolicy;
  /** Epoch milliseconds. */
  readonly clock: () => number;
  /** A number from 0 to 1. */
  readonly random: () => number;
}

/** The file that is read, as far as it is known. */
export interface SourceFile extends Omit<RangeQuery, 'range'> {
  readonly url: string;
}

/** The longest time that a timer takes, in milliseconds. */
const MAX_TIMER_MS = 2 ** 31 - 1;

class TimeIsUp extends Error {
  override readonly name = 'TimeIsUp';
}

/**
 * One call of the engine for a job: all that it asks of source, bucket and memory. Requests are made again while an error
 * passes, counted, and ended when the time is up or the work has failed elsewhere.
 */
export class CopySession {
  /** Requests made for the job so far. */
  readonly requests: { source: number; bucket: number };
  readonly bucket: Bucket;
  readonly #resources: SessionResources;
  readonly #stopAt: number | undefined;
  readonly #stop = new AbortController();
  readonly #retry: RetryOptions;
  readonly #countSource = (): void => void this.requests.source++;

  /**
   * @param stopAt epoch milliseconds at which the session ends; without it, it does not.
   * @param requests goes on counting where earlier calls for the job have ended.
   */
  constructor(
    resources: SessionResources,
    stopAt?: number,
    requests: { source: number; bucket: number } = { source: 0, bucket: 0 },
  ) {
    this.requests = requests;
    this.#resources = resources;
    this.#stopAt = stopAt;
    this.#retry = { policy: resources.retry, random: resources.random, signal: this.#stop.signal };
    const onRequest = () => void requests.bucket++;
    this.bucket = new Bucket(resources.client, resources.bucket, { ...this.#retry, onRequest });
  }

  /**
   * Does the work of the session until its time is up. A clock that jumps ends it early and never throws.
   *
   * @returns what the work gives; `out-of-time` when the time is up before that.
   */
  async run<Result>(work: () => Promise<Result>): Promise<Result | OutOfTime> {
    const left = this.#stopAt === undefined ? MAX_TIMER_MS : Math.floor(this.#stopAt - this.now());
    if (!(left > 0)) return { kind: 'out-of-time' };
    const end = () => this.stop(new TimeIsUp());
    const timer = this.#stopAt === undefined ? undefined : setTimeout(end, Math.min(left, MAX_TIMER_MS));
    try {
      return await work();
    } catch (error) {
      if (error instanceof TimeIsUp) return { kind: 'out-of-time' };
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends every request that is under way, and those that follow, with an error. */
  stop(reason: unknown): void {
    this.#stop.abort(reason);
  }

  /** Aborted once the session is stopped. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** Epoch milliseconds. */
  now(): number {
    return this.#resources.clock();
  }

  /** Whether so many milliseconds are left. */
  hasTimeFor(milliseconds: number): boolean {
    return this.#stopAt === undefined || this.now() + milliseconds < this.#stopAt;
  }

  /**
   * Reads a range of the source's file.
   *
   * @param target receives the bytes; at least as long as the range.
   * @param signal ends the request earlier than the session.
   * @throws as `HttpSource.read`.
   */
  async read(
    file: SourceFile,
    range: ByteRange,
    target: Buffer,
    signal = this.signal,
  ): Promise<RangeResponse> {
    const request = { ...file, range, target, signal, onRequest: this.#countSource };
    return await retryPassing({ ...this.#retry, signal }, () => this.#resources.source.read(request));
  }

  /** As `BufferPool.acquire`. @param signal ends the wait earlier than the session. */
  async acquire(bytes: number, signal = this.signal): Promise<Block> {
    return await this.#resources.pool.acquire(bytes, signal);
  }

  /** As `BufferPool.keep`. */
  keep(block: Block): KeptBlock {
    return this.#resources.pool.keep(block);
  }
}
