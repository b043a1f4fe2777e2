import { describe, expect, it } from 'vitest';
import type { FaultHook } from '../../../../infra/local/aws/s3/faults.ts';
import { MiB } from '../../../../lambda/worker/copy/plan.ts';
import { type Copying, copyWhole, startCopying } from '../../../support/copying.ts';
import { contentOf } from '../../../support/source-server.ts';

const SMALL = { size: 1000 };
const LARGE = { size: 12 * MiB };
const OUT_OF_TIME = { kind: 'out-of-time' };
/** By a clock that stands still at 0, so that only the engine's timer can end a call. */
const STOPPED = { clock: () => 0 };

async function planned(copying: Copying) {
  const started = await copying.engine.start(copying.job());
  if (started.kind !== 'planned') throw new Error('expected a plan');
  return started.plan;
}

/** No request of an operation ever gets a response. */
function hanging(operation: Parameters<FaultHook>[0]['operation']): FaultHook {
  return (request) => (request.operation === operation ? 'hang' : undefined);
}

describe('a call whose time is up while a request is under way', () => {
  it('returns out-of-time from start when the source is silent', async () => {
    const copying = await startCopying({
      file: SMALL,
      engine: STOPPED,
      fault: () => ({ silentAfterBytes: 10 }),
    });

    expect(await copying.engine.start(copying.job(), { stopAt: 50 })).toEqual(OUT_OF_TIME);
    expect(await copying.exists()).toBe(false);
  });

  it('returns out-of-time from start when the bucket is silent', async () => {
    const copying = await startCopying({
      file: SMALL,
      engine: STOPPED,
      s3: { faults: hanging('PutObject') },
    });

    expect(await copying.engine.start(copying.job(), { stopAt: 50 })).toEqual(OUT_OF_TIME);
  });

  it('returns out-of-time from start while it waits for memory', async () => {
    const copying = await startCopying({
      file: LARGE,
      engine: { ...STOPPED, bufferBytes: 5 * MiB, connectionsPerOrigin: 1 },
      fault: () => ({ silentAfterBytes: 10 }),
    });
    const holder = copying.engine.start(copying.job({ key: 'a' }), { stopAt: 200 });

    expect(await copying.engine.start(copying.job({ key: 'b' }), { stopAt: 50 })).toEqual(OUT_OF_TIME);
    expect(await holder).toEqual(OUT_OF_TIME);
  });

  it('returns out-of-time from complete, and the next call completes', async () => {
    const copying = await startCopying({ file: LARGE, engine: STOPPED });
    const job = copying.job();
    const plan = await planned(copying);
    await copying.engine.copySegment(job, plan, 0);
    copying.s3.setFaults(hanging('CompleteMultipartUpload'));

    expect(await copying.engine.complete(job, plan, { stopAt: 50 })).toEqual(OUT_OF_TIME);
    copying.s3.setFaults(undefined);

    expect(await copying.engine.complete(job, plan)).toMatchObject({ kind: 'copied' });
    expect((await copying.object()).body.equals(contentOf(LARGE))).toBe(true);
  });

  it('ends between the attempts at a request that fails', async () => {
    const copying = await startCopying({
      file: SMALL,
      engine: { ...STOPPED, retry: { attempts: 9, firstMs: 1_000_000, maxMs: 1_000_000 } },
      fault: () => ({ status: 503 }),
    });

    expect(await copying.engine.start(copying.job(), { stopAt: 50 })).toEqual(OUT_OF_TIME);
  });
});

describe('a call whose time is up before it begins', () => {
  it('makes no request', async () => {
    const copying = await startCopying({ file: LARGE });
    const job = copying.job();
    const plan = await planned(copying);
    const requests = copying.source.requests.length;
    const past = { stopAt: Date.now() - 1 };
    const asked: string[] = [];
    copying.s3.setFaults(({ operation }) => void asked.push(operation));

    expect(await copying.engine.start(job, past)).toEqual(OUT_OF_TIME);
    expect(await copying.engine.copySegment(job, plan, 0, past)).toEqual({ ...OUT_OF_TIME, bytesDone: 0 });
    expect(await copying.engine.complete(job, plan, past)).toEqual(OUT_OF_TIME);
    expect([copying.source.requests.length, asked]).toEqual([requests, []]);
  });
});

describe('a clock that jumps', () => {
  it.each([Number.NaN, Number.NEGATIVE_INFINITY, -(2 ** 60)])('ends a call early at %s', async (jump) => {
    const copying = await startCopying({ file: SMALL });

    expect(await copying.engine.start(copying.job(), { stopAt: jump })).toEqual(OUT_OF_TIME);
  });

  it.each([Number.POSITIVE_INFINITY, 2 ** 60, 2 ** 31, 2 ** 31 - 0.5])(
    'ends no call before a time of %s is up',
    async (stopAt) => {
      const copying = await startCopying({ file: SMALL, engine: STOPPED });

      expect(await copying.engine.start(copying.job(), { stopAt })).toMatchObject({ kind: 'copied' });
    },
  );
});

describe('a part that is streamed', () => {
  it('is sent again from its first byte when the bucket fails', async () => {
    const copying = await startCopying({
      file: { size: 24 * MiB },
      engine: { bufferBytes: 2 * MiB, partBytes: 8 * MiB, maxConcurrency: 1 },
      s3: {
        faults: ({ operation, count }) =>
          operation === 'UploadPart' && count === 2 ? { cutAfterBytes: 3 * MiB } : undefined,
      },
    });

    const { verifiedBy } = await copyWhole(copying.engine, copying.job());

    expect(verifiedBy).toEqual(['crc32']);
    expect((await copying.object()).body.equals(contentOf({ size: 24 * MiB }))).toBe(true);
    expect(copying.source.bytesSent()).toBeGreaterThan(24 * MiB);
  });
});
