import { GetSecretValueCommand, PutSecretValueCommand } from '@aws-sdk/client-secrets-manager';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SHOWN_JOB, SHOWN_OUTPUT } from '../../screenshots/scenarios.ts';
import { SEED_BUCKET, seedLedger } from '../../screenshots/seed.ts';
import { VIEWER } from '../../support/dashboard.ts';
import {
  accessibilityFaults,
  type DashboardBrowser,
  openDashboard,
  signIn,
} from '../../support/dashboard-browser.ts';
import { outputOf, startTestStack, type TestStack } from '../../support/stack.ts';

const RECORD = `/jobs/${SHOWN_JOB}/outputs/${SHOWN_OUTPUT}`;

let running: TestStack;
let dashboard: DashboardBrowser;
beforeAll(async () => {
  running = await startTestStack({ apiAccess: 'full', context: { previousBuckets: [SEED_BUCKET] } });
  const { secretsManager } = running.stack.clients;
  const SecretId = outputOf(running.stack, 'DashboardSecretArn');
  const { SecretString = '{}' } = await secretsManager.send(new GetSecretValueCommand({ SecretId }));
  const secret: Record<string, string> = { ...JSON.parse(SecretString), viewerPassword: VIEWER.password };
  await secretsManager.send(new PutSecretValueCommand({ SecretId, SecretString: JSON.stringify(secret) }));
  dashboard = await openDashboard(running.stack);
  await seedLedger(dashboard.ledger, Date.now());
});
afterAll(async () => {
  await dashboard?.close();
  await running?.close();
});

describe('the sign-in page', () => {
  it.each([
    [320, 'light'],
    [360, 'dark'],
    [768, 'light'],
    [1280, 'dark'],
  ] as const)('has no axe violations or overflow at %i px, %s', async (width, colorScheme) => {
    const { page, errors } = await dashboard.openSignedOut({ viewport: { width, height: 780 }, colorScheme });
    await page.goto(RECORD);
    expect(await accessibilityFaults(page)).toEqual([]);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
    await page.getByLabel('User name').fill('dashboard');
    await page.getByLabel('Password').fill('wrong');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').getByText('The user name or the password is wrong').waitFor();
    expect(await accessibilityFaults(page)).toEqual([]);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
    expect(errors).toEqual([]);
  });
});

describe.each([
  ['with', true],
  ['without', false],
])('a sign-in %s JavaScript', (_, javaScriptEnabled) => {
  it('leads to the page that was asked for, and the sign-out leaves nothing of it behind', async () => {
    const { page, errors } = await dashboard.openSignedOut({ javaScriptEnabled });
    await page.goto(RECORD);
    expect(await page.content()).not.toContain('acme');
    await signIn(page, dashboard.operator);
    expect(new URL(page.url()).pathname).toBe(RECORD);
    await page.getByText('(operator)').waitFor();
    await page.getByText('hd.mp4').first().waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await page.goBack();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    expect(await page.content()).not.toContain('hd.mp4');
    await page.goto(RECORD);
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    expect(errors).toEqual([]);
  });
});

describe('a session that ends while a page refreshes itself', () => {
  it('leads to the sign-in and back', async () => {
    const { page } = await dashboard.open();
    await page.goto(RECORD);
    await page.context().clearCookies();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await signIn(page, dashboard.operator);
    expect(new URL(page.url()).pathname).toBe(RECORD);
  });
});

describe('a viewer', () => {
  it('sees the record, can neither retry nor download, and can sign in as an operator from there', async () => {
    const { page } = await dashboard.openSignedOut();
    await page.goto(RECORD);
    await signIn(page, VIEWER);
    await page.getByText('(viewer)').waitFor();
    await page.getByText('hd.mp4').first().waitFor();
    expect(await page.getByRole('button', { name: 'Retry now' }).count()).toBe(0);
    expect(await page.getByRole('link', { name: /^Download/ }).count()).toBe(0);
    expect(await accessibilityFaults(page)).toEqual([]);
    await page.getByRole('link', { name: 'Sign in as an operator' }).click();
    await signIn(page, dashboard.operator);
    await page
      .getByRole('link', { name: /^Download/ })
      .first()
      .waitFor();
  });
});
