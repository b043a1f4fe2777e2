import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HOUR_MS } from '../../../lambda/shared/runtime/durations.ts';
import { aDashboard } from '../../support/dashboard.ts';
import { copying, failUpload, gone, recovered, refusedByBucket } from '../../support/dashboard-data.ts';
import { NOW } from '../../support/ledger-data.ts';
import { startLedger, type TestLedger } from '../../support/ledger-table.ts';

let ledger: TestLedger;
const lostFile = { jobId: '501', outputId: '601' };
beforeAll(async () => {
  ledger = await startLedger();
  await recovered(ledger, { jobId: '500', outputId: '600', failedAt: NOW - HOUR_MS, test: true });
  await gone(ledger, 'lost', { ...lostFile, failedAt: NOW - 2 * HOUR_MS });
  await copying(ledger, { jobId: '502', outputId: '602', failedAt: NOW - 3 * HOUR_MS, bytesDone: 400 });
  await refusedByBucket(ledger, { jobId: '503', outputId: '603', failedAt: NOW - 4 * HOUR_MS });
  const failure = { errorClass: 'BrandNewError', destinationHost: 'new.example' };
  await failUpload(ledger, { jobId: '504', outputId: '604', failedAt: NOW - 5 * HOUR_MS, failure });
});
afterAll(() => ledger.close());

/** The fields of API responses that the tests read. */
interface ApiResponse {
  readonly items: readonly { readonly jobId: string }[];
  readonly cursor: string | null;
  readonly countsAreComplete: boolean;
  readonly outputs: readonly { readonly recoveries: readonly { readonly download: string }[] }[];
}

async function json(path: string, status = 200): Promise<ApiResponse> {
  const response = await aDashboard(ledger).get(path);
  expect(response.status).toBe(status);
  expect(response.headers.get('content-type')).toMatch(
    status === 200 ? /^application\/json/ : /^application\/problem\+json/,
  );
  return JSON.parse(await response.text());
}

const jobsOf = (list: ApiResponse) => list.items.map(({ jobId }) => jobId);

describe('GET /api/failures', () => {
  it('returns every field of a failure, with the state of its recovery', async () => {
    const { items } = await json('/api/failures?limit=1');
    expect(items).toEqual([
      {
        jobId: '500',
        outputId: '600',
        role: 'media',
        label: 'hd',
        outputType: 'standard',
        passThrough: '{"show":"ep-103"}',
        test: true,
        errorClass: 'UploadAccessDeniedError',
        message: 'Access was denied while uploading to s3://acme-video-out/hd.mp4.',
        link: 'https://app.zencoder.com/docs/errors/UploadAccessDeniedError',
        destinationHost: 'acme-video-out',
        failedAt: '2026-03-15T11:00:00.000Z',
        recordedAt: '2026-03-15T12:00:00.000Z',
        recovery: {
          state: 'recovered',
          files: 1,
          counts: { pending: 0, copying: 0, recovered: 1, lost: 0, failed: 0 },
          deadline: null,
        },
      },
    ]);
  });

  it.each([
    ['', ['500', '501', '502', '503', '504']],
    ['?error=BrandNewError', ['504']],
    ['?host=NEW.example', ['504']],
    ['?role=thumbnail', []],
    ['?since=2026-03-15T09:30Z&until=2026-03-15T10:30Z', ['501']],
    ['?state=lost', ['501']],
    ['?state=open', ['502', '503']],
    ['?state=copying', ['502']],
    ['?state=pending&error=UploadAccessDeniedError', ['503']],
    ['?state=lost&host=new.example', []],
  ])('returns for %s the jobs %j', async (query, expected) => {
    expect(jobsOf(await json(`/api/failures${query}`)).toSorted()).toEqual(expected);
  });

  it('returns everything once over its pages', async () => {
    const seen: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const page: ApiResponse = await json(`/api/failures?limit=2&cursor=${cursor}`);
      seen.push(...jobsOf(page));
      cursor = page.cursor;
    }
    expect(seen).toEqual(['500', '501', '502', '503', '504']);
  });

  it('returns a problem document for an invalid query', async () => {
    expect(await json('/api/failures?limit=1000', 400)).toEqual({
      type: 'about:blank',
      title: 'Bad request',
      status: 400,
      detail: 'limit must be a whole number from 1 to 100',
    });
    expect(await json('/api/failures?cursor=zzz', 400)).toMatchObject({ status: 400 });
  });
});

describe('GET /api/recoveries', () => {
  it('returns open recoveries by deadline, or those of the given state', async () => {
    expect(jobsOf(await json('/api/recoveries')).toSorted()).toEqual(['502', '503']);
    expect(jobsOf(await json('/api/recoveries?state=lost'))).toEqual(['501']);
    const [copied] = (await json('/api/recoveries?state=copying')).items;
    expect(copied).toMatchObject({ state: 'copying', bytesDone: 400, bytesTotal: 1000, object: null });
  });

  it('returns error and history of each recovery, but not the owner of its lease', async () => {
    const { items } = await json('/api/recoveries?state=pending');
    expect(items[0]).toMatchObject({
      state: 'pending',
      attempts: 1,
      nextAttemptAt: '2026-03-15T13:00:00.000Z',
      lastError: { errorClass: 'BucketAccessDenied', category: 'action-required' },
      history: [{ category: 'action-required', message: 'no s3:PutObject' }],
      download: null,
    });
    expect(JSON.stringify(await json('/api/recoveries'))).not.toMatch(/lease|owner|Signature/);
  });
});

describe('GET /api/jobs/:id', () => {
  it('returns the outputs of a job with failures and recoveries', async () => {
    const job = await json('/api/jobs/500');
    expect(job).toMatchObject({
      jobId: '500',
      test: true,
      outputs: [
        {
          outputId: '600',
          failures: [{ errorClass: 'UploadAccessDeniedError' }],
          recoveries: [{ state: 'recovered', object: { bucket: 'recovered-files', size: 1000 } }],
        },
      ],
    });
    const download = job.outputs[0]?.recoveries[0]?.download;
    expect((await aDashboard(ledger).get(download ?? '')).status).toBe(303);
  });

  it('returns a problem document for an unknown job', async () => {
    expect(await json('/api/jobs/999', 404)).toMatchObject({ status: 404, title: 'Not found' });
    expect(await json('/api/jobs/abc', 404)).toMatchObject({ status: 404 });
  });
});

describe('GET /api/errors', () => {
  it('returns all known classes with their counts, and unknown ones as received', async () => {
    const { items, countsAreComplete } = await json('/api/errors');
    expect(countsAreComplete).toBe(true);
    expect(items[0]).toMatchObject({
      errorClass: 'UploadAccessDeniedError',
      isKnown: true,
      counts: { lastDay: 4, lastWeek: 4, lastMonth: 4 },
      lastSeenAt: '2026-03-15T11:00:00.000Z',
    });
    expect(items[1]).toMatchObject({ errorClass: 'BrandNewError', isKnown: false, explanation: null });
    expect(items).toHaveLength(15);
    expect(items[14]).toMatchObject({ counts: { lastMonth: 0 }, lastSeenAt: null });
  });
});
