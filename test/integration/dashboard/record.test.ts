import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HOUR_MS } from '../../../lambda/shared/runtime/durations.ts';
import { aDashboard } from '../../support/dashboard.ts';
import {
  copying,
  failUpload,
  gone,
  linkIn,
  recovered,
  refusedByBucket,
  textOf,
  waiting,
} from '../../support/dashboard-data.ts';
import { aFailure, anOutput, asRecovered, NOW, thumbnails } from '../../support/ledger-data.ts';
import { startLedger, type TestLedger } from '../../support/ledger-table.ts';
import { openRecoveries } from '../../support/open-recoveries.ts';

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await startLedger();
});
afterAll(() => ledger.close());

async function page(path: string): Promise<string> {
  const response = await aDashboard(ledger).get(path);
  expect(response.status).toBe(200);
  return await response.text();
}

function recordOf({ jobId, outputId }: { jobId: string; outputId: string }): string {
  return `/jobs/${jobId}/outputs/${outputId}`;
}

describe('the page of a job', () => {
  it('has a banner when an output used the backup server, with the outcome of its files', async () => {
    const { jobId } = await recovered(ledger);
    await copying(ledger, { jobId, bytesDone: 250 });
    const text = textOf(await page(`/jobs/${jobId}`));
    expect(text).toContain('Backup server used Zencoder could not upload files of 2 outputs');
    expect(text).toContain('1 file is in your bucket. 1 file is being recovered. Nearest deadline: 20h left');
  });

  it('shows progress, flags and a link to the record of each output', async () => {
    const record = await copying(ledger, { label: 'web-720', bytesDone: 250 });
    const html = await page(`/jobs/${record.jobId}`);
    expect(html).toMatch(/<progress class="info" value="250" max="1000" aria-label="Recovered of web-720">/);
    expect(textOf(html)).toMatch(
      /250 bytes of 1.0 kB \(25 %\).*Backup server used.*Media upload failed: UploadAccessDeniedError/,
    );
    expect(linkIn(html, '<bdi>web-720')).toBe(recordOf(record));
  });

  it('marks a test job and shows its pass_through', async () => {
    const { jobId } = await recovered(ledger, { test: true, passThrough: '{"asset":"ep-9"}' });
    const text = textOf(await page(`/jobs/${jobId}`));
    expect(text).toContain('Test job Zencoder cuts the outputs of test jobs to five seconds.');
    expect(text).toContain('{"asset":"ep-9"}');
  });

  it('shows warnings beside failures', async () => {
    const record = await copying(ledger);
    const { settlement } = asRecovered(record);
    const warned = { ...settlement, warnings: ['the object is 3 bytes longer than announced'] };
    await ledger.recoveries.settle([{ record, settlement: warned }]);
    expect(textOf(await page(`/jobs/${record.jobId}`))).toContain('1 warning');
    expect(textOf(await page(recordOf(record)))).toContain('the object is 3 bytes longer than announced');
  });

  it('reports that no file was saved', async () => {
    const { job } = await failUpload(ledger);
    expect(textOf(await page(`/jobs/${job.id}`))).toContain(
      'Upload failed, and no file is on the backup server',
    );
  });

  it('returns 404 for an unknown job and for an invalid id', async () => {
    const { get } = aDashboard(ledger);
    const unknown = await get('/jobs/999999999');
    expect(unknown.status).toBe(404);
    expect(textOf(await unknown.text())).toContain('There is no record of a failed upload of job 999999999');
    for (const path of ['/jobs/abc', '/jobs/1/outputs/x', '/jobs/1/outputs/2', '/jobs/1/']) {
      expect((await get(path)).status).toBe(404);
    }
  });

  it('opens from a search for its id', async () => {
    const { get } = aDashboard(ledger);
    expect((await get('/jobs?id=+42+')).headers.get('location')).toBe('/jobs/42');
    expect((await get('/jobs?id=//evil.example')).headers.get('location')).toBe('/');
  });
});

