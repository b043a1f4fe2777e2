import { createHmac } from 'node:crypto';
import { isSameSecret } from '../shared/runtime/secrets.ts';

const VALID_MS = 12 * 60 * 60 * 1000;

/**
 * A token that proves that a form came from a page of the dashboard: browsers send Basic credentials along with forms
 * of other sites as well, but no other site can read or compute this. It is bound to the credentials, to the path that
 * the form is sent to and to the time, so that nothing has to be stored; valid for 12 to 24 hours.
 *
 * @param basic the `user:password` of the request that asks for the page.
 * @param now epoch milliseconds.
 */
export function formToken(basic: Buffer, path: string, now: number): string {
  return tokenOf(basic, path, Math.floor(now / VALID_MS));
}

/** Whether a token is one that {@link formToken} gave for the same credentials and path, not too long ago. */
export function isFormToken(token: string, basic: Buffer, path: string, now: number): boolean {
  const period = Math.floor(now / VALID_MS);
  const presented = Buffer.from(token);
  const fresh = isSameSecret(presented, tokenOf(basic, path, period));
  const older = isSameSecret(presented, tokenOf(basic, path, period - 1));
  return fresh || older;
}

/**
 * Whether the browser states that a request originates from a page of another site. Pages of the dashboard ask browsers to
 * send no referrer, so that their own forms have the origin `null`, which identifies no site.
 *
 * @param host that the request was sent to, with its port.
 */
export function isFromElsewhere(
  headers: { readonly origin: string | undefined; readonly fetchSite: string | undefined },
  host: string,
): boolean {
  const { origin, fetchSite } = headers;
  if (fetchSite !== undefined && fetchSite !== 'same-origin') return true;
  if (origin === undefined || origin === 'null') return false;
  return !URL.canParse(origin) || new URL(origin).host !== host;
}

function tokenOf(basic: Buffer, path: string, period: number): string {
  // A key of its own, so that a token reveals nothing that authenticates.
  const key = createHmac('sha256', basic).update('zencoder-recovery form token').digest();
  return createHmac('sha256', key).update(`${period} ${path}`).digest('base64url');
}
