import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Measure } from './contestant.ts';
import type { Task } from './contestants/task.ts';
import { externalContestants, measureExternal } from './external.ts';
import { type BenchServer, bundleContestants, runContestant, startServer } from './harness.ts';
import { printReport, type Result, type Row } from './report.ts';

/**
 * `npm run bench -- [--sizes 1MiBx100,64MiB,1GiB,4GiB] [--reps 3] [--only engine,obvious] [--rate 20]`: the copy engine
 * against what a team would write or use instead, and against the least that Node can do; all in one run, interleaved,
 * over TLS on both sides. `--rate` limits each connection to that many MB/s, with 25 ms of latency.
 */

const HELP =
  'usage: npm run bench -- [--sizes 1MiBx100,64MiB,1GiB,4GiB] [--reps 3] [--only a,b] [--rate MB/s]';
const UNITS: Record<string, number> = { KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };
/** From this size on one repetition says enough. */
const LONG_BYTES = 4 * 2 ** 30;

const { values: options } = parseArgs({
  options: {
    sizes: { type: 'string', default: '1MiBx100,64MiB,1GiB,4GiB' },
    reps: { type: 'string', default: '3' },
    only: { type: 'string', default: '' },
    rate: { type: 'string', default: '0' },
    help: { type: 'boolean', default: false },
  },
});

type Runner = (task: Task) => Promise<Measure>;

await main();

async function main(): Promise<void> {
  if (options.help) {
    console.log(HELP);
    return;
  }
  const rate = Number(options.rate);
  const dir = mkdtempSync(join(tmpdir(), 'zencoder-recovery-bench-'));
  const [source, sink] = await Promise.all([startServer('source', rate), startServer('sink', rate)]);
  try {
    const runners = await contestants(dir);
    const rows: Row[] = [];
    for (const size of options.sizes.split(',')) {
      rows.push({ label: size, ...(await race(parseSize(size), source, sink, runners)) });
    }
    printReport(rows, {
      date: new Date(),
      cpu: `${cpus().length} × ${cpus()[0]?.model ?? '?'}`,
      rate,
    });
  } finally {
    source.close();
    sink.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

function parseSize(text: string): { size: number; files: number } {
  const match = /^(\d+)(KiB|MiB|GiB)(?:x(\d+))?$/.exec(text);
  if (match === null) throw new Error(`${text} is no size; ${HELP}`);
  return { size: Number(match[1]) * (UNITS[match[2] ?? ''] ?? 1), files: Number(match[3] ?? 1) };
}

/** Those of this project first, then other people's programs that are installed. */
async function contestants(dir: string): Promise<Map<string, Runner>> {
  const script = await bundleContestants(dir);
  const runners = new Map<string, Runner>();
  for (const name of ['pump', 'engine', 'obvious']) {
    runners.set(name, (task) => runContestant(script, name, task));
  }
  for (const external of externalContestants()) {
    runners.set(external.name, (task) => measureExternal(external, task));
  }
  const only = options.only.split(',').filter((name) => name !== '');
  return new Map([...runners].filter(([name]) => only.length === 0 || only.includes(name)));
}

async function race(
  what: { size: number; files: number },
  source: BenchServer,
  sink: BenchServer,
  runners: Map<string, Runner>,
): Promise<Omit<Row, 'label'>> {
  const task = { ...what, source: source.origin, sink: sink.origin, bucket: 'bench' };
  const repetitions = task.size >= LONG_BYTES ? 1 : Number(options.reps);
  const results = new Map<string, Result[]>();
  for (let repetition = 0; repetition < repetitions; repetition++) {
    for (const [name, run] of runners) {
      // External programs start once for each file: no realistic way to copy a hundred small ones.
      if (task.files > 1 && !['engine', 'obvious', 'pump'].includes(name)) continue;
      await Promise.all([source.stats(), sink.stats()]);
      const measure = await run(task);
      const [from, to] = await Promise.all([source.stats(), sink.stats()]);
      results.set(name, [...(results.get(name) ?? []), { ...measure, source: from, sink: to }]);
    }
  }
  return { ...what, results };
}
