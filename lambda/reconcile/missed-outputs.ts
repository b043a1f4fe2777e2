import { setTimeout as pause } from 'node:timers/promises';
import { isAmong } from '../shared/ledger/records.ts';
import { failureKey, recoveryKey } from '../shared/ledger/table.ts';
import type { Watermark } from '../shared/ledger/watermark.ts';
import { outputMessages } from '../shared/queue/messages.ts';
import { MINUTE_MS } from '../shared/runtime/durations.ts';
import { categoryOf, RecoveryError } from '../shared/runtime/errors.ts';
import { redact } from '../shared/runtime/redact.ts';
import type { ZencoderApi } from '../shared/zencoder/api.ts';
import { NotAtZencoder } from '../shared/zencoder/api-errors.ts';
import { type FailedOutput, findFailedOutputs } from '../shared/zencoder/failed-outputs.ts';
import { type JobDetails, UnexpectedApiResponse } from '../shared/zencoder/job-details.ts';
import { fileIdOf } from '../shared/zencoder/signed-url.ts';
import type { ReconcileTools } from './dependencies.ts';
import { judgePage, later } from './job-scan.ts';

/** Of the 60 requests a minute that the account has, one run of five minutes takes no more than this. */
const MAX_PAGES = 15;
/** After a page with so many jobs that had to be asked for one by one, the next page waits for the next run. */
const MANY_DETAILS = 5;
/** Left for workers that need a fresh URL. */
const LEAVE_REQUESTS = 20;
/** After this time the API's limit begins anew. */

/** The evidence of all that the API names: a file that was lost to one of its answers is not asked for by the next. */
const API_EVIDENCE = 'zencoder-api';

/** A run ends before it has looked at a whole page. */
class OutOfTime extends RecoveryError {
  override readonly name = 'OutOfTime';
  override readonly category = 'transient';
}

/** What a walk over Zencoder's jobs came to. */
export interface WalkSummary {
  readonly pages: number;
  readonly jobs: number;
  /** Outputs that no notification told of. */
  readonly missed: number;
  /** Whether the walk goes on at the next run. */
  readonly unfinished: boolean;
}

/**
 * Compares Zencoder's recent jobs with the ledger, newest first, and queues what no notification told of. It stops at
 * what an earlier run has looked at, at jobs whose files are gone, or when it has used its share of the API's rate
 * limit, and goes on there at the next run. Two runs at once queue the same output twice, which does no harm.
 *
 * @param stopAt epoch milliseconds by which no further page is asked for.
 */
export async function findMissed(
  api: ZencoderApi,
  tools: ReconcileTools,
  stopAt: number,
): Promise<WalkSummary> {
  const { ledger, now } = tools;
  const seen = await ledger.watermark.read();
  let watermark: Watermark = seen;
  const counts = { pages: 0, jobs: 0, missed: 0, details: 0 };
  try {
    do {
      const number = watermark.walk?.page ?? 1;
      const page = await api.listJobs(number);
      counts.pages += 1;
      const verdict = judgePage({ ...page, number }, watermark, now());
      for (const job of verdict.jobs) {
        counts.jobs += 1;
        counts.missed += await queueMissed(await inDetail(job, api, tools, counts, stopAt), tools);
      }
      const doneTo = verdict.walk === null ? later(watermark.doneTo, verdict.top) : watermark.doneTo;
      watermark = { doneTo, walk: verdict.walk };
    } while (watermark.walk !== null && mayGoOn(api, counts) && now() < stopAt);
  } catch (error) {
    reportFault(error, tools);
  }
  if (counts.pages > 0) await ledger.watermark.save(seen, watermark);
  const { pages, jobs, missed } = counts;
  return { pages, jobs, missed, unfinished: watermark.walk !== null };
}

function mayGoOn(api: ZencoderApi, { pages, details }: { pages: number; details: number }): boolean {
  return pages < MAX_PAGES && details < MANY_DETAILS && hasRequestsLeft(api);
}

function hasRequestsLeft({ remaining }: ZencoderApi): boolean {
  return remaining === null || remaining > LEAVE_REQUESTS;
}

