import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { GiB } from '../../../../lambda/worker/copy/plan.ts';
import { bundleContestants, runContestant, startServer } from '../../../bench/harness.ts';

/** Megabytes that V8 may use for JavaScript's own objects; beyond it the process ends. */
const HEAP = '--max-old-space-size=48';
const MAX_RSS_MIB = 256;

describe('the memory of a copy', () => {
  it('stays under 256 MiB for 4 GiB, with a heap of 48 MiB', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'copy-memory-'));
    const [source, sink] = await Promise.all([startServer('source', 0), startServer('sink', 0)]);
    onTestFinished(() => {
      source.close();
      sink.close();
      rmSync(dir, { recursive: true, force: true });
    });
    const script = await bundleContestants(dir);
    const task = { source: source.origin, sink: sink.origin, bucket: 'bench', size: 4 * GiB, files: 1 };

    const measure = await runContestant(script, 'engine', task, [HEAP]);

    expect(measure.rss).toBeLessThan(MAX_RSS_MIB);
    expect((await sink.stats()).bytes).toBe(4 * GiB);
  }, 300_000);
});
