import { createHmac } from 'node:crypto';
import { HOUR_MS, MINUTE_MS } from '../shared/runtime/durations.ts';
import { derivedKey, isSameSecret } from '../shared/runtime/secrets.ts';
import type { Visitor } from './credentials.ts';

/**
 * The session that a sign-in begins, as the text of a cookie: role, end and signature, with nothing stored. The key of the
 * signature is derived from the visitor's credential, so that a session ends with the version of the secret that it was
 * begun by. It is not renewed: pages that refresh themselves would keep it for ever, and so would the thief of a cookie.
 */

/** A working day. */
export const SESSION_MS = 8 * HOUR_MS;

/** The clocks of two Lambda environments differ by less. */
const CLOCK_SKEW_MS = 5 * MINUTE_MS;

const SESSION = /^(viewer|operator)\.([0-9]{13})\.([\w-]{43})$/;

/** @param now epoch milliseconds. */
export function sealSession({ role, credential }: Pick<Visitor, 'role' | 'credential'>, now: number): string {
  const expiresAt = now + SESSION_MS;
  return `${role}.${expiresAt}.${signature(role, expiresAt, credential)}`;
}

/**
 * Who a session belongs to.
 *
 * @param visitors all that are accepted now.
 * @returns null when it has ended, is no session, or is signed by none of their credentials.
 */
export function openSession(text: string, visitors: readonly Visitor[], now: number): Visitor | null {
  if (!isCurrent(text, now)) return null;
  const presented = Buffer.from(text);
  const expiresAt = expiryOf(text) ?? 0;
  const owners = visitors.filter(({ role, credential }) =>
    isSameSecret(presented, `${role}.${expiresAt}.${signature(role, expiresAt, credential)}`),
  );
  return owners[0] ?? null;
}

/** Whether a text has the form of a session that has not ended; costs no look at the secret. */
export function isCurrent(text: string, now: number): boolean {
  const expiresAt = expiryOf(text);
  return expiresAt !== null && expiresAt > now && expiresAt <= now + SESSION_MS + CLOCK_SKEW_MS;
}

function expiryOf(text: string): number | null {
  const expiresAt = SESSION.exec(text)?.[2];
  return expiresAt === undefined ? null : Number(expiresAt);
}

function signature(role: string, expiresAt: number, credential: Buffer): string {
  return createHmac('sha256', derivedKey(credential, 'session'))
    .update(`${role}.${expiresAt}`)
    .digest('base64url');
}
