import { UploadPartCommand } from '@aws-sdk/client-s3';
import { describe, expect, it } from 'vitest';
import { MiB } from '../../../../lambda/worker/copy/plan.ts';
import type { CopyEngine, CopyJob, CopyPlan } from '../../../../lambda/worker/copy/types.ts';
import { BUCKET, type Copying, KEY, startCopying } from '../../../support/copying.ts';
import { contentOf } from '../../../support/source-server.ts';

const PART = 5 * MiB;
/** Ten parts, the last one short. */
const FILE = { size: 9 * PART + 1234 };

async function planned(engine: CopyEngine, job: CopyJob): Promise<CopyPlan> {
  const started = await engine.start(job);
  if (started.kind !== 'planned') throw new Error('expected a plan');
  // A plan that is kept comes back as plain JSON.
  const kept: CopyPlan = JSON.parse(JSON.stringify(started.plan));
  return kept;
}

/** Ends an attempt with the parts in flight, as a killed process would, after so many parts. */
async function copyUntilKilled(
  copying: Copying,
  engine: CopyEngine,
  plan: CopyPlan,
  parts: number,
  segment = 0,
) {
  let done = 0;
  const attempt = engine.copySegment(copying.job(), plan, segment, {
    onProgress: () => {
      done++;
      if (done === parts) throw new Error('killed');
    },
  });
  await expect(attempt).rejects.toThrow('killed');
}

