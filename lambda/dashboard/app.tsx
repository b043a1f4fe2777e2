import { type Context, Hono } from 'hono';
import { apiRoutes } from './api.ts';
import { assetAt } from './assets/assets.ts';
import { authenticated, type DashboardEnv, securityHeaders } from './auth.ts';
import type { DashboardDependencies } from './dependencies.ts';
import { HttpError, toHttpError } from './errors.ts';
import { outputRoutes } from './output-routes.tsx';
import { MessagePage } from './pages/layout.tsx';
import { pageRoutes } from './routes.tsx';

const CHALLENGE = { 'www-authenticate': 'Basic realm="Zencoder recovery dashboard", charset="UTF-8"' };

/** The dashboard: pages, JSON API and assets, all behind the same credentials. */
export function createDashboard(dependencies: DashboardDependencies): Hono<DashboardEnv> {
  const { now, log } = dependencies;
  const app = new Hono<DashboardEnv>();

  app.use(securityHeaders);
  app.use(authenticated(dependencies.credentials));
  app.route('/api', apiRoutes(dependencies));
  app.get('/assets/:name', async (context) => assetAt(context.req.path) ?? (await context.notFound()));
  app.route('/', pageRoutes(dependencies));
  app.route('/', outputRoutes(dependencies));

  app.notFound(() => {
    throw new HttpError(404, 'Not found', 'There is no such page.');
  });

  app.onError((cause, context) => {
    const error = toHttpError(cause);
    if (error.status >= 500) log.error('request failed', { path: context.req.path, error: cause });
    return isApi(context.req.path) ? problem(context, error) : errorPage(context, error, now());
  });

  return app;
}

/** An error as RFC 9457 has it. */
function problem(context: Context, { status, title, message }: HttpError) {
  return context.json({ type: 'about:blank', title, status, detail: message }, status, {
    'Content-Type': 'application/problem+json',
    ...(status === 401 && CHALLENGE),
  });
}

/** An error for a browser; an unauthenticated client sees nothing of the dashboard. */
function errorPage(context: Context, { status, title, message, details }: HttpError, now: number) {
  if (status === 401) {
    return context.text(
      'Get the username and password from the secret in the stack’s output DashboardSecretArn.\n',
      401,
      CHALLENGE,
    );
  }
  return context.html(<MessagePage {...{ title, text: message, now, ...details }} />, status);
}

function isApi(path: string): boolean {
  return path === '/api' || path.startsWith('/api/');
}
