/**
 * What an error means for a recovery. Code decides by its category, never by its name or message.
 *
 * - `transient`: passes by itself; tried again with back-off until the deadline.
 * - `action-required`: the customer can fix it (bucket policy, KMS key, region); tried again until the deadline,
 *   alarmed at once.
 * - `url-refused`: the source refuses the signed URL before its deadline; retried with a fresh URL from
 *   the Zencoder API, lost if there is none.
 * - `lost`: the URL that was tried does not yield the file; newer evidence opens the recovery until its deadline.
 * - `conflict`: the key already holds an object that is not this file's; never overwritten.
 * - `invalid-input`: input that no attempt can process; its message goes to the dead-letter queue.
 */
export type ErrorCategory =
  | 'transient'
  | 'action-required'
  | 'url-refused'
  | 'lost'
  | 'conflict'
  | 'invalid-input';

/**
 * - `mismatch`: the file differs from its announcement; after two attempts it is kept as it is.
 * - `contested`: S3 refuses a completion in favour of another request; after three, another upload is made.
 */
export type CountedError = 'mismatch' | 'contested';

/**
 * The base of every error that this project throws on purpose. `name` is written out in each subclass, since bundles
 * are minified and the name is what the ledger stores as error class.
 *
 * Messages are safe to log and to store: a subclass never puts a query string, a header or a body into one.
 */
export abstract class RecoveryError extends Error {
  abstract override readonly name: string;
  abstract readonly category: ErrorCategory;
  /** True for what is `lost` only after it has lasted a while: until then it is tried again like a transient error. */
  readonly mayPass: boolean = false;
  /** True when the signed URL is the cause and not the file: another URL of the file may succeed. */
  readonly acceptsNewUrl: boolean = false;
  /** How attempts that end in it are counted: after so many, the next attempt is made in another way. */
  readonly countedAs: CountedError | null = null;
}

/**
 * The category of any error. One that is no {@link RecoveryError} counts as transient, since giving up a file on an
 * unexpected error would lose it.
 */
export function categoryOf(error: unknown): ErrorCategory {
  return error instanceof RecoveryError ? error.category : 'transient';
}