describe('CopyEngine.copySegment', () => {
  it('copies only what is missing after a crash, at the cost of the parts in flight', async () => {
    const copying = await startCopying({ file: FILE, engine: { maxConcurrency: 2 } });
    const job = copying.job();
    const plan = await planned(copying.engine, job);
    await copyUntilKilled(copying, copying.engine, plan, 4);

    const next = copying.anotherEngine();
    const done = await next.copySegment(job, plan, 0);
    const completed = await next.complete(job, plan);

    expect(done).toEqual({ kind: 'done', bytesDone: FILE.size });
    expect(completed.kind).toBe('copied');
    expect((await copying.object()).body.equals(contentOf(FILE))).toBe(true);
    expect(copying.source.bytesSent()).toBeLessThanOrEqual(FILE.size + 2 * PART);
  });

  it('goes on after a crash in the same process as well', async () => {
    const copying = await startCopying({ file: FILE, engine: { maxConcurrency: 2 } });
    const job = copying.job();
    const plan = await planned(copying.engine, job);
    await copyUntilKilled(copying, copying.engine, plan, 3);

    await copying.engine.copySegment(job, plan, 0);
    await copying.engine.complete(job, plan);

    expect((await copying.object()).body.equals(contentOf(FILE))).toBe(true);
  });

  it('leaves MD5 out of verifiedBy for a resumed copy', async () => {
    const copying = await startCopying({ file: FILE, engine: { maxConcurrency: 2 } });
    const job = copying.job({ expectedSize: FILE.size, expectedMd5: 'f'.repeat(32) });
    const plan = await planned(copying.engine, job);
    await copyUntilKilled(copying, copying.engine, plan, 3);

    await copying.engine.copySegment(job, plan, 0);
    const completed = await copying.engine.complete(job, plan);

    expect(completed).toMatchObject({ result: { verifiedBy: ['size', 'crc32'], warnings: [] } });
  });

  it('begins no part that would probably not end in time', async () => {
    let now = 0;
    const copying = await startCopying({
      file: FILE,
      engine: { maxConcurrency: 1, clock: () => now },
      fault: () => {
        now += 10_000;
        return undefined;
      },
    });
    const job = copying.job();
    const plan = await planned(copying.engine, job);

    const outcome = await copying.engine.copySegment(job, plan, 0, { stopAt: now + 24_000 });

    // The first part is there already, the second takes ten seconds: what is left is not enough for a third.
    expect(outcome).toEqual({ kind: 'out-of-time', bytesDone: 2 * PART });
    expect(copying.source.requests.length).toBe(2);
  });

  it('stops parts in flight when the time is up, and the next attempt goes on', async () => {
    const copying = await startCopying({
      file: FILE,
      engine: { maxConcurrency: 1, clock: () => 0 },
      fault: ({ count }) => (count === 3 ? { silentAfterBytes: 1000 } : undefined),
    });
    const job = copying.job();
    const plan = await planned(copying.engine, job);

    const outcome = await copying.engine.copySegment(job, plan, 0, { stopAt: 2500 });
    const next = await copying.engine.copySegment(job, plan, 0);

    expect(outcome).toEqual({ kind: 'out-of-time', bytesDone: 2 * PART });
    expect(next).toEqual({ kind: 'done', bytesDone: FILE.size });
  });

  it('reports the bytes done, those of earlier attempts included', async () => {
    const copying = await startCopying({ file: FILE, engine: { maxConcurrency: 1 } });
    const job = copying.job();
    const plan = await planned(copying.engine, job);
    await copyUntilKilled(copying, copying.engine, plan, 7);

    const told: number[] = [];
    await copying.anotherEngine().copySegment(job, plan, 0, { onProgress: (bytes) => told.push(bytes) });

    expect(told).toEqual([8 * PART, 9 * PART, FILE.size]);
  });

  it('copies segments side by side in several processes, and the last to finish completes', async () => {
    const copying = await startCopying({ file: FILE, engine: { segmentBytes: 3 * PART, maxConcurrency: 2 } });
    const job = copying.job();
    const plan = await planned(copying.engine, job);
    expect(plan.segments).toBe(4);

    const outcomes = await Promise.all(
      Array.from({ length: plan.segments }, async (_, segment) => {
        const engine = segment === 0 ? copying.engine : copying.anotherEngine();
        await engine.copySegment(job, plan, segment);
        return engine.complete(job, plan);
      }),
    );

    expect(outcomes.filter(({ kind }) => kind === 'copied').length).toBeGreaterThanOrEqual(1);
    expect((await copying.object()).body.equals(contentOf(FILE))).toBe(true);
    expect(await copying.openUploads()).toBe(0);
  });

  it('leaves complete to name the segments that are missing', async () => {
    const copying = await startCopying({ file: FILE, engine: { segmentBytes: 3 * PART } });
    const job = copying.job();
    const plan = await planned(copying.engine, job);
    await copying.engine.copySegment(job, plan, 1);

    expect(await copying.anotherEngine().complete(job, plan)).toEqual({
      kind: 'incomplete',
      missingParts: 7,
      missingSegments: [0, 2, 3],
      bytesDone: 3 * PART,
    });
  });

  it('does not read the first part again when other files were copied in between', async () => {
    const copying = await startCopying({ file: { size: 11 * MiB } });
    const job = copying.job();
    const plan = await planned(copying.engine, job);
    const other = copying.job({ key: 'other' });
    const otherPlan = await planned(copying.engine, other);

    await copying.engine.copySegment(job, plan, 0);
    await copying.engine.copySegment(other, otherPlan, 0);

    expect(copying.source.bytesSent()).toBe(2 * 11 * MiB);
  });

  it('frees the memory of first parts that no call has asked for when others need it', async () => {
    const copying = await startCopying({ file: FILE, engine: { bufferBytes: 2 * PART } });
    const plans = [];
    for (const key of ['a', 'b', 'c', 'd']) plans.push(await planned(copying.engine, copying.job({ key })));

    for (const plan of plans) {
      const job = copying.job({ key: plan.key });
      await copying.engine.copySegment(job, plan, 0);
      await copying.engine.complete(job, plan);
      expect((await copying.object(plan.key)).body.equals(contentOf(FILE))).toBe(true);
    }
  });

  it('copies a part again whose stored size is wrong', async () => {
    const copying = await startCopying({ file: FILE });
    const job = copying.job();
    const plan = await planned(copying.engine, job);
    const part = { UploadId: plan.uploadId, PartNumber: 2, Body: Buffer.alloc(1000) };
    await copying.client.send(
      new UploadPartCommand({ Bucket: BUCKET, Key: KEY, ...part, ChecksumAlgorithm: 'CRC32' }),
    );

    const other = copying.anotherEngine();
    await other.copySegment(job, plan, 0);
    await other.complete(job, plan);

    expect((await copying.object()).body.equals(contentOf(FILE))).toBe(true);
  });

  it('begins a part in every call, however slow an earlier one was, and measures the rate anew', async () => {
    const minute = 60_000;
    let now = 0;
    const copying = await startCopying({
      file: FILE,
      engine: { maxConcurrency: 1, clock: () => now },
      // The second part, which is the second request, takes ten minutes.
      fault: ({ count }) => {
        if (count === 2) now += 10 * minute;
        return undefined;
      },
    });
    const job = copying.job();
    const plan = await planned(copying.engine, job);
    const call = () => copying.engine.copySegment(job, plan, 0, { stopAt: now + 14 * minute });

    expect(await call()).toEqual({ kind: 'out-of-time', bytesDone: 2 * PART });
    expect(await call()).toEqual({ kind: 'done', bytesDone: FILE.size });
  });

  it('begins a part in every call even at a rate that lets none end in time', async () => {
    const minute = 60_000;
    let now = 0;
    const copying = await startCopying({
      file: FILE,
      engine: { maxConcurrency: 4, clock: () => now },
      fault: () => {
        now += 10 * minute;
        return undefined;
      },
    });
    const job = copying.job();
    const plan = await planned(copying.engine, job);
    const bytes: number[] = [];
    for (let calls = 0; calls < plan.parts && bytes.at(-1) !== FILE.size; calls++) {
      const { bytesDone } = await copying.engine.copySegment(job, plan, 0, { stopAt: now + 14 * minute });
      bytes.push(bytesDone);
    }

    expect(bytes.at(-1)).toBe(FILE.size);
    expect(bytes).toEqual([...new Set(bytes)]);
  });
});
