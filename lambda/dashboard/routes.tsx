import { type Context, Hono } from 'hono';
import * as v from 'valibot';
import type { Ledger } from '../shared/ledger/ledger.ts';
import { unreadableLine } from '../shared/ledger/noting.ts';
import { placeOf } from '../shared/ledger/records.ts';
import { parseFailureQuery } from '../shared/reporting/filters.ts';
import { canBeRetried, type JobView, type OutputView, viewJob } from '../shared/reporting/job.ts';
import { outputPath } from '../shared/reporting/links.ts';
import { errorClasses, readOverview } from '../shared/reporting/statistics.ts';
import type { RetryRequest } from './actions.ts';
import type { DashboardEnv } from './auth.ts';
import { formToken, isFormToken, isFromElsewhere } from './csrf.ts';
import { type DashboardWorld, readingOf } from './dependencies.ts';
import { ErrorsPage } from './pages/errors.tsx';
import { JobPage } from './pages/job.tsx';
import { htmlResponse, MessagePage } from './pages/layout.tsx';
import { OutputPage, type RetryNotice } from './pages/output.tsx';
import { OverviewPage } from './pages/overview.tsx';

const JOB = '/jobs/:jobId{[0-9]{1,20}}';
const OUTPUT = `${JOB}/outputs/:outputId{[0-9]{1,20}}` as const;
const FILE = `${OUTPUT}/files/:role{media|thumbnail}/:fileId{[0-9a-f]{16}}` as const;

const retryForm = v.object({
  token: v.string(),
  role: v.exactOptional(v.picklist(['media', 'thumbnail'])),
  fileId: v.exactOptional(v.pipe(v.string(), v.regex(/^[0-9a-f]{16}$/))),
});

/** The pages, what their forms do, and downloads. */
export function pageRoutes(world: DashboardWorld): Hono<DashboardEnv> {
  const { now, atRiskMs } = world;
  const pages = new Hono<DashboardEnv>();

  pages.get('/', async (context) => {
    const request = parseFailureQuery(context.req.query(), now());
    const { ledger, unreadable } = readingOf(world);
    const data = await readOverview(ledger, { request, now: now(), atRiskMs });
    const notificationUrl = `https://${new URL(context.req.url).host}/notifications`;
    const leftOut = unreadableLine(unreadable);
    return htmlResponse(
      <OverviewPage {...{ data, request, now: now(), atRiskMs, notificationUrl, leftOut }} />,
    );
  });

  pages.get('/errors', async () => {
    const { ledger, unreadable } = readingOf(world);
    const data = await errorClasses(ledger, now());
    return htmlResponse(<ErrorsPage {...{ data, now: now(), leftOut: unreadableLine(unreadable) }} />);
  });

  pages.get('/jobs', (context) => {
    const id = context.req.query('id')?.trim() ?? '';
    return context.redirect(/^[0-9]{1,20}$/.test(id) ? `/jobs/${id}` : '/', 303);
  });

  pages.get(JOB, async (context) => {
    const { ledger, unreadable } = readingOf(world);
    const job = await viewJob(ledger, context.req.param('jobId'));
    const leftOut = unreadableLine(unreadable);
    return job === null
      ? noSuchJob(context, world, leftOut)
      : htmlResponse(<JobPage {...{ job, now: now(), leftOut }} />);
  });

  pages.get(OUTPUT, async (context) => {
    const { ledger, unreadable } = readingOf(world);
    const found = await findOutput(ledger, context.req.param());
    const leftOut = unreadableLine(unreadable);
    if (found === null) return noSuchOutput(world, leftOut);
    const path = outputPath(found.job.jobId, found.output.outputId);
    const props = {
      ...found,
      leftOut,
      now: now(),
      region: world.region,
      hasApiKey: world.hasApiKey,
      token: formToken(context.var.basic, path, now()),
      notice: noticeOf(context.req.query('retry')),
      filePage: Math.max(1, Number.parseInt(context.req.query('files') ?? '1', 10) || 1),
    };
    return htmlResponse(<OutputPage {...props} />);
  });

  pages.post(`${OUTPUT}/retry`, async (context) => retry(context, world, context.req.param()));

  pages.get(`${FILE}/download`, async (context) => {
    const { role, ...ids } = context.req.param();
    const key = { ...ids, role: role === 'media' ? 'media' : 'thumbnail' } as const;
    const recovery = await world.ledger.queries.readRecovery(key);
    const place = recovery?.state === 'recovered' ? placeOf(recovery) : null;
    if (recovery === undefined || place === null) return noSuchOutput(world);
    const { filename } = recovery;
    return context.redirect(await world.downloads.urlOf({ ...place, filename }), 303);
  });

  return pages;
}

async function retry(
  context: Context<DashboardEnv>,
  world: DashboardWorld,
  ids: { readonly jobId: string; readonly outputId: string },
): Promise<Response> {
  const { now, log } = world;
  const path = outputPath(ids.jobId, ids.outputId);
  const headers = {
    origin: context.req.header('origin'),
    fetchSite: context.req.header('sec-fetch-site'),
  };
  const form = v.safeParse(retryForm, await context.req.parseBody());
  const isOurs =
    form.success &&
    !isFromElsewhere(headers, new URL(context.req.url).host) &&
    isFormToken(form.output.token, context.var.basic, path, now());
  if (!isOurs) {
    const text =
      'The form is too old or did not come from this dashboard. Open the record again and retry there.';
    return htmlResponse(
      <MessagePage title="Not accepted" text={text} now={now()} link={['Open the record', path]} />,
      403,
    );
  }
  const found = await findOutput(readingOf(world).ledger, ids);
  if (found === null) return noSuchOutput(world);
  const { token: _, ...which } = form.output;
  if (!found.output.recoveries.some((file) => isMeant(file, which) && canBeRetried(file, world.hasApiKey))) {
    return context.redirect(`${path}?retry=nothing`, 303);
  }
  const request = { ...ids, ...which } satisfies RetryRequest;
  await world.retries.request(request);
  log.info('retry requested', request);
  return context.redirect(`${path}?retry=queued`, 303);
}

function isMeant(
  file: { readonly role: string; readonly fileId: string },
  { role, fileId }: { readonly role?: string; readonly fileId?: string },
): boolean {
  return (role === undefined || file.role === role) && (fileId === undefined || file.fileId === fileId);
}

async function findOutput(
  ledger: Ledger,
  { jobId, outputId }: { readonly jobId: string; readonly outputId: string },
): Promise<{ readonly job: JobView; readonly output: OutputView } | null> {
  const job = await viewJob(ledger, jobId);
  const output = job?.outputs.find((each) => each.outputId === outputId);
  return job === null || output === undefined ? null : { job, output };
}

function noticeOf(text: string | undefined): RetryNotice | null {
  return text === 'queued' || text === 'nothing' ? text : null;
}

function noSuchJob(
  context: Context<DashboardEnv>,
  { now }: DashboardWorld,
  leftOut: string | null,
): Response | Promise<Response> {
  const text =
    `The ledger has no failed upload of job ${context.req.param('jobId')}. Either all of its uploads arrived, or ` +
    'Zencoder has not notified this stack of it.';
  return htmlResponse(
    <MessagePage title="No failed upload" text={text} now={now()} leftOut={leftOut} />,
    404,
  );
}

function noSuchOutput({ now }: DashboardWorld, leftOut: string | null = null): Response | Promise<Response> {
  const text = 'The ledger has no such record, or the file is not in the bucket.';
  return htmlResponse(<MessagePage title="Not found" text={text} now={now()} leftOut={leftOut} />, 404);
}
