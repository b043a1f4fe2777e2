import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import * as v from 'valibot';
import { SecretVersions } from '../shared/secret-versions.ts';
import type { NotificationCredentials } from './authenticate.ts';

export { SecretNotUsable } from '../shared/secret-versions.ts';

const secretShape = v.object({
  username: v.pipe(v.string(), v.minLength(1)),
  password: v.pipe(v.string(), v.minLength(1)),
  notificationSecret: v.optional(v.nullable(v.string())),
});

/** The accepted credentials of notifications: the current version of the secret and the previous one. */
export class CredentialCache extends SecretVersions<NotificationCredentials> {
  /**
   * @param onStale told why, when older credentials have to serve because the secret could not be read again.
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

/** What is pasted often ends with a newline; a header never does. */
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
