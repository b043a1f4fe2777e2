import { AxeBuilder } from '@axe-core/playwright';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { onTestFinished } from 'vitest';
import type { LocalStack } from '../../infra/local/stack.ts';
import { launchBrowser } from '../screenshots/browser.ts';
import { type DatedLedger, datedLedger } from './ledger-table.ts';
import { authorizationOf, outputOf } from './stack.ts';

/** A real browser on the dashboard of a running stack. */
export interface DashboardBrowser {
  /** A window that sends the credentials by default; closed with the test. */
  readonly open: (options?: BrowserContextOptions) => Promise<Window>;
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
  const url = new URL(stack.dashboardUrl ?? '');
  // Sent with each request: API Gateway renames the header by which a browser would ask for them.
  const extraHTTPHeaders = { authorization: authorizationOf(url) };
  const browser: Browser = await launchBrowser();
  return {
    ledger: datedLedger({
      client: stack.clients.dynamodb,
      tableName: outputOf(stack, 'TableName'),
      recordTtlDays: 0,
      now: Date.now,
    }),
    open: async (options) => {
      const context = await browser.newContext({ baseURL: url.origin, extraHTTPHeaders, ...options });
      onTestFinished(() => context.close());
      context.setDefaultTimeout(20_000);
      const page = await context.newPage();
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
    },
    close: () => browser.close(),
  };
}

/** What axe finds wrong with a page, WCAG 2.2 AA and its best practices: rule and elements. */
export async function accessibilityFaults(page: Page): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
}
