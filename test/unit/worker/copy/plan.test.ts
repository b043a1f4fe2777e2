import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  concurrencyFor,
  FileTooLarge,
  GiB,
  KiB,
  MiB,
  partsOf,
  planCopy,
  rangeOf,
  S3_LIMITS,
  segmentOf,
  type UploadLimits,
} from '../../../../lambda/worker/copy/plan.ts';

const TiB = 1024 * GiB;
const USUAL = { bufferBytes: 128 * MiB, segmentBytes: 8 * GiB };

/** Limits small enough that whole plans can be walked through. */
const TOY: UploadLimits = { minPartBytes: 4, maxPartBytes: 64, maxParts: 20, aimedParts: 16 };

const sizes = fc.oneof(
  fc.integer({ min: 1, max: 5 * TiB }),
  fc.integer({ min: 1, max: S3_LIMITS.maxParts * S3_LIMITS.maxPartBytes }),
  fc.integer({ min: 1, max: 64 * MiB }),
);
const budgets = fc.integer({ min: 16 * MiB, max: 2 * GiB });
const segments = fc.integer({ min: 1, max: 64 * GiB });

describe('a plan', () => {
  it('keeps within the limits of S3 whatever the size, up to the largest object', () => {
    fc.assert(
      fc.property(sizes, budgets, segments, (size, bufferBytes, segmentBytes) => {
        const plan = planCopy({ size, bufferBytes, segmentBytes });

        expect(plan.partBytes).toBeGreaterThanOrEqual(5 * MiB);
        expect(plan.partBytes).toBeLessThanOrEqual(5 * GiB);
        expect(plan.parts).toBeLessThanOrEqual(10_000);
        if (plan.partBytes < 5 * GiB) expect(plan.parts).toBeLessThanOrEqual(9000);
        expect(plan.partBytes % MiB).toBe(0);
      }),
    );
  });

  it('covers every byte once, in order, by parts and by segments', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: TOY.maxParts * TOY.maxPartBytes }),
        fc.integer({ min: 1, max: 300 }),
        fc.integer({ min: 4, max: 64 }),
        (size, segmentBytes, partBytes) => {
          const plan = planCopy({ size, bufferBytes: 100, segmentBytes, partBytes, limits: TOY });

          let next = 0;
          let lastPart = 0;
          for (let segment = 0; segment < plan.segments; segment++) {
            for (const part of partsOf(plan, segment)) {
              const { from, to } = rangeOf(plan, part);
              expect(from).toBe(next);
              expect(to).toBeGreaterThan(from);
              expect(part).toBe(lastPart + 1);
              expect(segmentOf(plan, part)).toBe(segment);
              if (part < plan.parts) expect(to - from).toBe(plan.partBytes);
              next = to;
              lastPart = part;
            }
          }
          expect(next).toBe(size);
          expect(lastPart).toBe(plan.parts);
        },
      ),
    );
  });

  it('gives a segment about as many bytes as one invocation is to copy, and at least a part', () => {
    fc.assert(
      fc.property(sizes, segments, (size, segmentBytes) => {
        const plan = planCopy({ ...USUAL, size, segmentBytes });

        expect(plan.segmentParts).toBeGreaterThanOrEqual(1);
        expect(plan.segmentParts * plan.partBytes).toBeLessThanOrEqual(
          Math.max(segmentBytes, plan.partBytes),
        );
      }),
    );
  });

  it.each([
    ['a file of an ordinary size', 1 * GiB, 16 * MiB],
    ['a large file', 20 * GiB, 21 * MiB],
    ['the largest object', 10_000 * 5 * GiB, 5 * GiB],
  ])('has parts for %s', (_, size, partBytes) => {
    expect(planCopy({ ...USUAL, size }).partBytes).toBe(partBytes);
  });

  it('refuses what S3 cannot hold, and sizes that are none', () => {
    expect(() => planCopy({ ...USUAL, size: 10_000 * 5 * GiB + 1 })).toThrow(FileTooLarge);
    for (const size of [0, -1, 1.5, Number.NaN])
      expect(() => planCopy({ ...USUAL, size })).toThrow(RangeError);
  });

  it('knows no part and no segment outside itself', () => {
    const plan = planCopy({ ...USUAL, size: 20 * MiB });
    for (const part of [0, 3, 1.5]) expect(() => rangeOf(plan, part)).toThrow(RangeError);
    for (const segment of [-1, 1, 0.5]) expect(() => partsOf(plan, segment)).toThrow(RangeError);
  });
});

describe('concurrency', () => {
  it('never need more memory than there is', () => {
    const parts = fc.integer({ min: 5 * MiB, max: 5 * GiB });
    fc.assert(
      fc.property(
        parts,
        fc.integer({ min: MiB, max: 2 * GiB }),
        fc.integer({ min: 1, max: 12 }),
        (part, buffer, max) => {
          const concurrency = concurrencyFor(part, buffer, max);

          const held = concurrency.kind === 'whole-parts' ? part : concurrency.ring * concurrency.pieceBytes;
          expect(concurrency.concurrency * held).toBeLessThanOrEqual(buffer);
          expect(concurrency.concurrency).toBeGreaterThanOrEqual(1);
          expect(concurrency.concurrency).toBeLessThanOrEqual(max);
        },
      ),
    );
  });

  it('hold whole parts as long as two fit, and stream larger ones', () => {
    expect(concurrencyFor(16 * MiB, 128 * MiB, 12)).toEqual({ kind: 'whole-parts', concurrency: 8 });
    expect(concurrencyFor(5 * MiB, 128 * MiB, 12)).toEqual({ kind: 'whole-parts', concurrency: 12 });
    expect(concurrencyFor(64 * MiB, 128 * MiB, 12)).toEqual({ kind: 'whole-parts', concurrency: 2 });
    expect(concurrencyFor(65 * MiB, 128 * MiB, 12)).toEqual({
      kind: 'streamed',
      concurrency: 2,
      ring: 4,
      pieceBytes: 16 * 1024 * KiB,
    });
  });
});
