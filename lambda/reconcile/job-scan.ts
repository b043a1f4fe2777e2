import type { UnfinishedScan, Watermark } from '../shared/ledger/watermark.ts';
import { HOUR_MS } from '../shared/runtime/durations.ts';
import type { JobDetails } from '../shared/zencoder/job-details.ts';

/**
 * How a scan of Zencoder's jobs, from the newest to the oldest, remembers its position. Everything here is arithmetic on
 * ids, times and pages; `missed-outputs.ts` sends the requests.
 */

/** Backup files of jobs that ended longer ago are gone. */
const LOOK_BACK_MS = 25 * HOUR_MS;
/** A notification gets this much time before the API is asked for the same. */
const GRACE_MS = 5 * 60 * 1000;
/** A job that has not changed for this long will not end any more. */
const ABANDONED_MS = 48 * HOUR_MS;

const ENDED: ReadonlySet<string | null> = new Set(['finished', 'failed', 'cancelled']);

/** What a page of jobs means for the scan. */
export interface ScannedPage {
  /** Jobs to check: those that have ended and were not checked before. */
  readonly jobs: readonly JobDetails[];
  /** The scan after this page; null when it is at its end. */
  readonly scan: UnfinishedScan | null;
  /** As of this page: becomes `doneTo` at the end of the scan. */
  readonly top: string | null;
}

/**
 * Decides which jobs of a page are checked, and where the scan continues.
 *
 * @param now epoch milliseconds.
 */
export function scanPage(
  page: { readonly jobs: readonly JobDetails[]; readonly isLast: boolean; readonly number: number },
  { doneTo, scan }: Watermark,
  now: number,
): ScannedPage {
  const { jobs } = page;
  const fresh = jobs.filter(
    ({ job }) => isAbove(job.id, doneTo) && (scan === null || BigInt(job.id) < BigInt(scan.below)),
  );
  const ended = fresh.filter((job) => hasEnded(job, now));
  const open = fresh.filter((job) => !hasEnded(job, now) && !isOlder(job, now - ABANDONED_MS));
  // A job that has not ended has to be checked again, with all that are newer.
  const tops = [scan?.top ?? highest(jobs), ...open.map(({ job }) => before(job.id))];
  const top = lowest(tops);
  const reached = jobs.some(({ job }) => !isAbove(job.id, doneTo));
  const tooOld = jobs.length > 0 && jobs.every((job) => isOlder(job, now - LOOK_BACK_MS));
  const isOver = page.isLast || reached || tooOld || top === null;
  const below = lowest([scan?.below ?? null, ...jobs.map(({ job }) => job.id)]);
  return {
    jobs: ended.filter((job) => !isOlder(job, now - LOOK_BACK_MS)),
    top,
    scan: isOver || below === null ? null : { page: page.number + 1, below, top },
  };
}

/** The later of two jobs; a watermark never moves back. */
export function later(id: string | null, other: string | null): string | null {
  if (id === null || other === null) return id ?? other;
  return BigInt(id) > BigInt(other) ? id : other;
}

function hasEnded(job: JobDetails, now: number): boolean {
  return ENDED.has(job.jobState) && !(job.jobUpdatedAt !== null && job.jobUpdatedAt > now - GRACE_MS);
}

function isOlder({ jobUpdatedAt }: JobDetails, time: number): boolean {
  return jobUpdatedAt !== null && jobUpdatedAt < time;
}

function isAbove(id: string, doneTo: string | null): boolean {
  return doneTo === null || BigInt(id) > BigInt(doneTo);
}

function before(id: string): string {
  return String(BigInt(id) - 1n);
}

function highest(jobs: readonly JobDetails[]): string | null {
  return jobs.reduce<string | null>((max, { job }) => later(max, job.id), null);
}

function lowest(ids: readonly (string | null)[]): string | null {
  return ids.reduce((min, id) => {
    if (id === null || min === null) return id ?? min;
    return BigInt(id) < BigInt(min) ? id : min;
  }, null);
}
