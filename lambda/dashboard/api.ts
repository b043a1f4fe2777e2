import { Hono } from 'hono';
import { unreadableLine } from '../shared/ledger/unreadable-reports.ts';
import { parseFailureQuery, parseRecoveryQuery } from '../shared/reporting/filters.ts';
import { viewJob } from '../shared/reporting/job.ts';
import { errorClassJson, failureJson, jobJson, recoveryJson } from '../shared/reporting/json.ts';
import { listRecoveries, searchFailures } from '../shared/reporting/search.ts';
import { errorClasses } from '../shared/reporting/statistics.ts';
import { type DashboardDependencies, readingOf } from './dependencies.ts';
import { HttpError } from './errors.ts';

/**
 * The JSON API: the same queries as the pages, for scripts. Lists have `items`, and a `cursor` if
 * there are more; `unreadable` counts the records that are left out since they cannot be read.
 */
export function apiRoutes(dependencies: Pick<DashboardDependencies, 'ledger' | 'log' | 'now'>): Hono {
  const { now } = dependencies;
  const api = new Hono();

  api.get('/failures', async (context) => {
    const { ledger, unreadable } = readingOf(dependencies);
    const { items, cursor } = await searchFailures(ledger, parseFailureQuery(context.req.query(), now()));
    return context.json({
      items: items.map(failureJson),
      cursor: cursor ?? null,
      unreadable: unreadable.size,
    });
  });

  api.get('/recoveries', async (context) => {
    const { ledger, unreadable } = readingOf(dependencies);
    const { items, cursor } = await listRecoveries(ledger, parseRecoveryQuery(context.req.query(), now()));
    return context.json({
      items: items.map(recoveryJson),
      cursor: cursor ?? null,
      unreadable: unreadable.size,
    });
  });

  api.get('/jobs/:jobId{[0-9]{1,20}}', async (context) => {
    const { ledger, unreadable } = readingOf(dependencies);
    const jobId = context.req.param('jobId');
    const job = await viewJob(ledger, jobId);
    if (job === null) {
      const leftOut = unreadableLine(unreadable);
      const detail = `no failed upload of job ${jobId} is in the ledger`;
      throw new HttpError(404, 'Not found', leftOut === null ? detail : `${detail}; ${leftOut}`);
    }
    return context.json({ ...jobJson(job), unreadable: unreadable.size });
  });

  api.get('/errors', async (context) => {
    const { ledger, unreadable } = readingOf(dependencies);
    const { items, tally } = await errorClasses(ledger, now());
    return context.json({
      items: items.map(errorClassJson),
      countsAreComplete: tally.isComplete,
      unreadable: unreadable.size,
    });
  });

  api.all('*', () => {
    throw new HttpError(404, 'Not found', 'there is no such resource');
  });
  return api;
}
