import { type CountedError, categoryOf, type ErrorCategory, RecoveryError } from './errors.ts';
import { redact } from './redact.ts';

/** An error as the ledger, logs and events hold it. */
export interface ErrorSummary {
  readonly errorClass: string;
  readonly category: ErrorCategory;
  /** Redacted. */
  readonly message: string;
  /** True when another URL of the file may succeed; absent for false. */
  readonly acceptsNewUrl?: true;
  /** See {@link RecoveryError.countedAs}; absent for an error that is not counted. */
  readonly countedAs?: CountedError;
}

/** An error as it may be stored and shown: class, category and redacted message. */
export function summarizeError(error: unknown): ErrorSummary {
  const { acceptsNewUrl = false, countedAs = null } = error instanceof RecoveryError ? error : {};
  return {
    errorClass: error instanceof Error ? error.name : 'UnknownError',
    category: categoryOf(error),
    message: redact(error instanceof Error ? error.message : String(error)),
    ...(acceptsNewUrl && { acceptsNewUrl }),
    ...(countedAs !== null && { countedAs }),
  };
}
