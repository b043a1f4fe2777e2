import type { Context } from 'hono';
import { createMiddleware } from 'hono/factory';
import { basicCredentials } from '../shared/runtime/secrets.ts';
import { checkPassword } from './attempts.ts';
import { readCookie, SESSION_COOKIE } from './cookies.ts';
import { findVisitor, type Visitor, withPassword } from './credentials.ts';
import { formToken } from './csrf.ts';
import type { DashboardDependencies } from './dependencies.ts';
import { HttpError } from './errors.ts';
import type { SignedIn } from './pages/layout.tsx';
import { signInPath } from './return-path.ts';
import { isCurrent, openSession } from './session.ts';

/** What a request carries once it is authenticated. */
export interface DashboardEnv {
  Variables: {
    visitor: Visitor;
    /** The visitor as pages show them. */
    signedIn: SignedIn;
  };
}

/**
 * Nothing but the dashboard's own assets and API: no inline script or style, no frame, no other site. The header of
 * every response.
 */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join('; ');

const HEADERS = {
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'strict-transport-security': 'max-age=63072000',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
  'x-robots-tag': 'noindex, nofollow',
};

/** Puts the security headers on every response, errors included; nothing is cached unless the response says otherwise. */
export const securityHeaders = createMiddleware(async (context, next) => {
  await next();
  for (const [name, value] of Object.entries(HEADERS)) context.res.headers.set(name, value);
  if (!context.res.headers.has('cache-control')) context.res.headers.set('cache-control', 'no-store');
});

/** What authentication works with. */
export type AuthDependencies = Pick<
  DashboardDependencies,
  'credentials' | 'ledger' | 'meter' | 'log' | 'now'
>;

/**
 * Lets in requests with a session, or with HTTP Basic credentials, of the dashboard's secret in its current or previous
 * version. A page that is asked for without either leads to the sign-in and back; any other request gets a 401 before
 * anything is read.
 */
export function authenticated(dependencies: AuthDependencies) {
  const { now } = dependencies;
  return createMiddleware<DashboardEnv>(async (context, next) => {
    const session = await sessionOf(context, dependencies);
    const visitor = session ?? (await basicOf(context, dependencies));
    if (visitor === null) return context.redirect(signInPath(pageOf(context)), 303);
    const { name, role, credential } = visitor;
    const signOutToken = session === null ? null : formToken(credential, SIGN_OUT, now());
    context.set('visitor', visitor);
    context.set('signedIn', { name, role, signOutToken });
    return await next();
  });
}

/** Path that ends the session. */
export const SIGN_OUT = '/sign-out';

export function isApi(path: string): boolean {
  return path === '/api' || path.startsWith('/api/');
}

async function sessionOf(
  context: Context,
  { credentials, now }: Pick<AuthDependencies, 'credentials' | 'now'>,
): Promise<Visitor | null> {
  const session = readCookie(context, SESSION_COOKIE);
  if (session === undefined || !isCurrent(session, now())) return null;
  return await findVisitor(credentials, (visitors) => openSession(session, visitors, now()));
}

/** @returns null for a page that is asked for without credentials. */
async function basicOf(context: Context, dependencies: AuthDependencies): Promise<Visitor | null> {
  const authorization = context.req.header('authorization');
  if (authorization === undefined && !isApi(context.req.path)) return null;
  const basic = basicCredentials(authorization);
  const { credentials } = dependencies;
  const visitor =
    basic &&
    (await checkPassword(
      context,
      () => findVisitor(credentials, (visitors) => withPassword(basic, visitors)),
      dependencies,
    ));
  if (visitor === null) throw new HttpError(401, 'Unauthorized', 'credentials are missing or wrong');
  return visitor;
}

/** The page to lead back to: that of the request, or the record that its form is on. */
export function pageOf(context: Context): string {
  const { pathname, search } = new URL(context.req.url);
  return context.req.method === 'GET' ? `${pathname}${search}` : pathname.replace(/\/retry$/, '');
}
