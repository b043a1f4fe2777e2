import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import {
  GetSecretValueCommand,
  ResourceNotFoundException,
  type SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { RecoveryError } from './errors.ts';

/**
 * `user:password` out of the value of an `Authorization` header; null when the header is missing or is something else
 * than HTTP Basic.
 */
export function basicCredentials(authorization: string | undefined): Buffer | null {
  const encoded = /^basic +([A-Za-z0-9+/_=-]+) *$/i.exec(authorization ?? '')?.[1];
  return encoded === undefined ? null : Buffer.from(encoded, 'base64');
}

/** Whether two secrets are the same, in a time that does not depend on how much of them is. */
export function isSameSecret(presented: Buffer | null, expected: string): boolean {
  return presented !== null && timingSafeEqual(digest(presented), digest(Buffer.from(expected)));
}

function digest(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}

/** A key for one purpose, made of a secret: what it signs reveals nothing that authenticates, or that another key signed. */
export function derivedKey(secret: Buffer, purpose: string): Buffer {
  return createHmac('sha256', secret).update(`zencoder-recovery ${purpose}`).digest();
}

const KEEP_MS = 5 * 60 * 1000;
/** Requests with wrong credentials must not make the function read the secret each time. */
const MIN_RELOAD_INTERVAL_MS = 5 * 1000;

/** Errors of Secrets Manager that last until the secret, its policy or its key is changed. */
const UNREADABLE: ReadonlySet<string> = new Set([
  'AccessDeniedException',
  'DecryptionFailure',
  'InvalidRequestException',
  'ResourceNotFoundException',
]);

/** No version of a secret can be read as credentials. The message never holds any of its text. */
export class SecretNotUsable extends RecoveryError {
  override readonly name = 'SecretNotUsable';
  override readonly category = 'action-required';
}

/** How a secret is read. */
export interface SecretReading<Credentials> {
  /** Credentials out of the secret's text; null when it holds none. */
  readonly parse: (text: string) => Credentials | null;
  /** What {@link SecretNotUsable} says, e.g. `the notification secret must be …`. */
  readonly expected: string;
  /**
   * Whether credentials that were read before stay valid when the secret no longer holds any, as when Secrets Manager does
   * not respond.
   *
   * @default true
   */
  readonly keepsUnusable?: boolean;
  /** Called with the cause when the secret could not be read again and older credentials stay in use. */
  readonly onStale?: (error: unknown) => void;
}

/** The valid credentials, as they stand in Secrets Manager: the current version and the previous one. */
export class SecretVersions<Credentials> {
  readonly #client: SecretsManagerClient;
  readonly #secretId: string;
  readonly #reading: SecretReading<Credentials>;
  readonly #now: () => number;
  #valid: readonly Credentials[] = [];
  #askedAt = Number.NEGATIVE_INFINITY;

  /** @param now epoch milliseconds. */
  constructor(
    client: SecretsManagerClient,
    secretId: string,
    reading: SecretReading<Credentials>,
    now: () => number = Date.now,
  ) {
    this.#client = client;
    this.#secretId = secretId;
    this.#reading = reading;
    this.#now = now;
  }

  /**
   * The valid credentials, at most five minutes old; older ones while Secrets Manager does not respond or denies, or the
   * secret holds none (see {@link SecretReading.keepsUnusable}).
   *
   * @throws {SecretNotUsable} when no version holds credentials and none that were read before stay valid.
   * @throws the SDK's error when Secrets Manager does not respond and nothing was read before.
   */
  async validVersions(): Promise<readonly Credentials[]> {
    if (this.#valid.length === 0 || this.#age() >= KEEP_MS) await this.#read();
    return this.#valid;
  }

  /** Reads the credentials anew for a request that the cached ones do not match; null if they were read seconds ago. */
  async reload(): Promise<readonly Credentials[] | null> {
    if (this.#age() < MIN_RELOAD_INTERVAL_MS) return null;
    await this.#read();
    return this.#valid;
  }

  #age(): number {
    return this.#now() - this.#askedAt;
  }

  async #read(): Promise<void> {
    const asked = this.#now();
    try {
      const versions = await Promise.all([this.#version('AWSCURRENT'), this.#version('AWSPREVIOUS')]);
      const usable = versions.filter((version) => version !== null);
      if (usable.length === 0) throw new SecretNotUsable(this.#reading.expected);
      this.#valid = usable;
    } catch (error) {
      // Zencoder does not retry for long: credentials that were valid minutes ago serve better than an error.
      const isEnded = this.#reading.keepsUnusable === false && error instanceof SecretNotUsable;
      if (this.#valid.length === 0 || isEnded) throw error;
      this.#reading.onStale?.(error);
    }
    this.#askedAt = asked;
  }

  async #version(stage: 'AWSCURRENT' | 'AWSPREVIOUS'): Promise<Credentials | null> {
    try {
      const response = await this.#client.send(
        new GetSecretValueCommand({ SecretId: this.#secretId, VersionStage: stage }),
      );
      return this.#reading.parse(response.SecretString ?? '');
    } catch (error) {
      // A secret that was never rotated has no previous version.
      if (stage === 'AWSPREVIOUS' && error instanceof ResourceNotFoundException) return null;
      const name = error instanceof Error ? error.name : '';
      if (!UNREADABLE.has(name)) throw error;
      throw new SecretNotUsable(`${this.#reading.expected}; Secrets Manager responds ${name}`, {
        cause: error,
      });
    }
  }
}
