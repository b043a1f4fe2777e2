import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readAssembly } from '../../../../infra/local/cloudformation/assembly.ts';
import { cachedAssembly } from '../../../../infra/local/cloudformation/cached-assembly.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'assemblies-'));
});

afterAll(() => rm(folder, { recursive: true }));

describe('the assembly of the sources', () => {
  it('is synthesized once for the same sources and settings', { timeout: 60_000 }, async () => {
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

  it('says which settings are faulty, and keeps nothing of it', { timeout: 60_000 }, async () => {
    const before = await readdir(folder);
    await expect(cachedAssembly({ maxConcurrency: 'many' }, folder)).rejects.toThrow('maxConcurrency');
    expect(await readdir(folder)).toEqual(before);
  });
});
