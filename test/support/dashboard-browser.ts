import { AxeBuilder } from '@axe-core/playwright';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { onTestFinished } from 'vitest';
import type { LocalStack } from '../../infra/local/stack.ts';
import type { Credential } from '../../lambda/dashboard/credentials.ts';
import { launchBrowser } from '../screenshots/browser.ts';
import { type DatedLedger, datedLedger } from './ledger-table.ts';
import { outputOf } from './stack.ts';

/** A real browser on the dashboard of a running stack. */
export interface DashboardBrowser {
  /** A window after the sign-in of the operator, on the overview; closed with the test. */
  readonly open: (options?: BrowserContextOptions) => Promise<Window>;
  /** A window before the sign-in. */
  readonly openSignedOut: (options?: BrowserContextOptions) => Promise<Window>;
  readonly operator: Credential;
  /** The stack's ledger, for the owner to write into. */
  readonly ledger: DatedLedger;
  readonly close: () => Promise<void>;
}

/** A window of the browser, and what went wrong in it. */
export interface Window {
  readonly page: Page;
  /** Errors of scripts, violations of the content security policy, dialogs; of requests only those that failed. */
  readonly errors: readonly string[];
}

export async function openDashboard(stack: LocalStack): Promise<DashboardBrowser> {
  const { origin, ...operator } = dashboardOf(stack);
  const browser: Browser = await launchBrowser();
  const openSignedOut = async (options: BrowserContextOptions = {}) => {
    const context = await browser.newContext({ baseURL: origin, ...options });
    onTestFinished(() => context.close());
    context.setDefaultTimeout(20_000);
    return watched(await context.newPage());
  };
  return {
    operator,
    openSignedOut,
    ledger: datedLedger({
      client: stack.clients.dynamodb,
      tableName: outputOf(stack, 'TableName'),
      recordTtlDays: 0,
      now: Date.now,
    }),
    open: async (options) => {
      const window = await openSignedOut(options);
      await window.page.goto('/sign-in');
      await signIn(window.page, operator);
      return window;
    },
    close: () => browser.close(),
  };
}

/** Address of the dashboard's pages, and the credential of its operator. */
export function dashboardOf({ dashboardUrl = '' }: Pick<LocalStack, 'dashboardUrl'>) {
  const { origin, username, password } = new URL(dashboardUrl);
  return { origin, username: decodeURIComponent(username), password: decodeURIComponent(password) };
}

/** Fills the form of the sign-in, on whose page the browser is, and waits for the page that it leads to. */
export async function signIn(page: Page, { username, password }: Credential): Promise<void> {
  await page.getByLabel('User name').fill(username);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.waitForURL((url) => url.pathname !== '/sign-in');
}

function watched(page: Page): Window {
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(`script: ${error.message}`));
  page.on('requestfailed', (request) => errors.push(`request: ${request.url()}`));
  page.on('console', (message) => {
    // A page with status 404 is also logged to the console.
    if (message.type() === 'error' && !message.text().includes('Failed to load resource')) {
      errors.push(`console: ${message.text()}`);
    }
  });
  page.on('dialog', (dialog) => {
    errors.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  return { page, errors };
}

/** What axe finds wrong with a page, WCAG 2.2 AA and its best practices: rule and elements. */
export async function accessibilityFaults(page: Page): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
}
