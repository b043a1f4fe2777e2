import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { failureItemKey, recoveryItemKey } from '../../../lambda/shared/ledger/table.ts';
import { HOUR_MS } from '../../../lambda/shared/runtime/durations.ts';
import { seedLedger } from '../../screenshots/seed.ts';
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
import { NOW } from '../../support/ledger-data.ts';
import { startLedger, type TestLedger } from '../../support/ledger-table.ts';

let ledger: TestLedger;
beforeEach(async () => {
  ledger = await startLedger();
});
afterEach(() => ledger.close());

async function page(path = '/'): Promise<string> {
  const response = await aDashboard(ledger).get(path);
  expect(response.status).toBe(200);
  return await response.text();
}

describe('the overview of a new stack', () => {
  it('shows the next steps, with the URL for notifications', async () => {
    const text = textOf(await page());
    expect(text).toContain('No upload has failed in the last 7 days');
    expect(text).toContain('https://USER:PASSWORD@dashboard.example/notifications');
    expect(text).toContain('all clear');
    expect(text).not.toContain('Failed uploads by error class');
  });

  it('links to a reset of filters without matches', async () => {
    const html = await page('/?error=UploadTimeoutError');
    expect(textOf(html)).toContain('No failed upload matches these filters.');
    expect(linkIn(html, 'Show everything')).toBe('/');
  });
});

describe('the overview of refused notifications', () => {
  it('shows those of the last 24 hours with the action required', async () => {
    await ledger.at(NOW - 23 * HOUR_MS).refusals.count(401);
    await ledger.refusals.count(401);
    await ledger.refusals.count(415);
    const text = textOf(await page());
    expect(text).toContain('3 notifications refused in the last 24 hours');
    expect(text).toContain('2 × 401: the username or password is wrong');
    expect(text).toContain('1 × 415: the body is not JSON');
  });

  it('shows nothing when there were none', async () => {
    await ledger.at(NOW - 25 * HOUR_MS).refusals.count(401);
    expect(textOf(await page())).not.toContain('refused in the last 24 hours');
  });
});

describe('the attention table', () => {
  it('is sorted by time left, without recoveries that will retry automatically', async () => {
    await gone(ledger, 'lost', { label: 'gone', file: { deadline: NOW - HOUR_MS } });
    await copying(ledger, { label: 'soon', file: { deadline: NOW + 2 * HOUR_MS } });
    await refusedByBucket(ledger, { label: 'refused', file: { deadline: NOW + 9 * HOUR_MS } });
    await gone(ledger, 'failed', { label: 'stuck', file: { deadline: NOW + HOUR_MS } });
    await waiting(ledger, { label: 'calm', file: { deadline: NOW + 20 * HOUR_MS } });
    await recovered(ledger, { label: 'done', file: { deadline: NOW + HOUR_MS } });
    const html = await page();
    const section = /<h2 id="attention">[\s\S]*?<\/table>/.exec(html)?.[0] ?? '';
    const labels = [...section.matchAll(/<bdi>(gone|soon|refused|stuck|calm|done)<\/bdi>/g)].map(
      ([, label]) => label,
    );
    expect(labels).toEqual(['stuck', 'soon', 'refused', 'gone']);
    expect(textOf(section)).toMatch(/stuck.* failed .*1h left.*soon.* at risk .*2h left/);
    expect(textOf(section)).toMatch(/refused.* action required .*9h left.*no s3:PutObject/);
    expect(textOf(section)).toMatch(/gone.* lost .*expired 1h ago.*Run the job again/);
  });

  it('has one row for all files of an output with the same cause', async () => {
    const record = await gone(ledger, 'lost', { file: { name: 'a.png' } });
    await gone(ledger, 'lost', { ...record, file: { name: 'b.png' } });
    const section = /<h2 id="attention">[\s\S]*?<\/table>/.exec(await page())?.[0] ?? '';
    expect(section.match(/<tr/g)).toHaveLength(2);
    expect(textOf(section)).toMatch(/lost 2 expired|lost 2 \d+h/);
  });
});