/**
 * Lists of jobs are not documented to tell that the backup server was used. Where they do not, a file on Zencoder's
 * storage may still be a backup file: the job itself is asked for, at the pace of the API's limit, so that no job of a
 * page is passed over.
 *
 * @throws {OutOfTime} when the limit cannot be waited for; the page is looked at again by the next run.
 */
async function inDetail(
  job: JobDetails,
  api: ZencoderApi,
  { settings, logger, now }: ReconcileTools,
  counts: { details: number },
  stopAt: number,
): Promise<JobDetails> {
  const isSilent = job.outputs.every(
    (output) =>
      !output.backupServerUsed && output.uploadError === null && output.thumbnailUploadError === null,
  );
  const onStorage = job.outputs.some(({ url }) => settings.storage.admit(url ?? '').kind === 'admitted');
  if (!isSilent || !onStorage || settings.collectUnsentOutputs) return job;
  if (!hasRequestsLeft(api)) {
    if (now() + MINUTE_MS > stopAt) throw new OutOfTime("the rate limit of Zencoder's API is used up");
    await pause(MINUTE_MS);
  }
  counts.details += 1;
  try {
    return await api.getJob(job.job.id);
  } catch (error) {
    // One job that the API cannot tell about must not keep the walk from all others.
    if (!(error instanceof NotAtZencoder || error instanceof UnexpectedApiResponse)) throw error;
    logger.warn('job not told in detail', { jobId: job.job.id, errorClass: error.name });
    return job;
  }
}

async function queueMissed(job: JobDetails, tools: ReconcileTools): Promise<number> {
  const { ledger, send, settings, logger, now } = tools;
  const decisions = findFailedOutputs(job, settings, now()).map((decision) => withoutEnded(decision, now()));
  if (decisions.length === 0) return 0;
  const noted = ledger.noting();
  const records = await noted.ledger.queries.readJob(job.job.id);
  // A file that was lost and that Zencoder still names may be recovered now: once, whatever else asks for it.
  const recoveries = records.recoveries.filter(
    ({ state, spentEvidence }) => state !== 'lost' || isAmong(spentEvidence, API_EVIDENCE),
  );
  // What cannot be read is there all the same, and not to be queued again.
  const unreadable = [...noted.unreadable.values()].map(({ key }) => key);
  const keys = [...records.failures.map(failureKey), ...recoveries.map(recoveryKey), ...unreadable];
  const known = new Set(keys.map(({ sk }) => sk));
  const missed = decisions.filter((decision) => isMissing(job.job.id, decision, known));
  for (const { output, files, failures } of missed) {
    const facts = { jobId: job.job.id, outputId: output.id, files: files.length, failures: failures.length };
    logger.warn('found an output that no notification recovers', facts);
  }
  const messages = missed.flatMap((decision) => outputMessages(job.job, decision, 'reconcile'));
  await send(messages.map((message) => ({ ...message, evidence: API_EVIDENCE })));
  return missed.length;
}

/** Files that are gone are not to be had; that their upload failed is recorded all the same. */
function withoutEnded(decision: FailedOutput, now: number): FailedOutput {
  return { ...decision, files: decision.files.filter(({ deadline }) => deadline > now) };
}

/**
 * Whether the ledger lacks a failure or a file.
 *
 * @param known sort keys of the job's items, but those that do not count.
 */
function isMissing(
  jobId: string,
  { output, failures, files }: FailedOutput,
  known: ReadonlySet<string>,
): boolean {
  const of = { jobId, outputId: output.id };
  return (
    failures.some(({ role }) => !known.has(failureKey({ ...of, role }).sk)) ||
    files.some(({ role, url }) => !known.has(recoveryKey({ ...of, role, fileId: fileIdOf(url) }).sk))
  );
}

function reportFault(error: unknown, { logger, meter }: ReconcileTools): void {
  const errorClass = error instanceof Error ? error.name : 'UnknownFault';
  const fault = { errorClass, message: redact(error instanceof Error ? error.message : String(error)) };
  if (categoryOf(error) === 'action-required') {
    logger.error('the Zencoder API key is of no use', { fault });
    meter.add('actionRequired', 1, errorClass);
  } else logger.warn('walk over the jobs cut short', { fault });
}
