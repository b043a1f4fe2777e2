/** The longest time that a timer takes, in milliseconds. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * A signal that aborts at `at` (epoch milliseconds), at once when that is past. Unlike `AbortSignal.timeout` it takes
 * any number, so that a clock that jumps ends a copy early and never throws.
 */
export function timeUpAt(at: number, now: number): AbortSignal {
  const remaining = Math.floor(at - now);
  if (!(remaining > 0)) return AbortSignal.abort(new DOMException('the time was up', 'TimeoutError'));
  return AbortSignal.timeout(Math.min(remaining, LONGEST_TIMER_MS));
}