describe('the attention table with several deadlines', () => {
  const attention = async () => textOf(/<h2 id="attention">[\s\S]*?<\/table>/.exec(await page())?.[0] ?? '');

  it('shows the earliest deadline of the files of an output', async () => {
    const near = { name: 'a.png', deadline: NOW + 2 * HOUR_MS };
    const record = await copying(ledger, { file: { name: 'b.png', deadline: NOW + 5 * HOUR_MS } });
    await copying(ledger, { ...record, label: 'two', file: near });
    expect(await attention()).toMatch(/at risk 2 2h left/);
  });

  it('excludes recoveries whose deadline has passed: they are about to be settled', async () => {
    await copying(ledger, { label: 'over', file: { deadline: NOW - HOUR_MS } });
    const text = textOf(await page());
    expect(text).toContain('all clear');
    expect(text).toMatch(/files being recovered now 1 /);
    expect(text).toMatch(/files at risk: less than 6h left 0 /);
  });
});

describe('an unreadable record', () => {
  it('is named in the log and on every page that omits it, and hides no other record', async () => {
    await gone(ledger, 'lost', { label: 'readable' });
    const bad = await copying(ledger, { label: 'edited', file: { deadline: NOW + HOUR_MS } });
    const key = recoveryItemKey(bad);
    await ledger.edit(key, 'state', 'archived');
    const dashboard = aDashboard(ledger);
    const line = `1 record cannot be read: ${key.pk} / ${key.sk}`;
    for (const path of ['/', `/jobs/${bad.jobId}`, `/jobs/${bad.jobId}/outputs/${bad.outputId}`]) {
      const text = textOf(await (await dashboard.get(path)).text());
      expect(text).toContain(line);
      expect(text).toContain('edited');
    }
    expect(textOf(await page())).toContain('readable');
    expect(dashboard.errors).toHaveLength(3);
    expect(await (await dashboard.get(`/api/jobs/${bad.jobId}`)).json()).toMatchObject({ unreadable: 1 });
    expect(await (await dashboard.get('/api/recoveries')).json()).toMatchObject({ items: [], unreadable: 1 });
  });

  it('is named on the page of its job without other records, and in the counts of classes', async () => {
    const { job, output } = await failUpload(ledger);
    const key = failureItemKey({ jobId: job.id, outputId: output.id, role: 'media' });
    await ledger.edit(key, 'errorClass', 404);
    const { get } = aDashboard(ledger);
    const missing = await get(`/jobs/${job.id}`);
    expect(missing.status).toBe(404);
    expect(textOf(await missing.text())).toContain(`1 record cannot be read: ${key.pk} / ${key.sk}`);
    expect(await (await get(`/api/jobs/${job.id}`)).json()).toMatchObject({
      status: 404,
      detail: expect.stringContaining('1 record cannot be read'),
    });
    expect(textOf(await page('/errors'))).toContain('1 record cannot be read');
    expect(await (await get('/api/errors')).json()).toMatchObject({ unreadable: 1 });
  });
});

describe('the chart', () => {
  it('states its numbers in text and as a table, with links for each column', async () => {
    for (const hours of [1, 1, 30]) await failUpload(ledger, { failedAt: NOW - hours * HOUR_MS });
    await failUpload(ledger, {
      failedAt: NOW - HOUR_MS,
      failure: { errorClass: 'UploadTimeoutError' },
    });
    const html = await page();
    expect(html).toMatch(/<svg role="img" aria-labelledby="chart-title chart-description"/);
    const text = textOf(html);
    expect(text).toContain('4 failed uploads. UploadAccessDeniedError: 3; UploadTimeoutError: 1');
    expect(text).toMatch(/2026-03-15 2 1 3 2026-03-14 1 0 1/);
    expect(textOf(await page(linkIn(html, '2026-03-14')))).toContain(
      '1 failed upload from 2026-03-14 00:00 UTC',
    );
  });
});

