import chromium from '@sparticuz/chromium';
import { type Browser, chromium as playwright } from 'playwright-core';

/**
 * Starts a headless Chromium: the one that `CHROMIUM_PATH` names, else the one that comes as an npm package and needs
 * nothing of the system (on Linux x64; set the variable elsewhere).
 *
 * @throws {Error} on other platforms without the variable.
 *
 * The package's own arguments are for Lambda: they take web security away, and end the browser with its first window.
 */
export async function launchBrowser(): Promise<Browser> {
  const { CHROMIUM_PATH } = process.env;
  if (CHROMIUM_PATH === undefined && `${process.platform} ${process.arch}` !== 'linux x64') {
    throw new Error(
      `The browser of the tests is a Linux x64 program, and this is ${process.platform} ${process.arch}: set CHROMIUM_PATH to a Chromium or Chrome.`,
    );
  }
  return await playwright.launch({
    executablePath: CHROMIUM_PATH ?? (await chromium.executablePath()),
    args: ['--no-sandbox', '--disable-gpu', '--font-render-hinting=none'],
  });
}
