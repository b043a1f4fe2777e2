import type { Context } from 'hono';
import { getCookie, setCookie } from 'hono/cookie';

/** The session that a sign-in begins; see `session.ts`. */
export const SESSION_COOKIE = 'zencoder-recovery-session';
/** A random id of the browser: binds the sign-in form to it, and lets its owner sign in while others guess passwords. */
export const BROWSER_COOKIE = 'zencoder-recovery-browser';

/**
 * Cookies for this host alone: `Secure`, and by the prefix `__Host-` set by no neighbour or plain-HTTP page.
 *
 * `SameSite=Lax`, not `Strict`: a link in an alarm's e-mail that is read in a browser is a navigation from another site,
 * and must find the session. Other sites' forms and requests come without it.
 *
 * On a loopback address, where the local stack has no TLS, neither: Safari takes no `Secure` cookie there, Chromium and
 * Firefox do (https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Set-Cookie#secure). The address is the one
 * that the request came to, which on AWS is API Gateway's domain.
 */
export function writeCookie(context: Context, name: string, value: string, maxAgeMs: number): void {
  setCookie(context, name, value, {
    ...(isLoopback(context) ? {} : { prefix: 'host', secure: true }),
    ...{ path: '/', httpOnly: true, sameSite: 'Lax', maxAge: Math.floor(maxAgeMs / 1000) },
  });
}

/** The value of a cookie that {@link writeCookie} wrote for this address. */
export function readCookie(context: Context, name: string): string | undefined {
  return isLoopback(context) ? getCookie(context, name) : getCookie(context, name, 'host');
}

function isLoopback(context: Context): boolean {
  const { hostname } = new URL(context.req.url);
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.[0-9]{1,3}){3}$/.test(hostname);
}
