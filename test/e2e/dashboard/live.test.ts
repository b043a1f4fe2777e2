import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ReportedFile } from '../../../infra/local/zencoder/outputs.ts';
import type { OutputOfJob } from '../../../lambda/shared/ledger/new-recoveries.ts';
import type { ClaimedRecovery } from '../../../lambda/shared/ledger/records.ts';
import { HOUR_MS } from '../../../lambda/shared/runtime/durations.ts';
import { type DashboardBrowser, openDashboard } from '../../support/dashboard-browser.ts';
import { aFailure, anError } from '../../support/ledger-data.ts';
import { startTestStack, type TestStack } from '../../support/stack.ts';
import type { StandIn } from '../../support/zencoder-stand-in.ts';

let running: TestStack;
let standIn: StandIn;
let dashboard: DashboardBrowser;
beforeAll(async () => {
  running = await startTestStack({ apiAccess: 'full' });
  ({ standIn } = running);
  dashboard = await openDashboard(running.stack);
});
afterAll(async () => {
  await dashboard?.close();
  await running?.close();
});

/** A job that Zencoder did, whose file a worker has claimed. */
async function claimed(): Promise<{ readonly record: ClaimedRecovery; readonly file: ReportedFile }> {
  const { files } = await standIn.failedJob();
  const file = files.find(({ role }) => role === 'media');
  if (file === undefined) throw new Error('the job has no media file');
  const now = Date.now();
  const context: OutputOfJob = {
    job: { id: file.jobId, passThrough: null, test: false },
    output: { id: file.outputId, label: 'captions', type: 'captions' },
    failedAt: now,
  };
  await dashboard.ledger.at(now).failures.record({ ...context, failures: [aFailure()] });
  const backup = {
    ...{ role: file.role, url: file.address, deadline: now + 23 * HOUR_MS, filename: file.name },
    ...{ thumbnailLabel: null, size: file.size, md5: null, key: `live/${file.name}` },
  };
  const lease = { owner: 'test', until: now + HOUR_MS };
  const [claim] = await dashboard.ledger.at(now).recoveries.claim(context, [backup], lease);
  if (claim?.outcome !== 'claimed') throw new Error(`expected a claim, got ${claim?.outcome}`);
  return { record: claim.record, file };
}

async function failed() {
  const { record, file } = await claimed();
  const error = anError({
    errorClass: 'ObjectExists',
    category: 'conflict',
    message: 'another object is there',
  });
  await dashboard.ledger.recoveries.settle([{ record, settlement: { state: 'failed', error } }]);
  return { record, file };
}

function recordOf({ jobId, outputId }: ClaimedRecovery): string {
  return `/jobs/${jobId}/outputs/${outputId}`;
}

describe('Retry now', () => {
  it.each([
    ['with', true],
    ['without', false],
  ])('recovers a failed file and offers its download (%s JavaScript)', async (_, javaScriptEnabled) => {
    const { record, file } = await failed();
    const { page, errors } = await dashboard.open({ javaScriptEnabled });
    await page.goto(recordOf(record));
    await page.getByText('another object is there').first().waitFor();
    await page.getByRole('button', { name: 'Retry now' }).click();
    await page.getByText('Retry requested').waitFor();
    const retried = page.getByText('Retried by operator dashboard at');
    const download = page.getByRole('link', { name: /^Download/ });
    if (javaScriptEnabled) await download.waitFor();
    else {
      await expect
        .poll(async () => {
          await page.reload();
          return await download.count();
        })
        .toBe(1);
    }
    await page.evaluate('for (const each of document.querySelectorAll("details")) each.open = true');
    await retried.waitFor();
    const started = page.waitForEvent('download');
    await download.click();
    const bytes = await readFile(await (await started).path());
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(file.sha256);
    // The browser aborts a navigation that turns out to be a download.
    expect(errors.filter((error) => !/^request: .*(?:download$|Signature=)/.test(error))).toEqual([]);
  });
});

describe('live progress', () => {
  it('updates without a reload, and stops when the recovery is settled', async () => {
    const { record } = await claimed();
    const { page } = await dashboard.open();
    await page.goto(recordOf(record));
    await page.evaluate('window.isSamePage = true');
    const bytesTotal = record.expectedSize ?? 0;
    const progress = { bytesDone: Math.floor(bytesTotal / 2), bytesTotal };
    await dashboard.ledger.recoveries.saveProgress(record, progress);
    const bar = page.locator('#output-summary progress');
    await expect.poll(() => bar.getAttribute('value'), { timeout: 20_000 }).toBe(String(progress.bytesDone));
    const error = anError({ errorClass: 'SourceExpired', category: 'lost', message: 'the signed URL ended' });
    await dashboard.ledger.recoveries.settle([{ record, settlement: { state: 'lost', error } }]);
    await expect
      .poll(() => page.getByRole('status').textContent(), { timeout: 20_000 })
      .toBe('0 of 1 file recovered, 1 lost');
    expect(await page.evaluate('window.isSamePage')).toBe(true);
  });

  it('keeps expanded elements expanded', async () => {
    const { record } = await claimed();
    const { page } = await dashboard.open();
    await page.goto(recordOf(record));
    const summary = page.locator('summary', { hasText: 'Details' });
    await summary.click();
    await page.locator('h1').click();
    const progress = { bytesDone: 1, bytesTotal: record.expectedSize ?? 0 };
    await dashboard.ledger.recoveries.saveProgress(record, progress);
    await expect
      .poll(() => page.locator('article progress').getAttribute('value'), { timeout: 20_000 })
      .toBe('1');
    expect(await page.locator('article details').first().getAttribute('open')).toBeNull();
  });
});
