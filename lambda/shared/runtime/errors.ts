/**
 * What a fault means for a recovery. Code decides by this word, never by reading a message.
 *
 * - `transient`: transient; tried again with backoff until the deadline.
 * - `action-required`: the customer can fix it (bucket policy, KMS key, region); tried again until the deadline,
 *   alarmed at once.
 * - `url-refused`: the source refuses the signed URL before its deadline; worth one fresh URL from the Zencoder API, lost
 *   if there is none to be had.
 * - `lost`: the file cannot be had by the URL that was tried; newer evidence opens it until its deadline.
 * - `conflict`: the key already holds an object that is not this file's; never overwritten.
 * - `invalid-input`: input that no attempt can make sense of; goes to the dead-letter queue.
 */
export type ErrorCategory =
  | 'transient'
  | 'action-required'
  | 'url-refused'
  | 'lost'
  | 'conflict'
  | 'invalid-input';

/**
 * The base of every error that this project throws on purpose. `name` is written out in each subclass, since bundles
 * are minified and the name is what the ledger stores as error class.
 *
 * Messages are safe to log and to store: a subclass never puts a query string, a header or a body into one.
 */
export abstract class RecoveryError extends Error {
  abstract override readonly name: string;
  abstract readonly category: ErrorCategory;
  /** True for what is `lost` only if it stays so for a while: until then it is tried again like a transient fault. */
  readonly mayPass: boolean = false;
  /** True when it is about the signed URL and not about the file: another URL of the file may succeed. */
  readonly isOfUrl: boolean = false;
}

/**
 * What an unknown fault means: a {@link RecoveryError} says so itself, anything else is taken for transient, because
 * giving up a file on a surprise would lose it.
 */
export function categoryOf(error: unknown): ErrorCategory {
  return error instanceof RecoveryError ? error.category : 'transient';
}
