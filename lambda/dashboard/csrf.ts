import { createHmac } from 'node:crypto';
import type { Context } from 'hono';
import { derivedKey, isSameSecret } from '../shared/runtime/secrets.ts';
import { HttpError } from './errors.ts';

const VALID_MS = 12 * 60 * 60 * 1000;

/**
 * A token that proves that a form came from a page of the dashboard: browsers send Basic credentials along with forms
 * of other sites as well, but no other site can read or compute this. It is bound to a secret, to the path that the form
 * is sent to and to the time, so that nothing has to be stored; valid for 12 to 24 hours.
 *
 * @param secret the `user:password` of the visitor; before the sign-in, the random id of the browser's cookie.
 * @param now epoch milliseconds.
 */
export function formToken(secret: Buffer, path: string, now: number): string {
  return tokenOf(secret, path, Math.floor(now / VALID_MS));
}

/** Whether a token is one that {@link formToken} gave for the same secret and path, not too long ago. */
export function isFormToken(token: string, secret: Buffer, path: string, now: number): boolean {
  const period = Math.floor(now / VALID_MS);
  const presented = Buffer.from(token);
  const fresh = isSameSecret(presented, tokenOf(secret, path, period));
  const older = isSameSecret(presented, tokenOf(secret, path, period - 1));
  return fresh || older;
}

/**
 * The fields of a posted form.
 *
 * @throws {HttpError} 400 when the body is none, e.g. multipart/form-data without an end.
 */
export async function readForm({ req }: Context): Promise<unknown> {
  try {
    return await req.parseBody();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new HttpError(400, 'Bad request', 'The form cannot be read.');
  }
}

/** Whether a form with this token came from a page of this dashboard; parameters as for {@link formToken}. */
export function isOwnForm(
  context: Context,
  token: string,
  { secret, path, now }: { readonly secret: Buffer; readonly path: string; readonly now: number },
): boolean {
  const headers = {
    origin: context.req.header('origin'),
    fetchSite: context.req.header('sec-fetch-site'),
  };
  return !isFromElsewhere(headers, new URL(context.req.url).host) && isFormToken(token, secret, path, now);
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

function tokenOf(secret: Buffer, path: string, period: number): string {
  return createHmac('sha256', derivedKey(secret, 'form token'))
    .update(`${period} ${path}`)
    .digest('base64url');
}
