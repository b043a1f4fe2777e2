import { backOffMs } from '../shared/runtime/back-off.ts';
import { categoryOf, RecoveryError } from '../shared/runtime/errors.ts';
import { redact } from '../shared/runtime/redact.ts';

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
  readonly jitter: number;
}

export interface DeadlineQuestion extends DelayQuestion {
  /** Epoch milliseconds at which the signed URL ends. */
  readonly deadline: number;
}

/**
 * When to try again where no deadline counts: exponential from ten seconds, capped at fifteen minutes, spread over the
 * upper half of each step, never before the other side allows it.
 *
 * @returns epoch milliseconds.
 */
export function attemptAfter({ attempts, now, retryAfterMs = 0, jitter }: DelayQuestion): number {
  const backOff = { firstMs: FIRST_DELAY_MS, maxMs: MAX_DELAY_MS };
  const delay = Math.max(backOffMs(backOff, { attempts, jitter }), Math.min(retryAfterMs, MAX_DELAY_MS));
  return Math.round(now + delay);
}

/**
 * When to try again before a deadline: as {@link attemptAfter} says, the last attempt drawn forward to a minute before
 * the deadline.
 *
 * @returns epoch milliseconds, or null when the deadline leaves no further attempt: the file is lost.
 */
export function nextAttemptAt(question: DeadlineQuestion): number | null {
  const { now, deadline } = question;
  if (now >= deadline) return null;
  const at = attemptAfter(question);
  const lastChance = deadline - LAST_CHANCE_MS;
  if (at <= lastChance) return at;
  return now < lastChance ? lastChance : Math.min(at, deadline);
}

/** How a fault is written to the ledger. */
export interface ErrorSummary {
  readonly errorClass: string;
  readonly category: ReturnType<typeof categoryOf>;
  /** Redacted. */
  readonly message: string;
}

/** A fault with the time since which every attempt has ended in it: epoch milliseconds. */
export interface LastingError extends ErrorSummary {
  readonly since: number;
}

/** What becomes of a recovery after a fault. */
export type RetryDecision =
  | { readonly kind: 'again'; readonly at: number; readonly fault: LastingError }
  | {
      readonly kind: 'settled';
      readonly state: 'lost' | 'failed';
      readonly fault: LastingError;
      /** True when another URL of the file may succeed. */
      readonly isOfUrl: boolean;
    };

export interface RetryQuestion {
  readonly error: unknown;
  /** Attempts made so far, this one included. */
  readonly attempts: number;
  /** Epoch milliseconds. */
  readonly now: number;
  /** Epoch milliseconds at which the signed URL ends. */
  readonly deadline: number;
  /** From 0 to 1; `Math.random()`. */
  readonly jitter: number;
  /** What stopped the attempt before this one: why the deadline was not met, if it was not. */
  readonly lastError?:
    | (Pick<ErrorSummary, 'errorClass' | 'message'> & { readonly since?: number })
    | undefined;
}

/**
 * A file that is not found is asked for again during this share of the time that is left when it is first not found: two
 * hours of a day. Zencoder keeps a file for a day, so one that comes later than that is not to be expected.
 */
const MISSING_SHARE = 1 / 12;

/**
 * Decides by what a fault means: what passes or can be fixed is tried again until the deadline, however many attempts
 * that takes; a file that is not found for a while; what can never succeed is settled at once.
 */
export function decideRetry(question: RetryQuestion): RetryDecision {
  const fault = lasting(summarizeError(question.error), question);
  switch (fault.category) {
    case 'lost':
      return isStillPassing(fault, question)
        ? tryAgain(fault, question)
        : lost(fault, isOfUrl(question.error));
    case 'url-refused':
      return question.now < question.deadline
        ? lost(fault, true)
        : lost(deadlinePassed(question.lastError ?? fault, question));
    case 'conflict':
    case 'invalid-input':
      return { kind: 'settled', state: 'failed', fault, isOfUrl: false };
    case 'transient':
    case 'action-required':
      return tryAgain(fault, question);
  }
}

function lost(fault: LastingError, isOfUrl = false): RetryDecision {
  return { kind: 'settled', state: 'lost', fault, isOfUrl };
}

function isOfUrl(error: unknown): boolean {
  return error instanceof RecoveryError && error.isOfUrl;
}

function tryAgain(fault: LastingError, question: RetryQuestion): RetryDecision {
  const at = nextAttemptAt({ ...question, retryAfterMs: retryAfterOf(question.error) });
  return at === null ? lost(deadlinePassed(fault, question)) : { kind: 'again', at, fault };
}

function isStillPassing({ since }: LastingError, { error, now, deadline }: RetryQuestion): boolean {
  const mayPass = error instanceof RecoveryError && error.mayPass;
  return mayPass && now < since + Math.max(0, deadline - since) * MISSING_SHARE;
}

function lasting(
  note: ErrorSummary,
  { lastError, now }: Pick<RetryQuestion, 'lastError' | 'now'>,
): LastingError {
  const isSame = lastError?.errorClass === note.errorClass;
  return { ...note, since: (isSame ? lastError.since : undefined) ?? now };
}

/** The note of a fault, safe to store: class, category and redacted message. */
export function summarizeError(error: unknown): ErrorSummary {
  return {
    errorClass: error instanceof Error ? error.name : 'UnknownFault',
    category: categoryOf(error),
    message: redact(error instanceof Error ? error.message : String(error)),
  };
}

function deadlinePassed(
  last: Pick<ErrorSummary, 'errorClass' | 'message'>,
  { now }: Pick<RetryQuestion, 'now'>,
): LastingError {
  return {
    errorClass: 'DeadlinePassed',
    category: 'lost',
    since: now,
    message: `the signed URL ended before any attempt succeeded; the last one failed with ${last.errorClass}: ${last.message}`,
  };
}

/** Milliseconds that the other side asks to wait; undefined when it does not say. */
export function retryAfterOf(error: unknown): number | undefined {
  if (!(error instanceof RecoveryError) || !('retryAfterMs' in error)) return undefined;
  return typeof error.retryAfterMs === 'number' ? error.retryAfterMs : undefined;
}
