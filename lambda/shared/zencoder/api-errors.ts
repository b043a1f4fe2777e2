import { RecoveryError } from '../runtime/errors.ts';

/** The account's requests of this minute are used up; Zencoder counts all calls for information together. */
export class ApiRateLimited extends RecoveryError {
  override readonly name = 'ApiRateLimited';
  override readonly category = 'transient';
  /** Milliseconds until Zencoder accepts requests again. */
  readonly retryAfterMs: number;

  constructor(retryAfterMs: number) {
    super(`the Zencoder API allows no more requests for ${Math.ceil(retryAfterMs / 1000)} seconds`);
    this.retryAfterMs = retryAfterMs;
  }
}

/** Zencoder does not know the API key. */
export class ApiKeyRefused extends RecoveryError {
  override readonly name = 'ApiKeyRefused';
  override readonly category = 'action-required';
}

/** The API key is a read-only one: its responses hold no URLs, so it gives access to no file. */
export class ReadOnlyKey extends RecoveryError {
  override readonly name = 'ReadOnlyKey';
  override readonly category = 'action-required';
}

/** Zencoder knows no such job or output: a wrong id, another account's, or older than two months. */
export class NotAtZencoder extends RecoveryError {
  override readonly name = 'NotAtZencoder';
  override readonly category = 'lost';
}

/** The API is unavailable: maintenance, no connection, no response in time, or an unreadable one. */
export class ApiUnavailable extends RecoveryError {
  override readonly name = 'ApiUnavailable';
  override readonly category = 'transient';
}
