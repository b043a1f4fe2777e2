import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backOffMs } from '../../../../lambda/shared/runtime/back-off.ts';

describe('backOffMs', () => {
  const backOff = { firstMs: 100, maxMs: 1000 };

  it('doubles with each attempt, up to the maximum', () => {
    const waits = [1, 2, 3, 4, 5, 6].map((attempts) => backOffMs(backOff, { attempts, jitter: 1 }));
    expect(waits).toEqual([100, 200, 400, 800, 1000, 1000]);
  });

  it('jitters the upper half of each step', () => {
    expect(backOffMs(backOff, { attempts: 2, jitter: 0 })).toBe(100);
    expect(backOffMs(backOff, { attempts: 2, jitter: 0.5 })).toBe(150);
  });

  it('stays between half the first wait and the maximum, for any number of attempts', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100_000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (attempts, jitter) => {
          const wait = backOffMs(backOff, { attempts, jitter });
          expect(wait).toBeGreaterThanOrEqual(50);
          expect(wait).toBeLessThanOrEqual(1000);
        },
      ),
    );
  });
});
