import { type ErrorCategory, RecoveryError } from '../../shared/runtime/errors.ts';

/** The base of the engine's errors: besides its category, each one states what the engine does about it. */
export abstract class CopyError extends RecoveryError {
  /** True when the same request may succeed a little later: it is made again before the error leaves the engine. */
  readonly passesByWaiting: boolean = false;
  /** True when it ends a plan: its upload is to be abandoned and the copy started anew, from the first byte. */
  readonly endsPlan: boolean = false;
  /** Milliseconds that the other side asks to wait (`Retry-After`); null when it does not say. */
  readonly retryAfterMs: number | null;

  constructor(message: string, options: ErrorOptions & { retryAfterMs?: number | null } = {}) {
    super(message, options);
    this.retryAfterMs = options.retryAfterMs ?? null;
  }
}

/** The source refuses the URL because its time is up. */
export class SourceExpired extends CopyError {
  override readonly name = 'SourceExpired';
  override readonly category = 'url-refused';
}

/** The source refuses the URL for another reason, such as a signature that it cannot verify or a query that it cannot read. */
export class SourceRefused extends CopyError {
  override readonly name = 'SourceRefused';
  override readonly category = 'url-refused';
}

/**
 * The source says that there is no such file: it is gone, or not there yet. A notification can be ahead of its object,
 * and a replica behind.
 */
export class SourceNotFound extends CopyError {
  override readonly name = 'SourceNotFound';
  override readonly category = 'lost';
  override readonly mayPass = true;
}

/**
 * The source responds with a redirect, which is never followed: the allow-list has not admitted its target.
 *
 * A lasting redirect (301, 308) means that the URL was signed for the wrong host, which a fresh URL may cure:
 * `url-refused`. Any other is S3's response for buckets whose name is still spreading, and passes: `transient`.
 */
export class SourceRedirected extends CopyError {
  override readonly name = 'SourceRedirected';
  override readonly category: ErrorCategory;

  constructor(status: number) {
    super(`the source returned ${status}, a redirect; redirects are not followed`);
    this.category = status === 301 || status === 308 ? 'url-refused' : 'transient';
  }
}

/** The source cannot serve now: 5xx, 429, connection refused or reset, body cut short. */
export class SourceUnavailable extends CopyError {
  override readonly name = 'SourceUnavailable';
  override readonly category = 'transient';
  override readonly passesByWaiting = true;
}

/** The source sends nothing, or next to nothing, for too long. */
export class SourceStalled extends CopyError {
  override readonly name = 'SourceStalled';
  override readonly category = 'transient';
  override readonly passesByWaiting = true;
}

/** The file at the URL is another one than before: the copy starts anew, it never mixes two files. */
export class SourceChanged extends CopyError {
  override readonly name = 'SourceChanged';
  override readonly category = 'transient';
  override readonly endsPlan = true;
}

/** A response that cannot be trusted to be the range asked for: 200 for 206, a wrong `Content-Range`, a wrong length. */
export class UnexpectedSourceResponse extends CopyError {
  override readonly name = 'UnexpectedSourceResponse';
  override readonly category = 'transient';
  /** Bytes of the file when the source sends all of it instead of the beginning that was asked for; else null. */
  readonly wholeBytes: number | null;

  constructor(message: string, options: ErrorOptions & { wholeBytes?: number } = {}) {
    super(message, options);
    this.wholeBytes = options.wholeBytes ?? null;
  }
}

/** The file is larger than the largest object of S3. */
export class SourceTooLarge extends CopyError {
  override readonly name = 'SourceTooLarge';
  override readonly category = 'lost';
}

/** The file has another size than the notification says. */
export class SizeMismatch extends CopyError {
  override readonly name = 'SizeMismatch';
  override readonly category = 'transient';
  override readonly countedAs = 'mismatch';
}

/** The file has another MD5 than the notification says. */
export class Md5Mismatch extends CopyError {
  override readonly name = 'Md5Mismatch';
  override readonly category = 'transient';
  override readonly countedAs = 'mismatch';
  override readonly endsPlan = true;
}

