import type { Bucket, CallContext } from './bucket.ts';
import type { BufferPool } from './buffers.ts';
import { type RetryPolicy, retryPassing } from './retry-passing.ts';
import type { RangeSource } from './source.ts';
import type { KnownUploads } from './uploads.ts';

/** What the parts of the engine share. */
export interface EngineTools {
  readonly source: RangeSource;
  readonly bucket: Bucket;
  readonly pool: BufferPool;
  readonly uploads: KnownUploads;
  readonly retry: RetryPolicy;
  readonly maxLanes: number;
  /** How fast parts went lately, to tell whether another one fits into the time that is left. */
  readonly pace: { msPerByte: number };
  /** Epoch milliseconds. */
  readonly clock: () => number;
  readonly random: () => number;
}

/** One call on behalf of a job: counts its requests, tries again what passes. */
export class Attempts {
  readonly #tools: EngineTools;
  readonly #signal: AbortSignal | undefined;
  readonly #requests: { source: number; bucket: number };

  constructor(
    tools: EngineTools,
    requests: { source: number; bucket: number },
    signal: AbortSignal | undefined,
  ) {
    this.#tools = tools;
    this.#requests = requests;
    this.#signal = signal;
  }

  /** Context of a call to the bucket. */
  get context(): CallContext {
    return { signal: this.#signal, onRequest: () => void this.#requests.bucket++ };
  }

  readonly onSourceRequest = (): void => void this.#requests.source++;

  /** See `retryPassing`. */
  again<T>(action: () => Promise<T>): Promise<T> {
    const { retry, random } = this.#tools;
    return retryPassing({ policy: retry, random, signal: this.#signal }, action);
  }
}
