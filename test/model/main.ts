import { parseArgs } from 'node:util';
import { describeFault, explore } from './explore.ts';
import { run } from './run.ts';
import { startServers } from './servers.ts';

const HELP = `Usage: npm run model -- [options]

Explores the protocol of claim, copy, segment, complete and settle: the real worker, reconcile and ledger code under a
scheduler that chooses which call is made next, with processes that die, responses that are lost, messages that are delivered
twice and late, uploads that disappear and clocks that differ. Each fault is printed with its seed and its shortest trace.

  --runs N          how many interleavings are explored              (1000)
  --seed N          the first seed; each run takes the next          (1)
  --without LIST    strikes to leave out, by index (with --runs 1)
  --trace           print the trace of a single run
  --json            the result as one JSON object

Exit codes: 0 no fault; 1 a fault; 2 invalid arguments.

Examples:
  npm run model -- --runs 5000
  npm run model -- --seed 42 --runs 1 --trace
`;

// Ended here, since timers of processes that the model killed are still pending.
process.exit(await main());

async function main(): Promise<number> {
  const options = read();
  if (typeof options === 'string') {
    process.stderr.write(`model: ${options}\n`);
    return 2;
  }
  if (options.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const servers = await startServers();
  try {
    if (options.runs === 1 && (options.trace || options.leftOut.size > 0)) {
      const { faults, trace } = await run(servers, { seed: options.seed, leftOut: options.leftOut });
      process.stdout.write(`${trace.join('\n')}\n`);
      return faults.length === 0 ? 0 : 1;
    }
    const began = performance.now();
    const found = await explore(servers, { firstSeed: options.seed, runs: options.runs }, (done) => {
      if (process.stderr.isTTY) process.stderr.write(`\r${done} of ${options.runs} runs`);
    });
    if (process.stderr.isTTY) process.stderr.write('\r\u001b[2K');
    const seconds = Math.round((performance.now() - began) / 1000);
    const text = options.json
      ? JSON.stringify({ ...found, seconds })
      : [
          ...found.faults.map(describeFault),
          `${found.runs} runs, ${found.steps} steps, ${seconds} s: ${found.faults.length} kinds of fault`,
        ].join('\n\n');
    process.stdout.write(`${text}\n`);
    return found.faults.length === 0 ? 0 : 1;
  } finally {
    await servers.close();
  }
}

function read() {
  try {
    const { values } = parseArgs({
      options: {
        runs: { type: 'string', default: '1000' },
        seed: { type: 'string', default: '1' },
        without: { type: 'string', default: '' },
        trace: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    const { runs, seed, without, trace, json, help } = values;
    if (!/^[1-9]\d{0,6}$/.test(runs)) return '--runs must be a whole number from 1 to 9999999';
    if (!/^\d{1,9}$/.test(seed)) return '--seed must be a whole number from 0 to 999999999';
    if (!/^(?:\d+(?:,\d+)*)?$/.test(without)) return '--without must be indexes such as 0,3';
    const leftOut = new Set(without === '' ? [] : without.split(',').map(Number));
    return { runs: Number(runs), seed: Number(seed), leftOut, trace, json, help };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
