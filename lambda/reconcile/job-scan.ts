import type { UnfinishedWalk, Watermark } from '../shared/ledger/watermark.ts';
import { HOUR_MS } from '../shared/runtime/durations.ts';
import type { JobDetails } from '../shared/zencoder/job-details.ts';

/**
 * How a walk over Zencoder's jobs, from the newest to the oldest, remembers where it is. Everything here is arithmetic
 * on ids, times and pages; `missed-outputs.ts` does the asking.
 */

/** Backup files of jobs that ended longer ago are gone. */
const LOOK_BACK_MS = 25 * HOUR_MS;
/** A notification gets so much time before the API is asked what it would have told. */
const GRACE_MS = 5 * 60 * 1000;
/** A job that has not changed for so long will not end any more. */
const ABANDONED_MS = 48 * HOUR_MS;

const ENDED: ReadonlySet<string | null> = new Set(['finished', 'failed', 'cancelled']);

/** What a page of jobs means for the walk. */
export interface PageVerdict {
  /** Jobs to look into: those that have ended and have not been looked at. */
  readonly jobs: readonly JobDetails[];
  /** The walk after this page; null when it is at its end. */
  readonly walk: UnfinishedWalk | null;
  /** As of this page: becomes `doneTo` at the end of the walk. */
  readonly top: string | null;
}

/**
 * Sorts a page out.
 *
 * @param now epoch milliseconds.
 */
export function judgePage(
  page: { readonly jobs: readonly JobDetails[]; readonly isLast: boolean; readonly number: number },
  { doneTo, walk }: Watermark,
  now: number,
): PageVerdict {
  const { jobs } = page;
  const fresh = jobs.filter(
    ({ job }) => isAbove(job.id, doneTo) && (walk === null || BigInt(job.id) < BigInt(walk.below)),
  );
  const ended = fresh.filter((job) => hasEnded(job, now));
  const open = fresh.filter((job) => !hasEnded(job, now) && !isOlder(job, now - ABANDONED_MS));
  // What is not at its end yet has to be looked at again, with all that is newer.
  const tops = [walk?.top ?? highest(jobs), ...open.map(({ job }) => before(job.id))];
  const top = lowest(tops);
  const reached = jobs.some(({ job }) => !isAbove(job.id, doneTo));
  const tooOld = jobs.length > 0 && jobs.every((job) => isOlder(job, now - LOOK_BACK_MS));
  const isOver = page.isLast || reached || tooOld || top === null;
  const below = lowest([walk?.below ?? null, ...jobs.map(({ job }) => job.id)]);
  return {
    jobs: ended.filter((job) => !isOlder(job, now - LOOK_BACK_MS)),
    top,
    walk: isOver || below === null ? null : { page: page.number + 1, below, top },
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
  return jobs.reduce<string | null>((most, { job }) => later(most, job.id), null);
}

function lowest(ids: readonly (string | null)[]): string | null {
  return ids.reduce((least, id) => {
    if (id === null || least === null) return id ?? least;
    return BigInt(id) < BigInt(least) ? id : least;
  }, null);
}
