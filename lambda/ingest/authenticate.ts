import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import * as v from 'valibot';
import { basicCredentials, isSameSecret, SecretVersions } from '../shared/runtime/secrets.ts';

const secretShape = v.object({
  username: v.pipe(v.string(), v.minLength(1)),
  password: v.pipe(v.string(), v.minLength(1)),
  notificationSecret: v.optional(v.nullable(v.string())),
});

/** The valid credentials of notifications: the current version of the secret and the previous one. */
export class CredentialCache extends SecretVersions<NotificationCredentials> {
  /**
   * @param onStale called with the cause when the secret could not be read again and older credentials stay in use.
   * @param now epoch milliseconds.
   */
  constructor(
    client: SecretsManagerClient,
    secretId: string,
    onStale: (error: unknown) => void,
    now: () => number = Date.now,
  ) {
    const expected = 'the notification secret must be JSON with "username" and "password"';
    super(client, secretId, { parse: parseSecret, expected, onStale }, now);
  }
}

/** A pasted secret often ends with a newline; a header never does. */
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
  return { username, password, notificationSecret: notificationSecret?.trim() || null };
}

/** One version of the notification secret. */
export interface NotificationCredentials {
  readonly username: string;
  readonly password: string;
  /** The Zencoder account's own notification secret, where the customer has entered it; never empty. */
  readonly notificationSecret: string | null;
}

/** Header names in any case; API Gateway writes them in lower case. */
export type RequestHeaders = Readonly<Record<string, string | undefined>>;

/** The credentials that a request presents. */
export interface PresentedCredentials {
  /** `user:password` out of HTTP Basic credentials. */
  readonly basic: Buffer | null;
  readonly notificationSecret: Buffer | null;
}

/** Reads the credentials from a request's headers; what is missing or malformed is null. */
export function presentedCredentials(headers: RequestHeaders): PresentedCredentials {
  let basic: Buffer | null = null;
  let notificationSecret: Buffer | null = null;
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined) continue;
    const key = name.toLowerCase();
    if (key === 'authorization') {
      basic = basicCredentials(value);
    } else if (key === 'x-zencoder-notification-secret') {
      notificationSecret = Buffer.from(value.trim());
    }
  }
  return { basic, notificationSecret };
}

/**
 * Whether the presented credentials match a valid version, by HTTP Basic or by the account's notification secret; either
 * is enough. Takes the same time whatever matches and however much of it: everything is compared, as digests.
 */
export function isAuthentic(
  presented: PresentedCredentials,
  valid: readonly NotificationCredentials[],
): boolean {
  let matches = 0;
  for (const { username, password, notificationSecret } of valid) {
    matches += Number(isSameSecret(presented.basic, `${username}:${password}`));
    matches += Number(
      notificationSecret !== null && isSameSecret(presented.notificationSecret, notificationSecret),
    );
  }
  return matches > 0;
}
