import { HELP, soakOptions, UsageError } from './options.ts';
import { reportText } from './report.ts';
import { soak } from './soak.ts';

const { stdout, stderr } = process;

try {
  const options = soakOptions(process.argv.slice(2));
  if (options.help) {
    stdout.write(HELP);
  } else {
    const report = await soak(options, tell);
    tell('');
    stdout.write(options.json ? `${JSON.stringify(report)}\n` : reportText(report));
    process.exitCode = report.ok ? 0 : 1;
  }
} catch (error) {
  const isUsage = error instanceof UsageError;
  stderr.write(`soak: ${error instanceof Error ? (isUsage ? error.message : error.stack) : String(error)}\n`);
  process.exitCode = isUsage ? 2 : 1;
}

// Whatever a server may have left open, a soak ends; what it was is worth knowing.
setTimeout(() => {
  stderr.write(`soak: still open: ${process.getActiveResourcesInfo().join(', ')}\n`);
  process.exit();
}, 10_000).unref();

/** Progress is for people: one line, written over, on a terminal. */
function tell(text: string): void {
  if (stderr.isTTY) stderr.write(`\r\u001b[2K${text}`);
}
