import { type ErrorCategory, RecoveryError } from '../../shared/runtime/errors.ts';

/** The source refuses the URL because its time is up. */
export class SourceExpired extends RecoveryError {
  override readonly name = 'SourceExpired';
  override readonly category = 'url-refused';
}

/** The source refuses the URL for another reason, such as a signature that it cannot verify or a query that it cannot read. */
export class SourceRefused extends RecoveryError {
  override readonly name = 'SourceRefused';
  override readonly category = 'url-refused';
}

/**
 * The source says that there is no such file: it is gone, or not there yet. A notification can be ahead of its object,
 * and a replica behind.
 */
export class SourceNotFound extends RecoveryError {
  override readonly name = 'SourceNotFound';
  override readonly category = 'lost';
  override readonly mayPass = true;
}

/**
 * The source answers with a redirect, which is never followed: the target was not on the allow-list's mind.
 *
 * A lasting redirect (301, 308) means that the URL was signed for the wrong host, which a fresh URL may cure:
 * `refused`. Any other is S3's answer for buckets whose name is still spreading, and passes: `transient`.
 */
export class SourceRedirected extends RecoveryError {
  override readonly name = 'SourceRedirected';
  override readonly category: ErrorCategory;

  constructor(status: number) {
    super(`the source answered ${status}, a redirect; redirects are not followed`);
    this.category = status === 301 || status === 308 ? 'url-refused' : 'transient';
  }
}

/** The source cannot serve now: 5xx, 429, connection refused or reset, body cut short. */
export class SourceUnavailable extends RecoveryError {
  override readonly name = 'SourceUnavailable';
  override readonly category = 'transient';
  /** Milliseconds that the source asks to wait (`Retry-After`); null when it does not say. */
  readonly retryAfterMs: number | null;

  constructor(message: string, options: ErrorOptions & { retryAfterMs?: number | null } = {}) {
    super(message, options);
    this.retryAfterMs = options.retryAfterMs ?? null;
  }
}

/** The source sends nothing, or next to nothing, for too long. */
export class SourceStalled extends RecoveryError {
  override readonly name = 'SourceStalled';
  override readonly category = 'transient';
}

/** The file at the URL is another one than before: the copy starts anew, it never mixes two files. */
export class SourceChanged extends RecoveryError {
  override readonly name = 'SourceChanged';
  override readonly category = 'transient';
}

/** An answer that cannot be trusted to be the range asked for: 200 for 206, a wrong `Content-Range`, a wrong length. */
export class UnexpectedSourceResponse extends RecoveryError {
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
export class SourceTooLarge extends RecoveryError {
  override readonly name = 'SourceTooLarge';
  override readonly category = 'lost';
}

/** The file has another size than the notification says. */
export class SizeMismatch extends RecoveryError {
  override readonly name = 'SizeMismatch';
  override readonly category = 'transient';
}

/** The file has another MD5 than the notification says. */
export class Md5Mismatch extends RecoveryError {
  override readonly name = 'Md5Mismatch';
  override readonly category = 'transient';
}

/** The bucket's policy, or the function's role, does not allow the call. */
export class DestinationDenied extends RecoveryError {
  override readonly name = 'DestinationDenied';
  override readonly category = 'action-required';
}

/** The bucket encrypts with a KMS key that cannot be used: its policy, its state or its region. */
export class DestinationKeyDenied extends RecoveryError {
  override readonly name = 'DestinationKeyDenied';
  override readonly category = 'action-required';
}

/** There is no such bucket. */
export class DestinationBucketMissing extends RecoveryError {
  override readonly name = 'DestinationBucketMissing';
  override readonly category = 'action-required';
}

/** The bucket lives in another region than the stack. */
export class DestinationWrongRegion extends RecoveryError {
  override readonly name = 'DestinationWrongRegion';
  override readonly category = 'action-required';
}

/** The bucket refuses the request for a reason that has no class of its own; the message holds S3's code. */
export class DestinationRefused extends RecoveryError {
  override readonly name = 'DestinationRefused';
  override readonly category = 'action-required';
}

/** S3 cannot serve now: SlowDown, 5xx, connection reset, no answer in time. */
export class DestinationBusy extends RecoveryError {
  override readonly name = 'DestinationBusy';
  override readonly category = 'transient';
  /** Milliseconds that S3 asks to wait (`Retry-After`); null when it does not say. */
  readonly retryAfterMs: number | null;

  constructor(message: string, options: ErrorOptions & { retryAfterMs?: number | null } = {}) {
    super(message, options);
    this.retryAfterMs = options.retryAfterMs ?? null;
  }
}

/**
 * S3 refuses the function's own credentials: they have ended, or are no credentials any more. No policy of the bucket has
 * a part in it, and Lambda gives the function new ones.
 */
export class CredentialsRefused extends RecoveryError {
  override readonly name = 'CredentialsRefused';
  override readonly category = 'transient';
}

/** An answer of success without what proves it, such as the ETag: it counts as no answer. */
export class DestinationUnproven extends RecoveryError {
  override readonly name = 'DestinationUnproven';
  override readonly category = 'transient';
}

/** The conditional write was refused although the key holds no object: other requests write or delete there. */
export class KeyContested extends RecoveryError {
  override readonly name = 'KeyContested';
  override readonly category = 'transient';
}

/** The completion of an upload was refused as contested again and again: S3 wants the upload made anew. */
export class UploadContested extends RecoveryError {
  override readonly name = 'UploadContested';
  override readonly category = 'transient';
}

/**
 * The key holds an object that this stack did not make, or one that it made of the same file when that had other bytes.
 * Nothing in the bucket is ever overwritten, so a person must move or delete the object.
 */
export class DestinationConflict extends RecoveryError {
  override readonly name = 'DestinationConflict';
  override readonly category = 'conflict';
}

/** The key holds an object that this stack made for another file: this one can have a key of its own. */
export class KeyHeldByAnotherFile extends RecoveryError {
  override readonly name = 'KeyHeldByAnotherFile';
  override readonly category = 'conflict';
}

/** The multipart upload is gone (aborted by a lifecycle rule, or completed) and the key holds nothing of ours: plan anew. */
export class UploadNotFound extends RecoveryError {
  override readonly name = 'UploadNotFound';
  override readonly category = 'transient';
}

/** What arrived is not what was sent: S3 computed another checksum. */
export class ChecksumMismatch extends RecoveryError {
  override readonly name = 'ChecksumMismatch';
  override readonly category = 'transient';
}

/** The bucket already holds an object at the key: 412, or 409 while another request writes it. Never leaves the engine. */
export class ObjectExists extends RecoveryError {
  override readonly name = 'ObjectExists';
  override readonly category = 'conflict';
}

/** S3 does not have a part that the completion names. Never leaves the engine. */
export class PartsMissing extends RecoveryError {
  override readonly name = 'PartsMissing';
  override readonly category = 'transient';
}

/** Whether a fault ends a plan: its upload is to be abandoned and the copy started anew, from the first byte. */
export function endsPlan(error: unknown): boolean {
  return (
    error instanceof UploadNotFound ||
    error instanceof UploadContested ||
    error instanceof SourceChanged ||
    error instanceof ChecksumMismatch ||
    error instanceof Md5Mismatch
  );
}
