import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { glob, readdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { HOUR_MS } from '../../../lambda/shared/runtime/durations.ts';
import type { SynthesizeOptions } from '../../synthesize.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');
const KEPT_ASSEMBLIES = 4;
/** A stack that runs loads bundles from its assembly: what was used that lately may be in use. */
const MAY_BE_IN_USE_MILLISECONDS = 24 * HOUR_MS;

/** What decides how an assembly comes out; `infra/local` and `infra/cli` only read it. */
const SOURCES = ['lambda/**/*.{ts,tsx}', 'infra/{*.ts,constructs/*.ts}', 'cdk.json', 'package-lock.json'];

/**
 * The cloud assembly of the sources as they are, synthesized unless the same sources and settings were before.
 *
 * @param context settings, before those in `cdk.json`
 * @param folder where assemblies are kept, each under a digest of what it was made from
 * @returns its directory
 * @throws {InvalidConfig} when settings are invalid
 */
export async function cachedAssembly(
  context: Readonly<Record<string, unknown>>,
  folder = join(ROOT, '.local', 'assemblies'),
): Promise<string> {
  const directory = join(folder, await assemblyDigest(context));
  if (existsSync(join(directory, 'manifest.json'))) {
    const now = new Date();
    await utimes(directory, now, now);
    return directory;
  }
  const unfinished = `${directory}.${process.pid}.${performance.now().toFixed(0)}`;
  try {
    await synthesizeInThread({ context, outdir: unfinished });
    await rename(unfinished, directory).catch((error: unknown) => {
      // Another process was faster: what it wrote is the same.
      if (!existsSync(join(directory, 'manifest.json'))) throw error;
    });
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
  await removeOld(folder);
  return directory;
}

/** In a thread, which takes the CDK's memory with it when it ends and leaves this one free to show progress. */
async function synthesizeInThread(options: SynthesizeOptions): Promise<void> {
  const thread = new Worker(new URL('./synthesize-thread.ts', import.meta.url), {
    workerData: options,
    execArgv: [],
    // It lists the assets that are being bundled.
    stderr: true,
    name: 'synthesize',
  });
  // `once` also rejects with what the thread threw.
  const [code] = await once(thread, 'exit');
  if (code !== 0) throw new Error(`synthesis ended with code ${String(code)}`);
}

/** The files that decide how an assembly comes out, relative to `root`, in order. */
export async function assemblySources(root = ROOT): Promise<string[]> {
  return (await Array.fromAsync(glob(SOURCES, { cwd: root }))).toSorted();
}

/** A digest of those files and of the settings. */
export async function assemblyDigest(
  context: Readonly<Record<string, unknown>>,
  root = ROOT,
): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(context));
  for (const file of await assemblySources(root)) {
    hash.update(`\0${file}\0`).update(await readFile(join(root, file)));
  }
  return hash.digest('hex').slice(0, 16);
}

async function removeOld(folder: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => /^[0-9a-f]{16}$/.test(name));
  const dated = await Promise.all(
    names.map(async (name) => ({ name, used: (await stat(join(folder, name))).mtimeMs })),
  );
  const old = dated
    .toSorted((a, b) => b.used - a.used)
    .slice(KEPT_ASSEMBLIES)
    .filter(({ used }) => Date.now() - used > MAY_BE_IN_USE_MILLISECONDS);
  await Promise.all(old.map(({ name }) => rm(join(folder, name), { recursive: true, force: true })));
}
