/** Left at the end of an invocation for settling in the ledger and changing the message's visibility. */
const WIND_UP_MS = 10_000;

/** What one run of the function knows about itself. */
export interface Invocation {
  /** The owner of leases. */
  readonly id: string;
  /** Epoch milliseconds at which Lambda ends it: the end of its leases, too. */
  readonly endsAt: number;
  /** Epoch milliseconds by which copying must have stopped. */
  readonly stopAt: number;
}

/**
 * @param remainingMs milliseconds until the function times out.
 */
export function invocationOf(id: string, now: number, remainingMs: number): Invocation {
  const endsAt = now + Math.floor(remainingMs);
  return { id, endsAt, stopAt: endsAt - Math.ceil(Math.min(WIND_UP_MS, remainingMs / 5)) };
}

/** The longest time that a timer takes, in milliseconds. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * A signal that aborts at `at` (epoch milliseconds), at once when that is past. Unlike `AbortSignal.timeout` it takes
 * any number, so that a clock that jumps ends a copy early and never throws.
 */
export function timeUpAt(at: number, now: number): AbortSignal {
  const remaining = Math.floor(at - now);
  if (!(remaining > 0)) return AbortSignal.abort(new DOMException('the time was up', 'TimeoutError'));
  return AbortSignal.timeout(Math.min(remaining, MAX_TIMER_MS));
}
