import { basicCredentials, isSameSecret } from '../shared/basic-credentials.ts';

/** One version of the notification secret. */
export interface NotificationCredentials {
  readonly username: string;
  readonly password: string;
  /** The Zencoder account's own notification secret, where the customer has entered it; never empty. */
  readonly notificationSecret: string | null;
}

/** Header names in any case; API Gateway writes them in lower case. */
export type RequestHeaders = Readonly<Record<string, string | undefined>>;

/** What a request offers as proof of who sent it. */
export interface PresentedProof {
  /** `user:password` out of HTTP Basic credentials. */
  readonly basic: Buffer | null;
  readonly notificationSecret: Buffer | null;
}

/** Finds the proof in a request's headers; what is missing or malformed is null. */
export function proofIn(headers: RequestHeaders): PresentedProof {
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
 * Whether the proof matches one of the accepted versions, by Basic credentials or by the account's notification secret;
 * either is enough. Takes the same time whatever matches and however much of it: everything is compared, as digests.
 */
export function isAuthentic(proof: PresentedProof, accepted: readonly NotificationCredentials[]): boolean {
  let matches = 0;
  for (const { username, password, notificationSecret } of accepted) {
    matches += Number(isSameSecret(proof.basic, `${username}:${password}`));
    matches += Number(
      notificationSecret !== null && isSameSecret(proof.notificationSecret, notificationSecret),
    );
  }
  return matches > 0;
}
