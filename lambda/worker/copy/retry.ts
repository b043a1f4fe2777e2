import { setTimeout as sleep } from 'node:timers/promises';
import { type BackOff, backOffMs } from '../../shared/runtime/back-off.ts';
import { CopyError } from './errors.ts';

/**
 * How often an error that passes is tried again before it leaves the engine. A `Retry-After` above `maxMs` is not waited
 * for: the error leaves the engine, and the caller waits at less cost.
 */
export interface RetryPolicy extends BackOff {
  /** Attempts in all, the first included. */
  readonly attempts: number;
}

export const DEFAULT_RETRY_POLICY: RetryPolicy = { attempts: 4, firstMs: 250, maxMs: 10_000 };

export interface RetryOptions {
  readonly policy: RetryPolicy;
  /** A number from 0 to 1 that spreads attempts which failed together. */
  readonly random: () => number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Makes a request, again when it failed by an error that passes: waits half to all of a doubling delay, and at least what
 * the other side asked for.
 *
 * @throws the last error; the first one at once when it does not pass; the signal's reason.
 */
export async function retryPassing<T>(options: RetryOptions, action: () => Promise<T>): Promise<T> {
  const { policy, random, signal } = options;
  for (let attempt = 1; ; attempt++) {
    signal?.throwIfAborted();
    try {
      return await action();
    } catch (error) {
      signal?.throwIfAborted();
      const asked = error instanceof CopyError && error.passesByWaiting ? (error.retryAfterMs ?? 0) : null;
      if (asked === null || asked > policy.maxMs || attempt >= policy.attempts) throw error;
      await pause(Math.max(asked, backOffMs(policy, { attempts: attempt, jitter: random() })), signal);
    }
  }
}

async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(milliseconds, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}
