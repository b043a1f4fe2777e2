import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type RouteThrottle, RouteThrottles } from '../../../../../infra/local/aws/api-gateway/throttle.ts';

describe('RouteThrottles', () => {
  const rates = fc.integer({ min: 1, max: 50 });
  const bursts = fc.integer({ min: 1, max: 20 });

  it('admits no more than burst and rate allow in any span', () => {
    const gaps = fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(gaps, rates, bursts, (waits, rate, burst) => {
        const times = admittedAt(waits, { rate, burst });
        const spans = times.flatMap((begin, from) =>
          times.slice(from).map((end, index) => ({ count: index + 1, seconds: (end - begin) / 1000 })),
        );
        const tooMany = spans.filter(({ count, seconds }) => count > burst + seconds * rate + 1e-6);
        expect(tooMany).toEqual([]);
      }),
    );
  });

  it('admits every request of a client that keeps the rate', () => {
    fc.assert(
      fc.property(rates, bursts, (rate, burst) => {
        const waits = Array.from({ length: 50 }, () => Math.ceil(1000 / rate));
        expect(admittedAt(waits, { rate, burst })).toHaveLength(waits.length);
      }),
    );
  });

  it('keeps the buckets of routes apart', () => {
    const own = new Map([['POST /notifications', { rate: 500, burst: 3 }]]);
    const throttles = new RouteThrottles({ rate: 10, burst: 1 }, own, () => 0);
    const flood = Array.from({ length: 50 }, () => throttles.admits('$default'));
    expect(flood.filter(Boolean)).toHaveLength(1);
    expect(throttles.admits('GET /')).toBe(true);
    const notifications = Array.from({ length: 4 }, () => throttles.admits('POST /notifications'));
    expect(notifications).toEqual([true, true, true, false]);
  });

  it('admits everything on a stage without throttles', () => {
    const throttles = new RouteThrottles(undefined, new Map(), () => 0);
    expect(Array.from({ length: 100 }, () => throttles.admits('GET /')).every(Boolean)).toBe(true);
  });
});

/** When requests are admitted that come with these milliseconds between them. */
function admittedAt(waits: readonly number[], throttle: RouteThrottle): number[] {
  let now = 0;
  const throttles = new RouteThrottles(throttle, new Map(), () => now);
  return waits.flatMap((wait) => {
    now += wait;
    return throttles.admits('$default') ? [now] : [];
  });
}
