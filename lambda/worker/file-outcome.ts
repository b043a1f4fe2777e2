import { KeyHeldByAnotherFile } from './copy/errors.ts';
import type { CopyResult, OutOfTime } from './copy/types.ts';

/** The result of one attempt at one file. */
export type FileOutcome =
  | { readonly kind: 'recovered'; readonly key: string; readonly result: CopyResult }
  /** Its segments are queued; the recovery is under no lease. */
  | { readonly kind: 'dispatched' }
  /** What is copied stays; the next attempt may begin at once. */
  | OutOfTime
  /** Another invocation has the recovery now. */
  | { readonly kind: 'lease-lost' }
  | {
      readonly kind: 'failed';
      readonly key: string;
      readonly error: unknown;
      /** True when every byte is in the bucket and only the completion failed: the source is no longer needed. */
      readonly sourceIsDone?: boolean;
    };

/** Whether an attempt ended because the key holds an object that this stack made for another file. */
export function isHeldByAnotherFile(
  outcome: FileOutcome,
): outcome is FileOutcome & { readonly kind: 'failed' } {
  return outcome.kind === 'failed' && outcome.error instanceof KeyHeldByAnotherFile;
}