describe('the list of failed uploads', () => {
  it('shows the state of the recovery of each', async () => {
    await failUpload(ledger, { label: 'nothing-kept', failedAt: NOW - HOUR_MS });
    await copying(ledger, { label: 'at-work', failedAt: NOW - 2 * HOUR_MS });
    await recovered(ledger, { label: 'there', failedAt: NOW - 3 * HOUR_MS, test: true });
    expect(textOf(await page())).toMatch(
      /nothing-kept .*no backup file.*at-work .*copying 20h left.*there \(test\) .*recovered/,
    );
  });

  it('is paged, with filters kept in the links', async () => {
    for (let hours = 1; hours <= 5; hours++) {
      await failUpload(ledger, { label: `number-${hours}`, failedAt: NOW - hours * HOUR_MS });
    }
    await failUpload(ledger, { failure: { destinationHost: 'elsewhere' } });
    const first = await page('/?limit=2&host=acme-video-out');
    expect(textOf(first)).toMatch(/number-1 .*number-2 /);
    const second = await page(linkIn(first, 'Next page'));
    expect(textOf(second)).toMatch(/number-3 .*number-4 /);
    const third = await page(linkIn(second, 'Next page'));
    expect(textOf(third)).toContain('number-5 ');
    expect(textOf(third)).toContain('This is the last page');
    expect(linkIn(third, 'First page')).toBe('/?host=acme-video-out&limit=2#failures');
  });

  it('combines all filters, and shows them in the form', async () => {
    const match = {
      errorClass: 'UploadTimeoutError',
      destinationHost: 'ftp.example',
      role: 'thumbnail',
    } as const;
    const file = { role: 'thumbnail', name: 'a.png' } as const;
    await gone(ledger, 'lost', { label: 'the-one', failure: match, file });
    await gone(ledger, 'lost', {
      label: 'other-host',
      failure: { ...match, destinationHost: 'x.example' },
      file,
    });
    await recovered(ledger, { label: 'other-state', failure: match, file });
    await gone(ledger, 'lost', {
      label: 'other-time',
      failure: match,
      file,
      failedAt: NOW - 40 * HOUR_MS,
    });
    const html = await page(
      '/?since=24h&error=UploadTimeoutError&host=ftp.example&role=thumbnail&state=lost',
    );
    const uploads = /aria-label="Failed uploads"[\s\S]*?<\/table>/.exec(html)?.[0] ?? '';
    expect(textOf(uploads)).toContain('the-one');
    expect(textOf(uploads)).not.toMatch(/other-/);
    expect(html).toMatch(/<option value="24h" selected=""/);
    expect(html).toMatch(/<option value="UploadTimeoutError" selected=""/);
    expect(html).toMatch(/name="host" value="ftp.example"/);
    expect(html).toMatch(/<option value="lost" selected=""/);
    expect(html).toMatch(/<option value="thumbnail" selected=""/);
  });

  it('rejects invalid filters and names them', async () => {
    const response = await aDashboard(ledger).get('/?state=gone&limit=0');
    expect(response.status).toBe(400);
    expect(textOf(await response.text())).toMatch(/state must be one of .*limit must be a whole number/);
  });

  it('rejects a forged cursor', async () => {
    const response = await aDashboard(ledger).get('/?cursor=abc');
    expect(response.status).toBe(400);
  });
});

it('the overview loads less than 50 KB in all', async () => {
  await seedLedger(ledger, NOW);
  const { get } = aDashboard(ledger);
  const html = await (await get('/')).text();
  const assets = [...html.matchAll(/(?:href|src)="(\/assets\/[^"]+)"/g)].map(([, path = '']) => path);
  const texts = await Promise.all(assets.map(async (path) => await (await get(path)).text()));
  const weight = [html, ...texts].reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  expect(weight).toBeLessThan(50_000);
});
