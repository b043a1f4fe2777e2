import { type Meaning, RecoveryError } from '../../shared/errors.ts';

/** The source refuses the URL because its time is up. */
export class SourceExpired extends RecoveryError {
  override readonly name = 'SourceExpired';
  override readonly meaning = 'refused';
}

/** The source refuses the URL for another reason, such as a signature that it cannot verify or a query that it cannot read. */
export class SourceRefused extends RecoveryError {
  override readonly name = 'SourceRefused';
  override readonly meaning = 'refused';
}

/**
 * The source says that there is no such file: it is gone, or not there yet. A notification can be ahead of its object,
 * and a replica behind.
 */
export class SourceNotFound extends RecoveryError {
  override readonly name = 'SourceNotFound';
  override readonly meaning = 'lost';
  override readonly mayPass = true;
}

/**
 * The source answers with a redirect, which is never followed: the target was not on the allow-list's mind.
 *
 * A lasting redirect (301, 308) means that the URL was signed for the wrong host, which a fresh URL may cure:
 * `refused`. Any other is S3's answer for buckets whose name is still spreading, and passes: `try-again`.
 */
export class SourceRedirected extends RecoveryError {
  override readonly name = 'SourceRedirected';
  override readonly meaning: Meaning;

  constructor(status: number) {
    super(`the source answered ${status}, a redirect; redirects are not followed`);
    this.meaning = status === 301 || status === 308 ? 'refused' : 'try-again';
  }
}

/** The source cannot serve now: 5xx, 429, connection refused or reset, body cut short. */
export class SourceUnavailable extends RecoveryError {
  override readonly name = 'SourceUnavailable';
  override readonly meaning = 'try-again';
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
  override readonly meaning = 'try-again';
}

/** The file at the URL is another one than before: the copy starts anew, it never mixes two files. */
export class SourceChanged extends RecoveryError {
  override readonly name = 'SourceChanged';
  override readonly meaning = 'try-again';
}

/** An answer that cannot be trusted to be the range asked for: 200 for 206, a wrong `Content-Range`, a wrong length. */
export class UnexpectedAnswer extends RecoveryError {
  override readonly name = 'UnexpectedAnswer';
  override readonly meaning = 'try-again';
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
  override readonly meaning = 'lost';
}

/** The file has another size than the notification says. */
export class SizeMismatch extends RecoveryError {
  override readonly name = 'SizeMismatch';
  override readonly meaning = 'try-again';
}

/** The file has another MD5 than the notification says. */
export class Md5Mismatch extends RecoveryError {
  override readonly name = 'Md5Mismatch';
  override readonly meaning = 'try-again';
}
