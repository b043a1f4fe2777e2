import { type Context, Hono } from 'hono';
import * as v from 'valibot';
import type { Ledger } from '../shared/ledger/ledger.ts';
import { placeOf } from '../shared/ledger/records.ts';
import { unreadableLine } from '../shared/ledger/unreadable-reports.ts';
import { canBeRetried, type JobView, type OutputView, viewJob } from '../shared/reporting/job.ts';
import { outputPath } from '../shared/reporting/links.ts';
import { type RetryRequest, requesterOf } from './actions.ts';
import type { DashboardEnv } from './auth.ts';
import { formToken, isOwnForm, readForm } from './csrf.ts';
import { type DashboardDependencies, readingOf } from './dependencies.ts';
import { HttpError } from './errors.ts';
import { notConfigured } from './pages/files.tsx';
import { OutputPage, type RetryNotice } from './pages/output.tsx';
import { signInPath } from './return-path.ts';
import { JOB } from './routes.tsx';

const OUTPUT = `${JOB}/outputs/:outputId{[0-9]{1,20}}` as const;
const FILE = `${OUTPUT}/files/:role{media|thumbnail}/:fileId{[0-9a-f]{16}}` as const;

type OutputIds = Pick<OutputView, 'jobId' | 'outputId'>;

/** The record of an output, *Retry now* and downloads. */
export function outputRoutes(dependencies: DashboardDependencies): Hono<DashboardEnv> {
  const { ledger, downloads, now, region, hasApiKey } = dependencies;
  const routes = new Hono<DashboardEnv>();

  routes.get(OUTPUT, async (context) => {
    const reading = readingOf(dependencies);
    const found = await findOutput(reading.ledger, context.req.param());
    const leftOut = unreadableLine(reading.unreadable);
    if (found === null) throw noSuchOutput(leftOut);
    const path = outputPath(found.job.jobId, found.output.outputId);
    const { visitor, signedIn } = context.var;
    const token = visitor.role === 'operator' ? formToken(visitor.credential, path, now()) : null;
    const notice = noticeOf(context.req.query('retry'));
    const filePage = Math.max(1, Number.parseInt(context.req.query('files') ?? '1', 10) || 1);
    return context.html(
      <OutputPage
        {...{ ...found, leftOut, now: now(), signedIn, region, hasApiKey, token, notice, filePage }}
        buckets={downloads.buckets}
      />,
    );
  });

  routes.post(`${OUTPUT}/retry`, async (context) => retry(context, context.req.param(), dependencies));

  routes.get(`${FILE}/download`, async (context) => {
    const { role, ...ids } = context.req.param();
    requireOperator(context, outputPath(ids.jobId, ids.outputId));
    const key = { ...ids, role: role === 'media' ? 'media' : 'thumbnail' } as const;
    const recovery = await ledger.queries.readRecovery(key);
    const place = recovery?.state === 'recovered' ? placeOf(recovery) : null;
    if (recovery === undefined || place === null) throw noSuchOutput();
    if (!downloads.buckets.has(place.bucket)) {
      throw new HttpError(404, 'In another bucket', notConfigured(place.bucket));
    }
    const { filename } = recovery;
    return context.redirect(await downloads.urlOf({ ...place, filename }), 303);
  });

  return routes;
}

const retryForm = v.object({
  token: v.string(),
  role: v.exactOptional(v.picklist(['media', 'thumbnail'])),
  fileId: v.exactOptional(v.pipe(v.string(), v.regex(/^[0-9a-f]{16}$/))),
});

type RetryForm = v.InferOutput<typeof retryForm>;

/** Queues a retry of what the form names, if anything of it can be retried, and leads back to the record. */
async function retry(
  context: Context<DashboardEnv>,
  ids: OutputIds,
  dependencies: Pick<DashboardDependencies, 'ledger' | 'log' | 'retries' | 'hasApiKey' | 'now'>,
): Promise<Response> {
  const { retries, hasApiKey, log, now } = dependencies;
  const path = outputPath(ids.jobId, ids.outputId);
  requireOperator(context, path);
  const { token: _, ...which } = await ownForm(context, path, now());
  const found = await findOutput(readingOf(dependencies).ledger, ids);
  if (found === null) throw noSuchOutput();
  if (!found.output.recoveries.some((file) => isNamed(file, which) && canBeRetried(file, hasApiKey))) {
    return context.redirect(`${path}?retry=nothing`, 303);
  }
  const requested = { by: requesterOf(context.var.visitor.name), at: now() };
  const request = { ...ids, ...which, requested } satisfies RetryRequest;
  await retries.request(request);
  log.info('retry requested', request);
  return context.redirect(`${path}?retry=queued`, 303);
}

/**
 * Recovered files are the customer's own content, and the link to one is a credential for minutes: they are the operator's.
 *
 * @param path of the record.
 */
function requireOperator(context: Context<DashboardEnv>, path: string): void {
  const { role, name } = context.var.visitor;
  if (role === 'operator') return;
  throw new HttpError(
    403,
    'Operators only',
    `${name} is a viewer, who sees every page but can neither retry nor download.`,
    { link: ['Sign in as an operator', signInPath(path)] },
  );
}

/** The form, if it came from a page of this dashboard. */
async function ownForm(context: Context<DashboardEnv>, path: string, now: number): Promise<RetryForm> {
  const { credential: secret } = context.var.visitor;
  const form = v.safeParse(retryForm, await readForm(context));
  if (form.success && isOwnForm(context, form.output.token, { secret, path, now })) return form.output;
  throw new HttpError(
    403,
    'Not accepted',
    'The form is too old or did not come from this dashboard. Open the record again and retry there.',
    { link: ['Open the record', path] },
  );
}

function isNamed(
  file: { readonly role: string; readonly fileId: string },
  { role, fileId }: Pick<RetryForm, 'role' | 'fileId'>,
): boolean {
  return (role === undefined || file.role === role) && (fileId === undefined || file.fileId === fileId);
}

async function findOutput(
  ledger: Ledger,
  { jobId, outputId }: OutputIds,
): Promise<{ readonly job: JobView; readonly output: OutputView } | null> {
  const job = await viewJob(ledger, jobId);
  const output = job?.outputs.find((each) => each.outputId === outputId);
  return job === null || output === undefined ? null : { job, output };
}

function noticeOf(text: string | undefined): RetryNotice | null {
  return text === 'queued' || text === 'nothing' ? text : null;
}

function noSuchOutput(leftOut: string | null = null): HttpError {
  const text = 'There is no such record, or the file is not in the bucket.';
  return new HttpError(404, 'Not found', text, { leftOut });
}
