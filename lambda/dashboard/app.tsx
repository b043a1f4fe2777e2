import { type Context, Hono } from 'hono';
import { apiRoutes } from './api.ts';
import { assetAt } from './assets/assets.ts';
import { TooManyAttempts } from './attempts.ts';
import { authenticated, type DashboardEnv, isApi, pageOf, securityHeaders } from './auth.ts';
import type { DashboardDependencies } from './dependencies.ts';
import { HttpError, toHttpError } from './errors.ts';
import { outputRoutes } from './output-routes.tsx';
import { MessagePage } from './pages/layout.tsx';
import { pageRoutes } from './routes.tsx';
import { showSignIn, signInRoutes, signOutRoute, WRONG_PASSWORD } from './sign-in.tsx';

const CHALLENGE = 'Basic realm="Zencoder recovery dashboard", charset="UTF-8"';

/** The dashboard: sign-in and assets, and behind its credentials pages and JSON API. */
export function createDashboard(dependencies: DashboardDependencies): Hono<DashboardEnv> {
  const { now, log } = dependencies;
  const app = new Hono<DashboardEnv>();

  app.use(securityHeaders);
  app.get('/assets/:name', async (context) => assetAt(context.req.path) ?? (await context.notFound()));
  app.route('/', signInRoutes(dependencies));
  app.use(authenticated(dependencies));
  app.route('/api', apiRoutes(dependencies));
  app.route('/', signOutRoute(dependencies));
  app.route('/', pageRoutes(dependencies));
  app.route('/', outputRoutes(dependencies));

  app.notFound(() => {
    throw new HttpError(404, 'Not found', 'There is no such page.');
  });

  app.onError((cause, context) => {
    const error = toHttpError(cause);
    if (error.status >= 500) log.error('request failed', { path: context.req.path, error: cause });
    if (error instanceof TooManyAttempts) context.header('retry-after', String(error.retryAfter));
    if (error.status === 401) context.header('www-authenticate', CHALLENGE);
    return isApi(context.req.path) ? problem(context, error) : errorPage(context, error, now());
  });

  return app;
}

/** An error as RFC 9457 has it. */
function problem(context: Context, { status, title, message }: HttpError) {
  return context.json({ type: 'about:blank', title, status, detail: message }, status, {
    'Content-Type': 'application/problem+json',
  });
}

/** An error for a browser; an unauthenticated client sees nothing of the dashboard but its sign-in. */
function errorPage(context: Context<DashboardEnv>, error: HttpError, now: number) {
  const { status, title, message, details } = error;
  if (status === 401) return showSignIn(context, now, pageOf(context), { problem: WRONG_PASSWORD, status });
  const signedIn = context.var.signedIn ?? null;
  return context.html(<MessagePage {...{ title, text: message, now, signedIn, ...details }} />, status);
}
