import { Hono } from 'hono';
import { errorClasses } from '../queries/error-classes.ts';
import { parseFailureQuery, parseRecoveryQuery } from '../queries/filters.ts';
import { viewJob } from '../queries/job.ts';
import { listRecoveries } from '../queries/list-recoveries.ts';
import { searchFailures } from '../queries/search-failures.ts';
import type { DashboardWorld } from '../world.ts';
import { errorClassJson, failureJson, jobJson, recoveryJson } from './json.ts';
import { problem } from './problem.ts';

/** The JSON API: the same queries as the pages, for scripts. Lists have `items`, and a `cursor` if there are more. */
export function apiRoutes({ table, now }: DashboardWorld): Hono {
  const api = new Hono();

  api.get('/failures', async (context) => {
    const { items, cursor } = await searchFailures(
      table,
      parseFailureQuery(context.req.query(), now()),
      now(),
    );
    return context.json({ items: items.map(failureJson), cursor: cursor ?? null });
  });

  api.get('/recoveries', async (context) => {
    const { items, cursor } = await listRecoveries(
      table,
      parseRecoveryQuery(context.req.query(), now()),
      now(),
    );
    return context.json({ items: items.map(recoveryJson), cursor: cursor ?? null });
  });

  api.get('/jobs/:jobId{[0-9]{1,20}}', async (context) => {
    const jobId = context.req.param('jobId');
    const job = await viewJob(table, jobId);
    if (job === null) {
      return problem(404, 'Not found', `no failed upload of job ${jobId} is in the ledger`);
    }
    return context.json(jobJson(job));
  });

  api.get('/errors', async (context) => {
    const { items, tally } = await errorClasses(table, now());
    return context.json({ items: items.map(errorClassJson), countsAreComplete: tally.isComplete });
  });

  api.all('*', () => problem(404, 'Not found', 'there is no such resource'));
  return api;
}
