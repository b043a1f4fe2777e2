import { HELP, soakOptions, UsageError } from './options.ts';
import { reportText } from './report.ts';
import { soak } from './soak.ts';

const { stdout, stderr } = process;

// Not left to end by itself: after some hundred killed threads and reset connections Node's own clean-up may wait for ever
// for a handle that is gone.
process.exit(await run());

/** @returns the exit code. */
async function run(): Promise<number> {
  try {
    const options = soakOptions(process.argv.slice(2));
    if (options.help) {
      await say(stdout, HELP);
      return 0;
    }
    const report = await soak(options, log);
    log('');
    await say(stdout, options.json ? `${JSON.stringify(report)}\n` : reportText(report));
    return report.ok ? 0 : 1;
  } catch (error) {
    const isUsage = error instanceof UsageError;
    const reason = error instanceof Error ? (isUsage ? error.message : error.stack) : String(error);
    await say(stderr, `soak: ${reason}\n`);
    return isUsage ? 2 : 1;
  }
}

/** Resolves when the text has been handed over. */
function say(stream: NodeJS.WriteStream, text: string): Promise<void> {
  return new Promise((resolve) => stream.write(text, () => resolve()));
}

/** Progress is for people: one line, written over, on a terminal. */
function log(text: string): void {
  if (stderr.isTTY) stderr.write(`\r\u001b[2K${text}`);
}
