import { setTimeout as pause } from 'node:timers/promises';
import { isAmong, type RecoveryRecord } from '../shared/ledger/records.ts';
import { failureItemKey, recoveryItemKey } from '../shared/ledger/table.ts';
import type { Watermark } from '../shared/ledger/watermark.ts';
import { outputMessages } from '../shared/queue/messages.ts';
import { MINUTE_MS } from '../shared/runtime/durations.ts';
import { summarizeError } from '../shared/runtime/error-summary.ts';
import { RecoveryError } from '../shared/runtime/errors.ts';
import type { ZencoderApi } from '../shared/zencoder/api.ts';
import { NotAtZencoder } from '../shared/zencoder/api-errors.ts';
import { type FailedOutput, findFailedOutputs } from '../shared/zencoder/failed-outputs.ts';
import { type JobDetails, UnexpectedApiResponse } from '../shared/zencoder/job-details.ts';
import { fileIdOf } from '../shared/zencoder/signed-url.ts';
import type { ReconcileDependencies } from './dependencies.ts';
import { later, scanPage } from './job-scan.ts';

/** Of the 60 requests a minute that the account has, one run of five minutes takes no more than this. */
const MAX_PAGES = 15;
/** After a page with this many jobs that had to be requested one by one, the next page waits for the next run. */
const MANY_DETAILS = 5;
/** Requests left for workers that need a fresh URL. */
const LEAVE_REQUESTS = 20;
/** The limit of the API is renewed after this time. */
const LIMIT_RENEWAL_MS = MINUTE_MS;

/** The evidence of all that the API names: a file that was lost to one of its responses is not asked for by the next. */
const API_EVIDENCE = 'zencoder-api';

/** A run ends before it has checked a whole page. */
class OutOfTime extends RecoveryError {
  override readonly name = 'OutOfTime';
  override readonly category = 'transient';
}

/** The result of a scan of Zencoder's jobs. */
export interface ScanSummary {
  readonly pages: number;
  readonly jobs: number;
  /** Outputs without a notification. */
  readonly missed: number;
  /** Whether the scan continues at the next run. */
  readonly unfinished: boolean;
}

/** What a scan works with: everything of reconcile's but what open recoveries and events need. */
type ScanDependencies = Pick<
  ReconcileDependencies,
  'ledger' | 'send' | 'settings' | 'meter' | 'logger' | 'now'
> & { readonly api: ZencoderApi };

/** What a scan has done so far. */
interface ScanProgress {
  pages: number;
  jobs: number;
  missed: number;
  details: number;
  /** Epoch milliseconds by which no further page is requested. */
  readonly stopAt: number;
}

/**
 * Compares Zencoder's recent jobs with the ledger, newest first, and queues outputs without a notification. It stops at
 * jobs that an earlier run has checked, at jobs whose files are gone, or when it has used its share of the API's rate
 * limit, and continues there at the next run. Two runs at once queue the same output twice, which does no harm.
 *
 * @param stopAt epoch milliseconds by which no further page is requested.
 */
export async function findMissed(stopAt: number, dependencies: ScanDependencies): Promise<ScanSummary> {
  const { api, ledger, now } = dependencies;
  const seen = await ledger.watermark.read();
  let watermark: Watermark = seen;
  const progress: ScanProgress = { pages: 0, jobs: 0, missed: 0, details: 0, stopAt };
  try {
    do {
      const number = watermark.scan?.page ?? 1;
      const page = await api.listJobs(number);
      progress.pages += 1;
      const scanned = scanPage({ ...page, number }, watermark, now());
      for (const job of scanned.jobs) {
        progress.jobs += 1;
        const detailed = await inDetail(job, progress, dependencies);
        progress.missed += await queueMissed(detailed, dependencies);
      }
      const doneTo = scanned.scan === null ? later(watermark.doneTo, scanned.top) : watermark.doneTo;
      watermark = { doneTo, scan: scanned.scan };
    } while (watermark.scan !== null && mayContinue(api, progress) && now() < stopAt);
  } catch (error) {
    reportError(error, dependencies);
  }
  const { pages, jobs, missed } = progress;
  if (pages > 0) await ledger.watermark.save(seen, watermark);
  return { pages, jobs, missed, unfinished: watermark.scan !== null };
}

function mayContinue(api: ZencoderApi, { pages, details }: ScanProgress): boolean {
  return pages < MAX_PAGES && details < MANY_DETAILS && hasRequestsLeft(api);
}

function hasRequestsLeft({ remaining }: ZencoderApi): boolean {
  return remaining === null || remaining > LEAVE_REQUESTS;
}

/**
 * Lists of jobs are not documented to report that the backup server was used. Where they do not, a file on Zencoder's
 * storage may still be a backup file: the job itself is requested, at the pace of the API's limit, so that no job of a
 * page is passed over.
 *
 * @throws {OutOfTime} when the limit cannot be waited for; the page is checked again by the next run.
 */
