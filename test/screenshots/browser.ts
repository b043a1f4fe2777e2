import chromium from '@sparticuz/chromium';
import { type Browser, chromium as playwright } from 'playwright-core';

/**
 * Starts a headless Chromium: the one that `CHROMIUM_PATH` names, else the one that comes as an npm package and needs
 * nothing of the system (on Linux x64; set the variable elsewhere).
 *
 * The package's own arguments are for Lambda: they take web security away, and end the browser with its first window.
 */
export async function launchBrowser(): Promise<Browser> {
  return await playwright.launch({
    executablePath: process.env.CHROMIUM_PATH ?? (await chromium.executablePath()),
    args: ['--no-sandbox', '--disable-gpu', '--font-render-hinting=none'],
  });
}
