import { meaningOf, RecoveryError } from '../shared/errors.ts';
import { redact } from '../shared/redact.ts';
import { nextAttemptAt } from './retry.ts';

/** How a fault is written to the ledger. */
export interface FaultNote {
  readonly errorClass: string;
  readonly meaning: ReturnType<typeof meaningOf>;
  /** Redacted. */
  readonly message: string;
}

/** What becomes of a recovery after a fault. */
export type Verdict =
  | { readonly kind: 'again'; readonly at: number; readonly fault: FaultNote }
  | { readonly kind: 'settled'; readonly state: 'lost' | 'failed'; readonly fault: FaultNote };

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
  readonly lastError?: Pick<FaultNote, 'errorClass' | 'message'> | undefined;
}

/**
 * Decides by what a fault means: what passes or can be mended is tried again until the deadline, however many
 * attempts that takes; what can never succeed is settled at once.
 */
export function judgeFault(question: FaultQuestion): Verdict {
  const fault = noteOf(question.error);
  switch (fault.meaning) {
    case 'lost':
      return { kind: 'settled', state: 'lost', fault };
    case 'refused': {
      const isOver = question.now >= question.deadline;
      return {
        kind: 'settled',
        state: 'lost',
        fault: isOver ? deadlinePassed(question.lastError ?? fault) : fault,
      };
    }
    case 'conflict':
    case 'not-understood':
      return { kind: 'settled', state: 'failed', fault };
    case 'try-again':
    case 'customer-must-act': {
      const at = nextAttemptAt({ ...question, retryAfterMs: retryAfterOf(question.error) });
      return at === null
        ? { kind: 'settled', state: 'lost', fault: deadlinePassed(fault) }
        : { kind: 'again', at, fault };
    }
  }
}

/** The note of a fault, safe to store: class, meaning and redacted message. */
export function noteOf(error: unknown): FaultNote {
  return {
    errorClass: error instanceof Error ? error.name : 'UnknownFault',
    meaning: meaningOf(error),
    message: redact(error instanceof Error ? error.message : String(error)),
  };
}

function deadlinePassed(last: Pick<FaultNote, 'errorClass' | 'message'>): FaultNote {
  return {
    errorClass: 'DeadlinePassed',
    meaning: 'lost',
    message: `the signed URL ended before any attempt succeeded; the last one failed with ${last.errorClass}: ${last.message}`,
  };
}

/** Milliseconds that the other side asks to wait; undefined when it does not say. */
export function retryAfterOf(error: unknown): number | undefined {
  if (!(error instanceof RecoveryError) || !('retryAfterMs' in error)) return undefined;
  return typeof error.retryAfterMs === 'number' ? error.retryAfterMs : undefined;
}
