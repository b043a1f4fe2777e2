import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readAssembly } from '../../../../infra/local/cloudformation/assembly.ts';
import {
  assemblyDigest,
  assemblySources,
  cachedAssembly,
} from '../../../../infra/local/cloudformation/cached-assembly.ts';
import { MINUTE_MS } from '../../../../lambda/shared/runtime/durations.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'assemblies-'));
});

afterAll(() => rm(folder, { recursive: true }));

describe('cachedAssembly', () => {
  it('synthesizes once for the same sources and settings', { timeout: MINUTE_MS }, async () => {
    const [first, other] = await Promise.all([
      cachedAssembly({ stackName: 'One' }, folder),
      cachedAssembly({ stackName: 'Two' }, folder),
    ]);
    const written = (await stat(join(first, 'manifest.json'))).mtimeMs;
    expect(await cachedAssembly({ stackName: 'One' }, folder)).toBe(first);
    expect((await stat(join(first, 'manifest.json'))).mtimeMs).toBe(written);
    expect(readAssembly(first).name).toBe('One');
    expect(readAssembly(other).name).toBe('Two');
    expect(await readdir(folder)).toHaveLength(2);
  });

  it('names the invalid settings and keeps no assembly of them', { timeout: MINUTE_MS }, async () => {
    const before = await readdir(folder);
    await expect(cachedAssembly({ maxConcurrency: 'many' }, folder)).rejects.toThrow('maxConcurrency');
    expect(await readdir(folder)).toEqual(before);
  });
});

describe('assemblySources', () => {
  it('lists every module that the synthesis loads', async () => {
    const root = join(import.meta.dirname, '..', '..', '..', '..');
    const { metafile } = await build({
      absWorkingDir: root,
      entryPoints: ['infra/synthesize.ts'],
      bundle: true,
      platform: 'node',
      format: 'esm',
      packages: 'external',
      write: false,
      metafile: true,
    });
    const loaded = Object.keys(metafile.inputs);
    expect(loaded).toContain('infra/constructs/worker.ts');
    expect(await assemblySources()).toEqual(expect.arrayContaining(loaded));
  });
});

describe('assemblyDigest', () => {
  const FILES = [
    'lambda/worker/handler.ts',
    'infra/stack.ts',
    'infra/constructs/bucket.ts',
    'infra/cli/status.ts',
    'infra/local/emulator.ts',
    'cdk.json',
    'package-lock.json',
  ];
  let root: string;

  beforeAll(async () => {
    root = join(folder, 'project');
    for (const file of FILES) {
      await mkdir(dirname(join(root, file)), { recursive: true });
      await writeFile(join(root, file), 'before');
    }
  });

  it.each([
    ['infra/constructs/bucket.ts', true],
    ['infra/stack.ts', true],
    ['lambda/worker/handler.ts', true],
    ['cdk.json', true],
    ['package-lock.json', true],
    ['infra/cli/status.ts', false],
    ['infra/local/emulator.ts', false],
  ])('changes with %s: %s', async (file, isNew) => {
    const before = await assemblyDigest({}, root);
    await writeFile(join(root, file), 'after');
    expect((await assemblyDigest({}, root)) !== before).toBe(isNew);
  });
});
