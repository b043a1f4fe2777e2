import { setTimeout as sleep } from 'node:timers/promises';
import { type BackOff, backOffMs } from '../../shared/runtime/back-off.ts';
import type { Bucket, CallContext } from './bucket.ts';
import type { BufferPool } from './buffers.ts';
import {
  ChecksumMismatch,
  DestinationBusy,
  DestinationUnproven,
  SourceStalled,
  SourceUnavailable,
} from './errors.ts';
import type { RangeSource } from './source.ts';
import type { KnownUploads } from './upload-state.ts';

/**
 * How often an error that passes is tried again before it leaves the engine. A `Retry-After` above `maxMs` is not waited
 * for: the error leaves the engine, and the caller waits at less cost.
 */
export interface RetryPolicy extends BackOff {
  /** Attempts in all, the first included. */
  readonly attempts: number;
}

export const DEFAULT_RETRY_POLICY: RetryPolicy = { attempts: 4, firstMs: 250, maxMs: 10_000 };

export interface RetryContext {
  readonly policy: RetryPolicy;
  /** A number from 0 to 1 that spreads attempts which failed together. */
  readonly random: () => number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Does something over sockets, again when it failed by a fault that passes: waits half to all of a doubling delay, and at
 * least what the other side asked for.
 *
 * @throws the last fault; the first one at once when it does not pass; the signal's reason.
 */
export async function retryPassing<T>(context: RetryContext, action: () => Promise<T>): Promise<T> {
  const { policy, random, signal } = context;
  for (let attempt = 1; ; attempt++) {
    signal?.throwIfAborted();
    try {
      return await action();
    } catch (error) {
      signal?.throwIfAborted();
      const asked = askedDelay(error);
      if (asked === null || asked > policy.maxMs || attempt >= policy.attempts) throw error;
      await pause(Math.max(asked, backOffMs(policy, { attempts: attempt, jitter: random() })), signal);
    }
  }
}

/** Milliseconds that the fault asks to wait; null when it does not pass by waiting. */
function askedDelay(error: unknown): number | null {
  if (error instanceof SourceUnavailable || error instanceof DestinationBusy) return error.retryAfterMs ?? 0;
  const passes = [SourceStalled, ChecksumMismatch, DestinationUnproven].some((kind) => error instanceof kind);
  return passes ? 0 : null;
}

async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(milliseconds, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}

/** What the parts of the engine share. */
export interface EngineTools {
  readonly source: RangeSource;
  readonly bucket: Bucket;
  readonly pool: BufferPool;
  readonly uploads: KnownUploads;
  readonly retry: RetryPolicy;
  readonly maxConcurrency: number;
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
