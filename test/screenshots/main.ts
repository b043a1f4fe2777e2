import { mkdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import type { Browser } from 'playwright-core';
import type { LocalStack } from '../../infra/local/stack.ts';
import { dashboardOf, signIn } from '../support/dashboard-browser.ts';
import { startTestStack } from '../support/stack.ts';
import { launchBrowser } from './browser.ts';
import { FAILED_JOB, FAILED_OUTPUT, SHOWN_JOB, SHOWN_OUTPUT } from './scenarios.ts';
import { SEED_BUCKET, seedLedger } from './seed.ts';

const USAGE = `Usage: npm run screenshots [-- options]

Runs the stack on this machine with made-up failed uploads and writes a PNG of each page of the dashboard, light and
dark, on a wide and on a narrow screen.

  --dir PATH  where to write them   (.github/screenshots)
  --full      whole pages instead of what fits on a screen
  --help      this text
`;

const SCREENS = [
  { name: 'wide', width: 1600, height: 1000 },
  { name: 'narrow', width: 360, height: 780 },
] as const;
const SCHEMES = ['light', 'dark'] as const;
const SIGN_IN = '/sign-in';
const PAGES = [
  { name: 'sign-in', path: SIGN_IN },
  { name: 'overview', path: '/' },
  { name: 'job', path: `/jobs/${SHOWN_JOB}` },
  { name: 'output', path: `/jobs/${SHOWN_JOB}/outputs/${SHOWN_OUTPUT}` },
  { name: 'failed', path: `/jobs/${FAILED_JOB}/outputs/${FAILED_OUTPUT}` },
  { name: 'errors', path: '/errors' },
] as const;

const { values } = parseArgs({
  options: {
    dir: { type: 'string', default: join(import.meta.dirname, '..', '..', '.github', 'screenshots') },
    full: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

if (values.help) {
  process.stdout.write(USAGE);
} else {
  await run(values.dir, values.full);
}

async function run(directory: string, isFull: boolean): Promise<void> {
  await mkdir(directory, { recursive: true });
  await using running = new AsyncDisposableStack();
  const { stack, ledger, close } = await startTestStack({
    apiAccess: 'full',
    context: { previousBuckets: [SEED_BUCKET] },
  });
  running.defer(close);
  const browser = running.adopt(await launchBrowser(), (each) => each.close());
  const shots = { stack, browser, directory, isFull };
  await shoot(shots, [{ name: 'first-run', path: '/' }]);
  await seedLedger(ledger, Date.now());
  await shoot(shots, PAGES);
}

interface Shots {
  readonly stack: LocalStack;
  readonly browser: Browser;
  readonly directory: string;
  readonly isFull: boolean;
}

async function shoot(
  { stack, browser, directory, isFull }: Shots,
  pages: readonly { readonly name: string; readonly path: string }[],
): Promise<void> {
  const { origin, ...operator } = dashboardOf(stack);
  for (const { name: screen, ...viewport } of SCREENS) {
    for (const colorScheme of SCHEMES) {
      const context = await browser.newContext({
        baseURL: origin,
        viewport,
        colorScheme,
      });
      const tab = await context.newPage();
      for (const { name, path } of pages) {
        await tab.goto(path);
        if (path !== SIGN_IN && new URL(tab.url()).pathname === SIGN_IN) await signIn(tab, operator);
        const file = join(directory, `${name}-${screen}-${colorScheme}.png`);
        await tab.screenshot({ path: file, fullPage: isFull });
        process.stdout.write(`${relative('.', file)}\n`);
      }
      await context.close();
    }
  }
}
