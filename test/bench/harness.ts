import { type ChildProcess, execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import type { Measure } from './contestant.ts';
import type { Task } from './contestants/task.ts';
import type { ServerStats } from './servers.ts';

/** Source or sink in a process of its own. */
export interface BenchServer {
  readonly origin: string;
  /** Counts since the last call. */
  stats(): Promise<ServerStats>;
  close(): void;
}

/** @param rate MB/s that each connection is limited to; 0 for no limit. */
export async function startServer(role: 'source' | 'sink', rate: number): Promise<BenchServer> {
  const child = fork(new URL('servers.ts', import.meta.url), [role, `${rate}`]);
  const { port } = await responseOf<{ port: number }>(child);
  return {
    origin: `https://localhost:${port}`,
    stats: () => {
      const response = responseOf<ServerStats>(child);
      child.send('stats');
      return response;
    },
    close: () => child.disconnect(),
  };
}

async function responseOf<T>(child: ChildProcess): Promise<T> {
  const [response]: T[] = await once(child, 'message');
  if (response === undefined) throw new Error('a server sent nothing');
  return response;
}

/**
 * Bundles the contestants as the function is bundled, so that loading and compiling them costs what it costs deployed.
 *
 * @returns the script to run.
 */
export async function bundleContestants(dir: string): Promise<string> {
  await build({
    entryPoints: [new URL('contestant.ts', import.meta.url).pathname],
    outdir: dir,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    minify: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    mainFields: ['module', 'main'],
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
  });
  return join(dir, 'contestant.mjs');
}

/** Runs one contestant until it exits. @param nodeOptions e.g. `--max-old-space-size=64`. */
export async function runContestant(
  script: string,
  name: string,
  task: Task,
  nodeOptions: readonly string[] = [],
): Promise<Measure> {
  const certificate = new URL('../fixtures/tls/cert.pem', import.meta.url).pathname;
  const env = { ...process.env, NODE_EXTRA_CA_CERTS: certificate, NODE_OPTIONS: '' };
  const args = [...nodeOptions, script, name, JSON.stringify(task)];
  const { stdout } = await promisify(execFile)(process.execPath, args, { env });
  const measure: Measure = JSON.parse(stdout);
  return measure;
}
