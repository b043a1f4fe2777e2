import { Hono } from 'hono';
import { unreadableLine } from '../shared/ledger/unreadable-reports.ts';
import { parseFailureQuery } from '../shared/reporting/filters.ts';
import { viewJob } from '../shared/reporting/job.ts';
import { errorClasses, readOverview } from '../shared/reporting/statistics.ts';
import type { DashboardEnv } from './auth.ts';
import { type DashboardDependencies, readingOf } from './dependencies.ts';
import { HttpError } from './errors.ts';
import { ErrorsPage } from './pages/errors.tsx';
import { JobPage } from './pages/job.tsx';
import { OverviewPage } from './pages/overview.tsx';

/** Path of a job's page. */
export const JOB = '/jobs/:jobId{[0-9]{1,20}}';

/** The overview, the error classes and a job. */
export function pageRoutes(
  dependencies: Pick<DashboardDependencies, 'ledger' | 'log' | 'now' | 'atRiskMs'>,
): Hono<DashboardEnv> {
  const { now, atRiskMs } = dependencies;
  const pages = new Hono<DashboardEnv>();

  pages.get('/', async (context) => {
    const request = parseFailureQuery(context.req.query(), now());
    const { ledger, unreadable } = readingOf(dependencies);
    const data = await readOverview(ledger, { request, now: now(), atRiskMs });
    const notificationUrl = `https://${new URL(context.req.url).host}/notifications`;
    const leftOut = unreadableLine(unreadable);
    return context.html(
      <OverviewPage
        {...{ data, request, now: now(), signedIn: context.var.signedIn, atRiskMs, notificationUrl, leftOut }}
      />,
    );
  });

  pages.get('/errors', async (context) => {
    const { ledger, unreadable } = readingOf(dependencies);
    const data = await errorClasses(ledger, now());
    const leftOut = unreadableLine(unreadable);
    return context.html(<ErrorsPage {...{ data, now: now(), signedIn: context.var.signedIn, leftOut }} />);
  });

  pages.get('/jobs', (context) => {
    const id = context.req.query('id')?.trim() ?? '';
    return context.redirect(/^[0-9]{1,20}$/.test(id) ? `/jobs/${id}` : '/', 303);
  });

  pages.get(JOB, async (context) => {
    const { ledger, unreadable } = readingOf(dependencies);
    const jobId = context.req.param('jobId');
    const job = await viewJob(ledger, jobId);
    const leftOut = unreadableLine(unreadable);
    if (job === null) throw noSuchJob(jobId, leftOut);
    return context.html(<JobPage {...{ job, now: now(), signedIn: context.var.signedIn, leftOut }} />);
  });

  return pages;
}

function noSuchJob(jobId: string, leftOut: string | null): HttpError {
  const text =
    `There is no record of a failed upload of job ${jobId}. Either all of its uploads arrived, or ` +
    'Zencoder has not notified this stack of it.';
  return new HttpError(404, 'No failed upload', text, { leftOut });
}
