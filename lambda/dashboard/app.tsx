import { Hono } from 'hono';
import { InvalidCursor } from '../shared/ledger/paging.ts';
import { InvalidFilter } from '../shared/reporting/filters.ts';
import { RetryNotQueued } from './actions.ts';
import { apiRoutes, problem } from './api.ts';
import { assetAt } from './assets/assets.ts';
import { authenticated, type DashboardEnv, securityHeaders } from './auth.ts';
import type { DashboardWorld } from './dependencies.ts';
import { htmlResponse, MessagePage } from './pages/layout.tsx';
import { pageRoutes } from './routes.tsx';

const CHALLENGE = { 'www-authenticate': 'Basic realm="Zencoder recovery dashboard", charset="UTF-8"' };

/** The dashboard: pages, JSON API and assets, all behind the same credentials. */
export function createDashboard(world: DashboardWorld): Hono<DashboardEnv> {
  const { now, log } = world;
  const app = new Hono<DashboardEnv>();

  app.use(securityHeaders);
  app.use(authenticated(world.credentials, unauthorized));
  app.route('/api', apiRoutes(world));
  app.get('/assets/:name', async (context) => assetAt(context.req.path) ?? (await context.notFound()));
  app.route('/', pageRoutes(world));

  app.notFound(async () =>
    htmlResponse(<MessagePage title="Not found" text="There is no such page." now={now()} />, 404),
  );

  app.onError(async (error, context) => {
    const { status, title, text } = faultOf(error);
    if (status >= 500) log.error('request failed', { path: context.req.path, error });
    if (isApi(context.req.path)) return problem(status, title, text);
    return htmlResponse(<MessagePage title={title} text={text} now={now()} />, status);
  });

  return app;
}

function faultOf(error: unknown): { readonly status: number; readonly title: string; readonly text: string } {
  if (error instanceof InvalidFilter || error instanceof InvalidCursor) {
    return { status: 400, title: 'Bad request', text: error.message };
  }
  if (error instanceof RetryNotQueued) {
    return {
      status: 503,
      title: 'Not queued',
      text: 'The queue did not take the retry. Try again in a moment.',
    };
  }
  return { status: 500, title: 'Something went wrong', text: 'The log of the dashboard function says what.' };
}

function unauthorized(path: string): Response {
  if (isApi(path)) return problem(401, 'Unauthorized', 'credentials are missing or wrong', CHALLENGE);
  return new Response(
    'The user name and password are in the secret that the stack names DashboardSecretArn.\n',
    {
      status: 401,
      headers: { 'content-type': 'text/plain; charset=utf-8', ...CHALLENGE },
    },
  );
}

function isApi(path: string): boolean {
  return path === '/api' || path.startsWith('/api/');
}
