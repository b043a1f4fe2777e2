import { RecoveryError } from '../../shared/errors.ts';

/** The bucket's policy, or the function's role, does not allow the call. */
export class DestinationDenied extends RecoveryError {
  override readonly name = 'DestinationDenied';
  override readonly meaning = 'customer-must-act';
}

/** The bucket encrypts with a KMS key that cannot be used: its policy, its state or its region. */
export class DestinationKeyDenied extends RecoveryError {
  override readonly name = 'DestinationKeyDenied';
  override readonly meaning = 'customer-must-act';
}

/** There is no such bucket. */
export class DestinationBucketMissing extends RecoveryError {
  override readonly name = 'DestinationBucketMissing';
  override readonly meaning = 'customer-must-act';
}

/** The bucket lives in another region than the stack. */
export class DestinationWrongRegion extends RecoveryError {
  override readonly name = 'DestinationWrongRegion';
  override readonly meaning = 'customer-must-act';
}

/** The bucket refuses the request for a reason that has no class of its own; the message holds S3's code. */
export class DestinationRefused extends RecoveryError {
  override readonly name = 'DestinationRefused';
  override readonly meaning = 'customer-must-act';
}

/** S3 cannot serve now: SlowDown, 5xx, connection reset, no answer in time. */
export class DestinationBusy extends RecoveryError {
  override readonly name = 'DestinationBusy';
  override readonly meaning = 'try-again';
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
  override readonly meaning = 'try-again';
}

/** An answer of success without what proves it, such as the ETag: it counts as no answer. */
export class DestinationUnproven extends RecoveryError {
  override readonly name = 'DestinationUnproven';
  override readonly meaning = 'try-again';
}

/** The conditional write was refused although the key holds no object: other requests write or delete there. */
export class KeyContested extends RecoveryError {
  override readonly name = 'KeyContested';
  override readonly meaning = 'try-again';
}

/** The completion of an upload was refused as contested again and again: S3 wants the upload made anew. */
export class UploadContested extends RecoveryError {
  override readonly name = 'UploadContested';
  override readonly meaning = 'try-again';
}

/**
 * The key holds an object that this stack did not make, or one that it made of the same file when that had other bytes.
 * Nothing in the bucket is ever overwritten, so a person must move or delete the object.
 */
export class DestinationConflict extends RecoveryError {
  override readonly name = 'DestinationConflict';
  override readonly meaning = 'conflict';
}

/** The key holds an object that this stack made for another file: this one can have a key of its own. */
export class KeyHeldByAnotherFile extends RecoveryError {
  override readonly name = 'KeyHeldByAnotherFile';
  override readonly meaning = 'conflict';
}

/** The multipart upload is gone (aborted by a lifecycle rule, or completed) and the key holds nothing of ours: plan anew. */
export class UploadVanished extends RecoveryError {
  override readonly name = 'UploadVanished';
  override readonly meaning = 'try-again';
}

/** What arrived is not what was sent: S3 computed another checksum. */
export class ChecksumMismatch extends RecoveryError {
  override readonly name = 'ChecksumMismatch';
  override readonly meaning = 'try-again';
}

/** The bucket already holds an object at the key: 412, or 409 while another request writes it. Never leaves the engine. */
export class KeyTaken extends RecoveryError {
  override readonly name = 'KeyTaken';
  override readonly meaning = 'conflict';
}

/** S3 does not have a part that the completion names. Never leaves the engine. */
export class PartsMissing extends RecoveryError {
  override readonly name = 'PartsMissing';
  override readonly meaning = 'try-again';
}
