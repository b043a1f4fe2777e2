import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { later, scanPage } from '../../../lambda/reconcile/job-scan.ts';
import type { Watermark } from '../../../lambda/shared/ledger/watermark.ts';
import { HOUR_MS, MINUTE_MS } from '../../../lambda/shared/runtime/durations.ts';
import type { JobDetails } from '../../../lambda/shared/zencoder/job-details.ts';

const NOW = Date.parse('2026-03-15T12:00:00Z');
const PER_PAGE = 5;

function aJob(id: number | string, given: { state?: string; updatedAt?: number | null } = {}): JobDetails {
  return {
    kind: 'job',
    job: { id: String(id), passThrough: null, test: false },
    jobState: given.state ?? 'finished',
    jobUpdatedAt: given.updatedAt === undefined ? NOW - HOUR_MS : given.updatedAt,
    inputFailed: false,
    outputs: [],
    unreadable: 0,
    beyond: 0,
    unassignedThumbnails: [],
  };
}

const START: Watermark = { doneTo: null, scan: null };
const idsOf = (jobs: readonly JobDetails[]) => jobs.map(({ job }) => Number(job.id));

/** Scans as reconcile does, `budget` pages a run, until a run completes the scan. */
function scanAll(list: readonly JobDetails[], from: Watermark, budget = 100) {
  const visited: number[] = [];
  let watermark = from;
  let runs = 0;
  do {
    runs += 1;
    for (let pages = 0; pages < budget; pages++) {
      const number = watermark.scan?.page ?? 1;
      const jobs = list.slice((number - 1) * PER_PAGE, number * PER_PAGE);
      const scanned = scanPage({ jobs, number, isLast: jobs.length < PER_PAGE }, watermark, NOW);
      visited.push(...idsOf(scanned.jobs));
      const doneTo = scanned.scan === null ? later(watermark.doneTo, scanned.top) : watermark.doneTo;
      watermark = { doneTo, scan: scanned.scan };
      if (scanned.scan === null) break;
    }
  } while (watermark.scan !== null && runs < 100);
  return { visited, watermark, runs };
}

const newest = (count: number) => Array.from({ length: count }, (_, index) => aJob(count - index));

describe('scanPage', () => {
  it('returns every job once, newest first, with any budget of pages per run', () => {
    fc.assert(
      fc.property(fc.nat(60), fc.integer({ min: 1, max: 10 }), (count, budget) => {
        const list = newest(count);
        const { visited, watermark } = scanAll(list, START, budget);
        expect(visited).toEqual(idsOf(list));
        expect(watermark).toEqual({ doneTo: count === 0 ? null : String(count), scan: null });
      }),
    );
  });

  it('stops at the jobs that an earlier scan has read', () => {
    const { visited, watermark } = scanAll(newest(23), { doneTo: '18', scan: null });
    expect(visited).toEqual([23, 22, 21, 20, 19]);
    expect(watermark.doneTo).toBe('23');
    expect(scanAll(newest(23), watermark).visited).toEqual([]);
  });

  it('misses no job when new jobs are created between two runs of a scan', () => {
    const first = scanPage({ jobs: newest(12).slice(0, PER_PAGE), number: 1, isLast: false }, START, NOW);
    const between = { doneTo: null, scan: first.scan };
    const { visited, watermark } = scanAll(newest(15), between);
    expect(visited).toEqual([7, 6, 5, 4, 3, 2, 1]);
    expect(watermark.doneTo).toBe('12');
    expect(scanAll(newest(15), watermark).visited).toEqual([15, 14, 13]);
  });

  it('keeps the watermark below jobs that have not ended, or ended within the last minutes', () => {
    const list = [
      aJob(9),
      aJob(8, { updatedAt: NOW - MINUTE_MS }),
      aJob(7, { state: 'processing' }),
      aJob(6),
      aJob(5),
    ];
    const { visited, watermark } = scanAll(list, START);
    expect(visited).toEqual([9, 6, 5]);
    expect(watermark.doneTo).toBe('6');
  });

  it('moves the watermark past an open job that has not changed for two days', () => {
    const list = [aJob(3), aJob(2, { state: 'processing', updatedAt: NOW - 49 * HOUR_MS }), aJob(1)];
    expect(scanAll(list, START).watermark.doneTo).toBe('3');
  });

  it('ends the scan at a page whose jobs are all so old that their files are gone', () => {
    const old = { updatedAt: NOW - 26 * HOUR_MS };
    const list = [6, 5, 4, 3, 2, 1].flatMap((page) =>
      Array.from({ length: PER_PAGE }, (_, index) =>
        aJob(page * PER_PAGE - index, page <= 4 ? old : { updatedAt: NOW - HOUR_MS }),
      ),
    );
    const { visited, watermark } = scanAll(list, START);
    expect(visited).toEqual([30, 29, 28, 27, 26, 25, 24, 23, 22, 21]);
    expect(watermark).toEqual({ doneTo: '30', scan: null });
  });

  it('requests no page after one that holds a job already read, or only old jobs', () => {
    const scanAfter = (jobs: readonly JobDetails[], doneTo: string | null) =>
      scanPage({ jobs, number: 1, isLast: false }, { doneTo, scan: null }, NOW).scan;
    const old = { updatedAt: NOW - 26 * HOUR_MS };

    expect(scanAfter([aJob(3), aJob(2)], '1')).toEqual({ page: 2, below: '2', top: '3' });
    expect(scanAfter([aJob(3), aJob(2)], '2')).toBeNull();
    expect(scanAfter([aJob(3), aJob(2, old)], null)).toEqual({ page: 2, below: '2', top: '3' });
    expect(scanAfter([aJob(3, old), aJob(2, old)], null)).toBeNull();
  });

  it('compares ids as numbers beyond 2^53', () => {
    const list = [aJob('18446744073709551615'), aJob('9007199254740993'), aJob('9007199254740992')];
    const { watermark } = scanAll(list, { doneTo: '9007199254740992', scan: null });
    expect(watermark.doneTo).toBe('18446744073709551615');
    const [, second] = list;
    expect(
      second &&
        scanPage({ jobs: list, number: 1, isLast: true }, { doneTo: '9007199254740992', scan: null }, NOW)
          .jobs,
    ).toHaveLength(2);
  });
});
