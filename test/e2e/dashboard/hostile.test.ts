import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DashboardBrowser, openDashboard } from '../../support/dashboard-browser.ts';
import { freshId, type RunningStack, startRunningStack } from '../../support/running-stack.ts';
import { sampleText } from '../../support/samples.ts';

const HARM = `"'><script>window.harmed = true</script><img src=x onerror="window.harmed = true"><svg onload="window.harmed = true">`;
const OVERRIDE = 'safe\u202egnp.exe';

let running: RunningStack;
let dashboard: DashboardBrowser;
const ids = { job: String(freshId()), output: String(freshId()) };

beforeAll(async () => {
  running = await startRunningStack();
  dashboard = await openDashboard(running.stack);
  const url = await running.keep('o/20260315/aa/video.mp4', Buffer.from('video'));
  const body = JSON.parse(sampleText('02'));
  Object.assign(body.job, { id: Number(ids.job), pass_through: HARM });
  Object.assign(body.output, {
    ...{ id: Number(ids.output), label: `${OVERRIDE}${HARM}`, url },
    ...{ file_size_in_bytes: 5, md5_checksum: null },
    primary_upload_error_message: `Could not upload: ${HARM}`,
    primary_upload_error_link: 'javascript:window.harmed=true',
  });
  expect((await running.post(JSON.stringify(body))).status).toBe(202);
  await running.settled(ids.job, 1);
});
afterAll(async () => {
  await dashboard.close();
  await running.close();
});

describe('a notification with script and markup', () => {
  it.each([
    ['overview', '/'],
    ['errors', '/errors'],
    ['job', `/jobs/${ids.job}`],
    ['record', `/jobs/${ids.job}/outputs/${ids.output}`],
    ['filter', `/?error=${encodeURIComponent(HARM)}`],
  ])('executes no script on the %s', async (_, path) => {
    const { page, errors } = await dashboard.open();
    await page.goto(path);
    await page.getByRole('heading', { level: 1 }).waitFor();
    expect(await page.evaluate('window.harmed')).toBeUndefined();
    expect(await page.locator('img, main script, [onload], [onerror], a[href^="javascript:"]').count()).toBe(
      0,
    );
    expect(await page.content()).not.toContain('\u202e');
    expect(errors).toEqual([]);
  });

  it('is displayed as plain text', async () => {
    const { page } = await dashboard.open();
    await page.goto(`/jobs/${ids.job}/outputs/${ids.output}`);
    await page.getByText(`Could not upload: ${HARM}`).first().waitFor();
    await page.getByText('safe[U+202E]gnp.exe').first().waitFor();
  });
});

it('the content security policy blocks a script injected into a page', async () => {
  const { page } = await dashboard.open();
  await page.goto('/errors');
  await page.evaluate(`
    const script = document.createElement('script');
    script.textContent = 'window.harmed = true';
    document.body.append(script);
    document.body.insertAdjacentHTML('beforeend', '<button onclick="window.harmed = true">x</button>');
    document.body.lastElementChild.click();
  `);
  expect(await page.evaluate('window.harmed')).toBeUndefined();
});
