import { randomBytes } from 'node:crypto';
import { type Context, Hono } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import * as v from 'valibot';
import { SIGN_IN_LIMITS } from '../shared/ledger/sign-ins.ts';
import { browserOf, checkPassword, TooManyAttempts } from './attempts.ts';
import { type AuthDependencies, type DashboardEnv, SIGN_OUT } from './auth.ts';
import { BROWSER_COOKIE, SESSION_COOKIE, writeCookie } from './cookies.ts';
import { findVisitor, withPassword } from './credentials.ts';
import { formToken, isOwnForm, readForm } from './csrf.ts';
import { HttpError } from './errors.ts';
import { SignInPage } from './pages/sign-in.tsx';
import { returnPath } from './return-path.ts';
import { SESSION_MS, sealSession } from './session.ts';

const SIGN_IN = '/sign-in';

/** What was wrong with a sign-in: title and text. */
type Problem = readonly [title: string, text: string];

export const WRONG_PASSWORD: Problem = ['Not signed in', 'The user name or the password is wrong.'];
const FORM_TOO_OLD: Problem = ['Try again', 'The form was too old, or this browser keeps no cookies.'];

/** The fields of the form are short. */
const LONGEST_FORM = 16_384;

const signInForm = v.object({
  token: v.string(),
  username: v.pipe(v.string(), v.maxLength(256)),
  password: v.pipe(v.string(), v.maxLength(1024)),
  next: v.optional(v.string()),
});

/** The form of the sign-in, and what it sends. */
export function signInRoutes(dependencies: AuthDependencies): Hono<DashboardEnv> {
  const routes = new Hono<DashboardEnv>();
  routes.get(SIGN_IN, (context) => showSignIn(context, dependencies.now(), context.req.query('next')));
  routes.post(SIGN_IN, (context) => signIn(context, dependencies));
  return routes;
}

/** Ends the session of this browser. Behind the authentication: its form is bound to the visitor. */
export function signOutRoute({ now }: Pick<AuthDependencies, 'now'>): Hono<DashboardEnv> {
  const routes = new Hono<DashboardEnv>();
  routes.post(SIGN_OUT, async (context) => {
    const form = v.safeParse(v.object({ token: v.string() }), await readForm(context));
    const binding = { secret: context.var.visitor.credential, path: SIGN_OUT, now: now() };
    if (!form.success || !isOwnForm(context, form.output.token, binding)) {
      const text = 'The form is too old or did not come from this dashboard. Sign out on another page of it.';
      throw new HttpError(403, 'Not accepted', text);
    }
    writeCookie(context, SESSION_COOKIE, '', 0);
    return context.redirect(SIGN_IN, 303);
  });
  return routes;
}

/** The sign-in page, with what was wrong before. */
export function showSignIn(
  context: Context,
  now: number,
  next: string | undefined,
  failed: { readonly problem: Problem; readonly status: ContentfulStatusCode } | null = null,
): Response | Promise<Response> {
  const browser = browserOf(context) ?? randomBytes(16).toString('base64url');
  writeCookie(context, BROWSER_COOKIE, browser, SIGN_IN_LIMITS.knownMs);
  const token = formToken(Buffer.from(browser), SIGN_IN, now);
  const page = <SignInPage {...{ next: returnPath(next), token, problem: failed?.problem ?? null, now }} />;
  return context.html(page, failed?.status ?? 200);
}

/** Begins a session for the right password, and leads to the page that was asked for. */
async function signIn(context: Context, dependencies: AuthDependencies): Promise<Response> {
  const { credentials, now } = dependencies;
  if (Number(context.req.header('content-length') ?? 0) > LONGEST_FORM) {
    throw new HttpError(413, 'Form too large', 'A user name and a password are shorter.');
  }
  const form = v.safeParse(signInForm, await readForm(context));
  const { token = '', next, username = '', password = '' } = form.success ? form.output : {};
  const refuse = (problem: Problem, status: ContentfulStatusCode) =>
    showSignIn(context, now(), next, { problem, status });
  const browser = browserOf(context);
  const binding = { secret: Buffer.from(browser ?? ''), path: SIGN_IN, now: now() };
  if (browser === null || !isOwnForm(context, token, binding)) return refuse(FORM_TOO_OLD, 403);
  const presented = Buffer.from(`${username}:${password}`);
  try {
    const visitor = await checkPassword(
      context,
      () => findVisitor(credentials, (visitors) => withPassword(presented, visitors)),
      dependencies,
    );
    // 403, not 401: a challenge would have the browser ask for a password itself.
    if (visitor === null) return refuse(WRONG_PASSWORD, 403);
    writeCookie(context, SESSION_COOKIE, sealSession(visitor, now()), SESSION_MS);
    dependencies.log.info('signed in', { role: visitor.role });
    return context.redirect(returnPath(next), 303);
  } catch (error) {
    if (!(error instanceof TooManyAttempts)) throw error;
    context.header('retry-after', String(error.retryAfter));
    return refuse([error.title, error.message], error.status);
  }
}
