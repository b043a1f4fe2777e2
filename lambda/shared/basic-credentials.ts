import { createHash, timingSafeEqual } from 'node:crypto';

/**
 * `user:password` out of the value of an `Authorization` header; null when the header is missing or is something else
 * than HTTP Basic.
 */
export function basicCredentials(authorization: string | undefined): Buffer | null {
  const encoded = /^basic +([A-Za-z0-9+/_=-]+) *$/i.exec(authorization ?? '')?.[1];
  return encoded === undefined ? null : Buffer.from(encoded, 'base64');
}

/** Whether two secrets are the same, in a time that tells nothing of how much of them is. */
export function isSameSecret(presented: Buffer | null, expected: string): boolean {
  return presented !== null && timingSafeEqual(digest(presented), digest(Buffer.from(expected)));
}

function digest(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}
