import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SCENARIOS, SHOWN_JOB, SHOWN_OUTPUT } from '../../screenshots/scenarios.ts';
import { SEED_BUCKET, seedLedger } from '../../screenshots/seed.ts';
import {
  accessibilityFaults,
  type DashboardBrowser,
  openDashboard,
} from '../../support/dashboard-browser.ts';
import { startTestStack, type TestStack } from '../../support/stack.ts';

const RECORD = `/jobs/${SHOWN_JOB}/outputs/${SHOWN_OUTPUT}`;
const PAGES: readonly (readonly [name: string, path: string])[] = [
  ['overview', '/'],
  ['overview, filtered to nothing', '/?host=nobody.example'],
  ['errors', '/errors'],
  ['job', `/jobs/${SHOWN_JOB}`],
  ['job that is not there', '/jobs/1'],
  ...new Map(
    SCENARIOS.map(({ jobId, outputId, files }) => [
      `record, ${files[0]?.state ?? 'nothing kept'}`,
      `/jobs/${jobId}/outputs/${outputId}`,
    ]),
  ),
];

let running: TestStack;
let dashboard: DashboardBrowser;
beforeAll(async () => {
  running = await startTestStack({ context: { previousBuckets: [SEED_BUCKET] } });
  dashboard = await openDashboard(running.stack);
});
afterAll(async () => {
  await dashboard?.close();
  await running?.close();
});

describe('the overview of a new stack', () => {
  it.each(['light', 'dark'] as const)('shows the next steps accessibly (%s)', async (colorScheme) => {
    const { page, errors } = await dashboard.open({ colorScheme });
    await page.goto('/');
    await page.getByText('No upload has failed in the last 7 days').waitFor();
    expect(await accessibilityFaults(page)).toEqual([]);
    expect(errors).toEqual([]);
  });
});

describe('the dashboard with a week of failed uploads', () => {
  beforeAll(async () => {
    await seedLedger(dashboard.ledger, Date.now());
  });

  describe.each([
    ['wide and light', { viewport: { width: 1600, height: 1000 }, colorScheme: 'light' }],
    ['narrow and dark', { viewport: { width: 360, height: 780 }, colorScheme: 'dark' }],
  ] as const)('%s', (_, options) => {
    it.each(PAGES)('shows %s without axe violations, overflow or blocked requests', async (_name, path) => {
      const { page, errors } = await dashboard.open(options);
      await page.goto(path);
      await page.evaluate('for (const each of document.querySelectorAll("details")) each.open = true');
      expect(await accessibilityFaults(page)).toEqual([]);
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(options.viewport.width);
      expect(errors).toEqual([]);
    });
  });

  it('renders dark and light schemes differently', async () => {
    const colours = await Promise.all(
      (['light', 'dark'] as const).map(async (colorScheme) => {
        const { page } = await dashboard.open({ colorScheme });
        await page.goto('/');
        return await page.evaluate('getComputedStyle(document.body).backgroundColor');
      }),
    );
    expect(colours).toEqual(['rgb(244, 246, 248)', 'rgb(17, 21, 26)']);
  });

  it('filters and pages the list, with the filters in the URL', async () => {
    const { page } = await dashboard.open();
    await page.goto('/');
    await page.getByRole('combobox', { name: 'Error class' }).selectOption('UploadAccessDeniedError');
    await page.getByRole('combobox', { name: 'Time' }).selectOption('30d');
    await page.getByRole('button', { name: 'Filter' }).click();
    await page.waitForURL(/[?&]error=UploadAccessDeniedError(&|#|$)/);
    const rows = page.getByRole('table', { name: 'Failed uploads' }).getByRole('row');
    const newest = await rows.nth(1).getByRole('rowheader').innerText();
    await page.getByRole('link', { name: 'Next page' }).click();
    await page.waitForURL(/error=UploadAccessDeniedError&cursor=/);
    const older = await rows.allInnerTexts();
    expect(older).toHaveLength(21);
    expect(older.slice(1).every((row) => row.includes('UploadAccessDeniedError'))).toBe(true);
    expect(older.some((row) => row.startsWith(newest))).toBe(false);
    await page.getByRole('link', { name: 'First page' }).click();
    await page.waitForURL((url) => !url.searchParams.has('cursor'));
    expect(await rows.nth(1).getByRole('rowheader').innerText()).toBe(newest);
  });

  it('links from the attention table to the record with the cause', async () => {
    const { page } = await dashboard.open();
    await page.goto('/');
    const row = page.getByRole('table', { name: 'What needs attention' }).getByRole('row', { name: /720/ });
    await row.getByRole('link', { name: '720', exact: true }).click();
    await page.getByText('refuses s3:PutObject').first().waitFor();
    await page.getByRole('navigation', { name: 'Breadcrumb' }).getByRole('link', { name: /^Job/ }).click();
    await page.getByRole('heading', { name: 'Job 1702588800' }).waitFor();
  });

  it('finds a job by its id', async () => {
    const { page } = await dashboard.open();
    await page.goto('/errors');
    await page.getByLabel('Job id').fill(SHOWN_JOB);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: `Job ${SHOWN_JOB}` }).waitFor();
  });

  it('supports the keyboard: the first tab stop skips to the content, and focus is always visible', async () => {
    const { page } = await dashboard.open();
    await page.goto(RECORD);
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.textContent.trim()')).toBe('Skip to content');
    const box = await page.getByRole('link', { name: 'Skip to content' }).boundingBox();
    expect(box?.y).toBeGreaterThanOrEqual(0);
    await page.keyboard.press('Enter');
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.querySelector("main").contains(document.activeElement)')).toBe(true);
    expect(await page.evaluate('getComputedStyle(document.activeElement).outlineStyle')).toBe('solid');
  });

  it('shows all content without JavaScript', async () => {
    const { page } = await dashboard.open({ javaScriptEnabled: false });
    for (const [, path] of PAGES) {
      await page.goto(path);
      await page.getByRole('heading', { level: 1 }).waitFor();
    }
    await page.goto(RECORD);
    await page.getByText('3.0 GB of 4.8 GB (63 %)').first().waitFor();
    await page.locator('summary', { hasText: 'Details of hd.mp4' }).click();
    await page.getByText('will retry automatically').or(page.getByText('Being copied')).first().waitFor();
  });

  it('takes Basic credentials as before, and returns 401 for wrong ones', async () => {
    const right = dashboard.operator.password;
    for (const password of [right, '', 'wrong']) {
      const authorization = `Basic ${btoa(`dashboard:${password}`)}`;
      const { page } = await dashboard.openSignedOut({ extraHTTPHeaders: { authorization } });
      const response = await page.request.get(RECORD);
      expect(response.status()).toBe(password === right ? 200 : 401);
      expect((await response.text()).includes('acme')).toBe(password === right);
    }
  });
});