/** The bucket's policy, or the function's role, does not allow the call. */
export class DestinationDenied extends CopyError {
  override readonly name = 'DestinationDenied';
  override readonly category = 'action-required';
}

/** The bucket encrypts with a KMS key that cannot be used: its policy, its state or its region. */
export class DestinationKeyDenied extends CopyError {
  override readonly name = 'DestinationKeyDenied';
  override readonly category = 'action-required';
}

/** There is no such bucket. */
export class DestinationBucketMissing extends CopyError {
  override readonly name = 'DestinationBucketMissing';
  override readonly category = 'action-required';
}

/** The bucket lives in another region than the stack. */
export class DestinationWrongRegion extends CopyError {
  override readonly name = 'DestinationWrongRegion';
  override readonly category = 'action-required';
}

/** The bucket refuses the request for a reason that has no class of its own; the message holds S3's code. */
export class DestinationRefused extends CopyError {
  override readonly name = 'DestinationRefused';
  override readonly category = 'action-required';
}

/** S3 cannot serve now: SlowDown, 5xx, connection reset, no response in time. */
export class DestinationBusy extends CopyError {
  override readonly name = 'DestinationBusy';
  override readonly category = 'transient';
  override readonly passesByWaiting = true;
}

/**
 * S3 refuses the function's own credentials: they have expired or are invalid. No policy of the bucket is
 * involved, and Lambda gives the function new ones.
 */
export class CredentialsRefused extends CopyError {
  override readonly name = 'CredentialsRefused';
  override readonly category = 'transient';
}

/** A response of success without what proves it, such as the ETag: it counts as no response. */
export class DestinationUnproven extends CopyError {
  override readonly name = 'DestinationUnproven';
  override readonly category = 'transient';
  override readonly passesByWaiting = true;
}

/** The conditional write was refused although the key holds no object: other requests write or delete there. */
export class KeyContested extends CopyError {
  override readonly name = 'KeyContested';
  override readonly category = 'transient';
  override readonly countedAs = 'contested';
}

/** The completion of an upload was refused as contested again and again: another upload is needed. */
export class UploadContested extends CopyError {
  override readonly name = 'UploadContested';
  override readonly category = 'transient';
  override readonly endsPlan = true;
}

/**
 * The key holds an object that this stack did not make, or one that it made of the same file when that had other bytes.
 * Nothing in the bucket is ever overwritten, so an operator must move or delete the object.
 */
export class DestinationConflict extends CopyError {
  override readonly name = 'DestinationConflict';
  override readonly category = 'conflict';
}

/** The key holds an object that this stack made for another file: this one can have a key of its own. */
export class KeyHeldByAnotherFile extends CopyError {
  override readonly name = 'KeyHeldByAnotherFile';
  override readonly category = 'conflict';
}

/** The upload is gone (aborted by a lifecycle rule, or completed) and the key holds no object of this file: plan again. */
export class UploadNotFound extends CopyError {
  override readonly name = 'UploadNotFound';
  override readonly category = 'transient';
  override readonly endsPlan = true;
}

/** What arrived is not what was sent: S3 computed another checksum. */
export class ChecksumMismatch extends CopyError {
  override readonly name = 'ChecksumMismatch';
  override readonly category = 'transient';
  override readonly passesByWaiting = true;
  override readonly endsPlan = true;
}

/** The bucket already holds an object at the key: 412, or 409 while another request writes it. Never leaves the engine. */
export class ObjectExists extends CopyError {
  override readonly name = 'ObjectExists';
  override readonly category = 'conflict';
}

/** S3 does not have a part that the completion names. Never leaves the engine. */
export class PartsMissing extends CopyError {
  override readonly name = 'PartsMissing';
  override readonly category = 'transient';
}

/** See `CopyError.endsPlan`. */
export function endsPlan(error: unknown): boolean {
  return error instanceof CopyError && error.endsPlan;
}
