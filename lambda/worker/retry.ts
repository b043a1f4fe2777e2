/** The longest wait between two attempts: a mended destination is noticed within this time. */
export const MAX_DELAY_MS = 15 * 60 * 1000;

const FIRST_DELAY_MS = 10 * 1000;

/** An attempt that could not even begin its transfer before the deadline is not worth waiting for. */
const LAST_CHANCE_MS = 60 * 1000;

export interface DelayQuestion {
  /** Attempts made so far, this one included; at least 1. */
  readonly attempts: number;
  /** Epoch milliseconds. */
  readonly now: number;
  /** What the other side asked for by `Retry-After`, in milliseconds. */
  readonly retryAfterMs?: number | undefined;
  /** A number from 0 to 1 that spreads attempts which failed together; `Math.random()`. */
  readonly spread: number;
}

export interface RetryQuestion extends DelayQuestion {
  /** Epoch milliseconds at which the signed URL ends. */
  readonly deadline: number;
}

/**
 * When to try again where no deadline counts: exponential from ten seconds, capped at fifteen minutes, spread over the
 * upper half of each step, never before the other side allows it.
 *
 * @returns epoch milliseconds.
 */
export function attemptAfter({ attempts, now, retryAfterMs = 0, spread }: DelayQuestion): number {
  const step = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(attempts - 1, 20));
  const delay = Math.max(step / 2 + (step / 2) * spread, Math.min(retryAfterMs, MAX_DELAY_MS));
  return Math.round(now + delay);
}

/**
 * When to try again before a deadline: as {@link attemptAfter} says, the last attempt drawn forward to a minute before
 * the deadline.
 *
 * @returns epoch milliseconds, or null when the deadline leaves no further attempt: the file is lost.
 */
export function nextAttemptAt(question: RetryQuestion): number | null {
  const { now, deadline } = question;
  if (now >= deadline) return null;
  const at = attemptAfter(question);
  const lastChance = deadline - LAST_CHANCE_MS;
  if (at <= lastChance) return at;
  return now < lastChance ? lastChance : Math.min(at, deadline);
}