describe('the record of an output', () => {
  it('shows the error, its meaning, its fix and a link to its documentation', async () => {
    const record = await waiting(ledger);
    const html = await page(recordOf(record));
    const text = textOf(html);
    expect(text).toContain('Access was denied while uploading to s3://acme-video-out/hd.mp4.');
    expect(text).toContain('What it means The destination refused the upload (403).');
    expect(text).toMatch(/What to fix .*account 395540211253 .*Block Public ACLs/);
    expect(linkIn(html, 'Zencoder’s documentation')).toBe(
      'https://app.zencoder.com/docs/errors/UploadAccessDeniedError',
    );
  });

  it('shows an unknown class as received, with its message', async () => {
    const failure = { errorClass: 'BrandNewError', message: 'Something new.', link: null };
    const html = await page(recordOf(await waiting(ledger, { failure })));
    expect(textOf(html)).toMatch(/BrandNewError .*Something new.*does not have this class/);
    expect(linkIn(html, 'Zencoder’s documentation')).toMatch(/error-codes\/index.html$/);
  });

  it('separates failures of media and thumbnails', async () => {
    const context = anOutput();
    const failures = [aFailure(), aFailure({ role: 'thumbnail', errorClass: 'UploadTimeoutError' })];
    await ledger.failures.record({ ...context, failures });
    const text = textOf(await page(`/jobs/${context.job.id}/outputs/${context.output.id}`));
    expect(text).toMatch(
      /Media: why the upload failed UploadAccessDeniedError.*Thumbnails: why the upload failed UploadTimeoutError/,
    );
  });

  it('shows location, verification and download of a recovered file', async () => {
    const record = await recovered(ledger);
    const html = await page(recordOf(record));
    const text = textOf(html);
    const key = `${record.jobId}/video.mp4`;
    expect(text).toContain(`Location s3://recovered-files/${key}`);
    expect(text).toMatch(/Verified by size as announced by Zencoder; CRC-32/);
    expect(text).toContain('Size 1.0 kB 1,000 bytes');
    expect(linkIn(html, 'S3 console')).toBe(
      `https://eu-central-1.console.aws.amazon.com/s3/object/recovered-files?region=eu-central-1&prefix=${encodeURIComponent(key)}`,
    );
    expect(text).not.toContain('Retry now');
  });

  it('shows no location for an open recovery, although its key is decided', async () => {
    const record = await copying(ledger);

    const text = textOf(await page(recordOf(record)));

    expect(record.key).toBe('1/video.mp4');
    expect(text).not.toContain('1/video.mp4');
    expect(text).not.toMatch(/(Location|Destination) s3:/);
  });

  it('shows failed attempts and the time of the next one', async () => {
    const text = textOf(await page(recordOf(await refusedByBucket(ledger))));
    expect(text).toContain('Attempts 1, the next in 1h');
    expect(text).toMatch(/Last error BucketAccessDenied : no s3:PutObject You can fix this/);
    expect(text).toContain('1 failed attempt');
    expect(text).toContain('Action required: 1 file');
  });

  it('contains no signature', async () => {
    const record = await recovered(ledger);
    expect(await page(recordOf(record))).not.toMatch(/Signature|X-Amz/);
  });

  it('pages through hundreds of thumbnails, failed ones first', async () => {
    const context = anOutput();
    await ledger.failures.record({ ...context, failures: [aFailure({ role: 'thumbnail' })] });
    await openRecoveries(ledger, context, thumbnails(45), NOW);
    const path = `/jobs/${context.job.id}/outputs/${context.output.id}`;
    const first = await page(path);
    expect(first.match(/<article/g)).toHaveLength(20);
    expect(textOf(first)).toContain('Page 1 of 3');
    const last = await page(`${path}?files=3`);
    expect(last.match(/<article/g)).toHaveLength(5);
    expect((await page(`${path}?files=99`)).match(/<article/g)).toHaveLength(5);
  });
});

describe('the download of a file', () => {
  const download = ({ jobId, outputId, role, fileId }: Awaited<ReturnType<typeof recovered>>) =>
    `${recordOf({ jobId, outputId })}/files/${role}/${fileId}/download`;

  it('redirects to a URL that is signed on request', async () => {
    const record = await recovered(ledger);
    const { get } = aDashboard(ledger);
    const html = await page(recordOf(record));
    expect(linkIn(html, 'Download')).toBe(download(record));
    const response = await get(download(record));
    expect(response.status).toBe(303);
    expect(response.headers.get('location')).toBe(
      `https://recovered-files.example/${record.jobId}/video.mp4?X-Amz-Signature=abc`,
    );
    expect(response.headers.get('cache-control')).toBe('no-store');
  });

  it('says what to change for a file in a bucket that is no longer configured', async () => {
    const record = await recovered(ledger);
    const moved = aDashboard(ledger, {
      downloads: { buckets: new Set(['current']), urlOf: async () => 'https://current.example/' },
    });
    const html = await (await moved.get(recordOf(record))).text();
    const advice = 'This file is in the bucket recovered-files, which is not the stack’s any more.';
    expect(textOf(html)).toContain(advice.replace('’', "'"));
    expect(html).not.toContain('/download');
    const response = await moved.get(download(record));
    expect(response.status).toBe(404);
    expect(textOf(await response.text())).toContain('name that bucket in the setting previousBuckets');
  });

  it('returns 404 for a file that is not in the bucket', async () => {
    const { get } = aDashboard(ledger);
    for (const record of [await copying(ledger), await gone(ledger, 'lost')]) {
      expect((await get(download(record))).status).toBe(404);
    }
    const other = { ...(await recovered(ledger)), fileId: '0123456789abcdef' };
    expect((await get(download(other))).status).toBe(404);
  });
});

it('the record of an output shows deadlines as time left, and past ones as expired', async () => {
  const open = await waiting(ledger, { file: { deadline: NOW + 3 * HOUR_MS } });
  expect(textOf(await page(recordOf(open)))).toContain('3h left');
  const lost = await gone(ledger, 'lost', { file: { deadline: NOW - 3 * HOUR_MS } });
  expect(textOf(await page(recordOf(lost)))).toContain('expired 3h ago');
});
