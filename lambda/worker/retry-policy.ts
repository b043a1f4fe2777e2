import { meaningOf, RecoveryError } from '../shared/runtime/errors.ts';
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

/** How a fault is written to the ledger. */
export interface FaultNote {
  readonly errorClass: string;
  readonly meaning: ReturnType<typeof meaningOf>;
  /** Redacted. */
  readonly message: string;
}

/** A fault with the time since which every attempt has ended in it: epoch milliseconds. */
export interface LastingFault extends FaultNote {
  readonly since: number;
}

/** What becomes of a recovery after a fault. */
export type Verdict =
  | { readonly kind: 'again'; readonly at: number; readonly fault: LastingFault }
  | {
      readonly kind: 'settled';
      readonly state: 'lost' | 'failed';
      readonly fault: LastingFault;
      /** True when another URL of the file may succeed. */
      readonly isOfUrl: boolean;
    };

export interface FaultQuestion {
  readonly error: unknown;
  /** Attempts made so far, this one included. */
  readonly attempts: number;
  /** Epoch milliseconds. */
  readonly now: number;
  /** Epoch milliseconds at which the signed URL ends. */
  readonly deadline: number;
  /** From 0 to 1; `Math.random()`. */
  readonly spread: number;
  /** What stopped the attempt before this one: why the deadline was not met, if it was not. */
  readonly lastError?: (Pick<FaultNote, 'errorClass' | 'message'> & { readonly since?: number }) | undefined;
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
export function judgeFault(question: FaultQuestion): Verdict {
  const fault = lasting(noteOf(question.error), question);
  switch (fault.meaning) {
    case 'lost':
      return isStillPassing(fault, question)
        ? tryAgain(fault, question)
        : lost(fault, isOfUrl(question.error));
    case 'refused':
      return question.now < question.deadline
        ? lost(fault, true)
        : lost(deadlinePassed(question.lastError ?? fault, question));
    case 'conflict':
    case 'not-understood':
      return { kind: 'settled', state: 'failed', fault, isOfUrl: false };
    case 'try-again':
    case 'customer-must-act':
      return tryAgain(fault, question);
  }
}

function lost(fault: LastingFault, isOfUrl = false): Verdict {
  return { kind: 'settled', state: 'lost', fault, isOfUrl };
}

function isOfUrl(error: unknown): boolean {
  return error instanceof RecoveryError && error.isOfUrl;
}

function tryAgain(fault: LastingFault, question: FaultQuestion): Verdict {
  const at = nextAttemptAt({ ...question, retryAfterMs: retryAfterOf(question.error) });
  return at === null ? lost(deadlinePassed(fault, question)) : { kind: 'again', at, fault };
}

function isStillPassing({ since }: LastingFault, { error, now, deadline }: FaultQuestion): boolean {
  const mayPass = error instanceof RecoveryError && error.mayPass;
  return mayPass && now < since + Math.max(0, deadline - since) * MISSING_SHARE;
}

function lasting(
  note: FaultNote,
  { lastError, now }: Pick<FaultQuestion, 'lastError' | 'now'>,
): LastingFault {
  const isSame = lastError?.errorClass === note.errorClass;
  return { ...note, since: (isSame ? lastError.since : undefined) ?? now };
}

/** The note of a fault, safe to store: class, meaning and redacted message. */
export function noteOf(error: unknown): FaultNote {
  return {
    errorClass: error instanceof Error ? error.name : 'UnknownFault',
    meaning: meaningOf(error),
    message: redact(error instanceof Error ? error.message : String(error)),
  };
}

function deadlinePassed(
  last: Pick<FaultNote, 'errorClass' | 'message'>,
  { now }: Pick<FaultQuestion, 'now'>,
): LastingFault {
  return {
    errorClass: 'DeadlinePassed',
    meaning: 'lost',
    since: now,
    message: `the signed URL ended before any attempt succeeded; the last one failed with ${last.errorClass}: ${last.message}`,
  };
}

/** Milliseconds that the other side asks to wait; undefined when it does not say. */
export function retryAfterOf(error: unknown): number | undefined {
  if (!(error instanceof RecoveryError) || !('retryAfterMs' in error)) return undefined;
  return typeof error.retryAfterMs === 'number' ? error.retryAfterMs : undefined;
}
