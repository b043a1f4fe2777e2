/**
 * Runs one of this project's programs, after a look at the version of Node: `node infra/run.mjs infra/cli/status.ts --help`.
 * Without a program it only looks.
 *
 * It is JavaScript since Node 20 reads no TypeScript and would end with a stack trace. npm puts the Node 24 of
 * `node_modules/.bin` first on the PATH of scripts, where it has one: on Linux. Elsewhere the installed Node runs them.
 */

import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

/** That of the Lambda runtime; `await using` and types in sources need it too. */
const REQUIRED = 24;

const found = process.versions.node;
const [, , program] = process.argv;
if (Number(found.split('.', 1)[0]) < REQUIRED) {
  const how =
    process.platform === 'linux'
      ? 'npm ci installs it on Linux (x64 and arm64), and npm run and npx use it: run npm ci, then this by npm run.'
      : `npm ci installs it on Linux only. Install Node ${REQUIRED} (https://nodejs.org), then run npm ci again.`;
  process.stderr.write(`Node ${REQUIRED} or newer is required; this is Node ${found}. ${how}\n`);
  process.exitCode = 1;
} else if (program !== undefined) {
  const path = resolve(program);
  // The program sees the command line that it would have without this one.
  process.argv.splice(1, 2, path);
  await import(pathToFileURL(path).href);
}