async function inDetail(
  job: JobDetails,
  progress: ScanProgress,
  {
    api,
    settings,
    logger,
    now,
  }: Pick<ReconcileDependencies, 'settings' | 'logger' | 'now'> & { readonly api: ZencoderApi },
): Promise<JobDetails> {
  const isSilent = job.outputs.every(
    (output) =>
      !output.backupServerUsed && output.uploadError === null && output.thumbnailUploadError === null,
  );
  const onStorage = job.outputs.some(({ url }) => settings.storage.admit(url ?? '').kind === 'admitted');
  if (!isSilent || !onStorage || settings.collectUnsentOutputs) return job;
  if (!hasRequestsLeft(api)) {
    if (now() + LIMIT_RENEWAL_MS > progress.stopAt) {
      throw new OutOfTime("the rate limit of Zencoder's API is used up");
    }
    await pause(LIMIT_RENEWAL_MS);
  }
  progress.details += 1;
  try {
    return await api.getJob(job.job.id);
  } catch (error) {
    // One job that the API does not return must not keep the scan from all others.
    if (!(error instanceof NotAtZencoder || error instanceof UnexpectedApiResponse)) throw error;
    logger.warn('job not returned in detail', { jobId: job.job.id, errorClass: error.name });
    return job;
  }
}

async function queueMissed(
  job: JobDetails,
  { ledger, send, settings, logger, now }: Omit<ScanDependencies, 'api' | 'meter'>,
): Promise<number> {
  if (findFailedOutputs(job, settings, now()).length === 0) return 0;
  const own = ledger.withUnreadable();
  const records = await own.ledger.queries.readJob(job.job.id);
  const failed = findFailedOutputs(withOwners(job, records.recoveries, settings), settings, now()).map(
    (output) => withoutExpired(output, now()),
  );
  // A file that was lost and that Zencoder still names may be recovered now: once, whatever else asks for it.
  const recoveries = records.recoveries.filter(
    ({ state, spentEvidence }) => state !== 'lost' || isAmong(spentEvidence, API_EVIDENCE),
  );
  // A record that cannot be read is there all the same, and not to be queued again.
  const unreadable = [...own.unreadable.values()].map(({ key }) => key);
  const keys = [...records.failures.map(failureItemKey), ...recoveries.map(recoveryItemKey), ...unreadable];
  const known = new Set(keys.map(({ sk }) => sk));
  const missed = failed.filter((output) => isMissing(job.job.id, output, known));
  for (const { output, files, failures } of missed) {
    const facts = { jobId: job.job.id, outputId: output.id, files: files.length, failures: failures.length };
    logger.warn('found an output that no notification recovers', facts);
  }
  const messages = missed.flatMap((output) => outputMessages(job.job, output, 'reconcile'));
  await send(messages.map((message) => ({ ...message, evidence: API_EVIDENCE })));
  return missed.length;
}

/**
 * The API lists the thumbnails of a job beside its outputs. Where more than one output can own an image, it goes to the one
 * whose record has the file, else to the first that used the backup server: that it is recovered matters more than under
 * which output.
 */
function withOwners(
  job: JobDetails,
  recoveries: readonly Pick<RecoveryRecord, 'fileId' | 'outputId'>[],
  { storage }: Pick<ReconcileDependencies['settings'], 'storage'>,
): JobDetails {
  const first = job.outputs.find(({ backupServerUsed }) => backupServerUsed);
  if (first === undefined || job.unassignedThumbnails.length === 0) return job;
  const ownerOf = new Map(recoveries.map(({ fileId, outputId }) => [fileId, outputId]));
  const byOwner = Map.groupBy(job.unassignedThumbnails, ({ url }) => {
    const admission = storage.admit(url);
    return (admission.kind === 'admitted' && ownerOf.get(fileIdOf(admission.file))) || first.id;
  });
  const outputs = job.outputs.map((output) => ({
    ...output,
    thumbnails: [...output.thumbnails, ...(byOwner.get(output.id) ?? [])],
  }));
  return { ...job, outputs, unassignedThumbnails: [] };
}

/** Files past their deadline are gone; that their upload failed is recorded all the same. */
function withoutExpired(failed: FailedOutput, now: number): FailedOutput {
  return { ...failed, files: failed.files.filter(({ deadline }) => deadline > now) };
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
    failures.some(({ role }) => !known.has(failureItemKey({ ...of, role }).sk)) ||
    files.some(({ role, url }) => !known.has(recoveryItemKey({ ...of, role, fileId: fileIdOf(url) }).sk))
  );
}

function reportError(
  cause: unknown,
  { logger, meter }: Pick<ReconcileDependencies, 'logger' | 'meter'>,
): void {
  const { errorClass, category, message } = summarizeError(cause);
  const error = { errorClass, message };
  if (category === 'action-required') {
    logger.error('the Zencoder API key is of no use', { error });
    meter.add('actionRequired', 1, errorClass);
  } else logger.warn('scan of the jobs cut short', { error });
}
