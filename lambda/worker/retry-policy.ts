import { backOffMs } from '../shared/runtime/back-off.ts';
import { type ErrorSummary, summarizeError } from '../shared/runtime/error-summary.ts';
import { RecoveryError } from '../shared/runtime/errors.ts';

/** The longest wait between two attempts: a fixed destination is noticed within this time. */
export const MAX_DELAY_MS = 15 * 60 * 1000;

const FIRST_DELAY_MS = 10 * 1000;

/** An attempt later than this before the deadline could not begin its transfer. */
const LAST_CHANCE_MS = 60 * 1000;

export interface DelayInput {
  /** Attempts made so far, this one included; at least 1. */
  readonly attempts: number;
  /** Epoch milliseconds. */
  readonly now: number;
  /** What the other side asked for by `Retry-After`, in milliseconds. */
  readonly retryAfterMs?: number | undefined;
  /** A number from 0 to 1 that spreads attempts which failed together; `Math.random()`. */
  readonly jitter: number;
}

export interface DeadlineInput extends DelayInput {
  /** Epoch milliseconds at which the signed URL ends. */
  readonly deadline: number;
}

/**
 * When to try again where no deadline counts: exponential from ten seconds, capped at fifteen minutes, spread over the
 * upper half of each step, never before the other side allows it.
 *
 * @returns epoch milliseconds.
 */
export function nextAttemptTime({ attempts, now, retryAfterMs = 0, jitter }: DelayInput): number {
  const backOff = { firstMs: FIRST_DELAY_MS, maxMs: MAX_DELAY_MS };
  const delay = Math.max(backOffMs(backOff, { attempts, jitter }), Math.min(retryAfterMs, MAX_DELAY_MS));
  return Math.round(now + delay);
}

/**
 * When to try again before a deadline: as {@link nextAttemptTime} says, the last attempt drawn forward to a minute before
 * the deadline.
 *
 * @returns epoch milliseconds, or null when the deadline leaves no further attempt: the file is lost.
 */
export function nextAttemptTimeBeforeDeadline(input: DeadlineInput): number | null {
  const { now, deadline } = input;
  if (now >= deadline) return null;
  const at = nextAttemptTime(input);
  const lastChance = deadline - LAST_CHANCE_MS;
  if (at <= lastChance) return at;
  return now < lastChance ? lastChance : Math.min(at, deadline);
}

/** An error with the time since which every attempt has ended in it: epoch milliseconds. */
export interface LastingError extends ErrorSummary {
  readonly since: number;
}

/** What becomes of a recovery after an error: another attempt at `at` (epoch milliseconds), or its end. */
export type RetryDecision =
  | { readonly kind: 'retry'; readonly at: number; readonly error: LastingError }
  | { readonly kind: 'settle'; readonly state: 'lost' | 'failed'; readonly error: LastingError };

export interface RetryInput extends Omit<DeadlineInput, 'retryAfterMs'> {
  readonly error: unknown;
  /** What ended the attempt before this one: why the deadline was missed, if it was. */
  readonly lastError?:
    | (Pick<ErrorSummary, 'errorClass' | 'message'> & { readonly since?: number })
    | undefined;
}

/** The signed URL has expired: no request is made. */
export class DeadlinePassed extends RecoveryError {
  override readonly name = 'DeadlinePassed';
  override readonly category = 'lost';
}

/**
 * A file that is not found is asked for again during this share of the time that is left when it is first not found: two
 * hours of a day. Zencoder keeps a file for a day, so one that appears later than that is not to be expected.
 */
const MISSING_SHARE = 1 / 12;

/**
 * Decides by an error's category: what passes or can be fixed is tried again until the deadline, however many attempts
 * that takes; a file that is not found for a while; what can never succeed is settled at once.
 *
 * @example
 * decideRetry({ error: new DestinationDenied('403'), attempts: 1, now, deadline, jitter: 0.5 }); // { kind: 'retry', at: now + 7500, … }
 */
export function decideRetry(input: RetryInput): RetryDecision {
  const error = lasting(summarizeError(input.error), input);
  switch (error.category) {
    case 'lost':
      return isStillPassing(error, input) ? decideAgain(error, input) : decideLost(error);
    case 'url-refused':
      return input.now < input.deadline
        ? decideLost({ ...error, acceptsNewUrl: true })
        : decideLost(deadlinePassed(input.lastError ?? error, input.now));
    case 'conflict':
    case 'invalid-input':
      return { kind: 'settle', state: 'failed', error };
    case 'transient':
    case 'action-required':
      return decideAgain(error, input);
  }
}

function decideLost(error: LastingError): RetryDecision {
  return { kind: 'settle', state: 'lost', error };
}

function decideAgain(error: LastingError, input: RetryInput): RetryDecision {
  const at = nextAttemptTimeBeforeDeadline({ ...input, retryAfterMs: retryAfterOf(input.error) });
  return at === null ? decideLost(deadlinePassed(error, input.now)) : { kind: 'retry', at, error };
}

function isStillPassing({ since }: LastingError, { error, now, deadline }: RetryInput): boolean {
  const mayPass = error instanceof RecoveryError && error.mayPass;
  return mayPass && now < since + Math.max(0, deadline - since) * MISSING_SHARE;
}

function lasting(
  error: ErrorSummary,
  { lastError, now }: Pick<RetryInput, 'lastError' | 'now'>,
): LastingError {
  const isSame = lastError?.errorClass === error.errorClass;
  return { ...error, since: (isSame ? lastError.since : undefined) ?? now };
}

function deadlinePassed(last: Pick<ErrorSummary, 'errorClass' | 'message'>, now: number): LastingError {
  const before = `the last one failed with ${last.errorClass}: ${last.message}`;
  const error = new DeadlinePassed(`the signed URL expired before any attempt succeeded; ${before}`);
  return { ...summarizeError(error), since: now };
}

/** Milliseconds that the other side asks to wait; undefined when it does not say. */
export function retryAfterOf(error: unknown): number | undefined {
  if (!(error instanceof RecoveryError) || !('retryAfterMs' in error)) return undefined;
  return typeof error.retryAfterMs === 'number' ? error.retryAfterMs : undefined;
}
