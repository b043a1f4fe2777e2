import {
  GetSecretValueCommand,
  ResourceNotFoundException,
  type SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import * as v from 'valibot';
import { RecoveryError } from '../shared/errors.ts';
import type { NotificationCredentials } from './authenticate.ts';

const KEEP_MS = 5 * 60 * 1000;
/** A stranger with wrong credentials must not be able to make the function ask for the secret at every request. */
const REFRESH_AT_MOST_EVERY_MS = 5 * 1000;

const secretShape = v.object({
  username: v.pipe(v.string(), v.minLength(1)),
  password: v.pipe(v.string(), v.minLength(1)),
  notificationSecret: v.optional(v.nullable(v.string())),
});

/** No version of the notification secret can be read as credentials. The message never holds any of its text. */
export class SecretNotUsable extends RecoveryError {
  override readonly name = 'SecretNotUsable';
  override readonly meaning = 'customer-must-act';
}

/** The accepted credentials, as they stand in Secrets Manager: the current version and the previous one. */
export class CredentialCache {
  readonly #client: SecretsManagerClient;
  readonly #secretId: string;
  readonly #now: () => number;
  #accepted: readonly NotificationCredentials[] = [];
  #askedAt = Number.NEGATIVE_INFINITY;

  /** @param now epoch milliseconds. */
  constructor(client: SecretsManagerClient, secretId: string, now: () => number = Date.now) {
    this.#client = client;
    this.#secretId = secretId;
    this.#now = now;
  }

  /**
   * The accepted credentials, at most five minutes old; older ones only while Secrets Manager does not answer.
   *
   * @throws {SecretNotUsable} when no version holds a user name and a password.
   * @throws the SDK's error when Secrets Manager does not answer and nothing was ever read.
   */
  async accepted(): Promise<readonly NotificationCredentials[]> {
    if (this.#accepted.length === 0 || this.#age() >= KEEP_MS) await this.#read();
    return this.#accepted;
  }

  /** The credentials as they are now, for a request that the cached ones do not match; null if that was asked just now. */
  async refreshed(): Promise<readonly NotificationCredentials[] | null> {
    if (this.#age() < REFRESH_AT_MOST_EVERY_MS) return null;
    await this.#read();
    return this.#accepted;
  }

  #age(): number {
    return this.#now() - this.#askedAt;
  }

  async #read(): Promise<void> {
    const asked = this.#now();
    try {
      const versions = await Promise.all([this.#version('AWSCURRENT'), this.#version('AWSPREVIOUS')]);
      const usable = versions.filter((version) => version !== null);
      if (usable.length === 0) {
        throw new SecretNotUsable('the notification secret must be JSON with "username" and "password"');
      }
      this.#accepted = usable;
    } catch (error) {
      // Zencoder gives up after a while, so credentials that were right minutes ago are better than no answer.
      if (this.#accepted.length === 0) throw error;
    }
    this.#askedAt = asked;
  }

  async #version(stage: 'AWSCURRENT' | 'AWSPREVIOUS'): Promise<NotificationCredentials | null> {
    try {
      const answer = await this.#client.send(
        new GetSecretValueCommand({ SecretId: this.#secretId, VersionStage: stage }),
      );
      return parseSecret(answer.SecretString ?? '');
    } catch (error) {
      // A secret that was never rotated has no previous version.
      if (stage === 'AWSPREVIOUS' && error instanceof ResourceNotFoundException) return null;
      throw error;
    }
  }
}

function parseSecret(text: string): NotificationCredentials | null {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return null;
  }
  const parsed = v.safeParse(secretShape, json);
  if (!parsed.success) return null;
  const { username, password, notificationSecret } = parsed.output;
  return { username, password, notificationSecret: notificationSecret || null };
}
