import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HOUR_MS, MINUTE_MS } from '../../../../lambda/shared/runtime/durations.ts';
import { isAtRisk, isOver } from '../../../../lambda/shared/zencoder/signed-url.ts';
import { NOW } from '../../../support/ledger-data.ts';

describe('isOver', () => {
  it('allows a quarter of an hour after the deadline, since clocks differ', () => {
    expect(isOver(NOW - 15 * MINUTE_MS, NOW)).toBe(false);
    expect(isOver(NOW - 15 * MINUTE_MS - 1, NOW)).toBe(true);
  });
});

describe('isAtRisk', () => {
  it.each([
    ['far away', 7 * HOUR_MS, false],
    ['near', 5 * HOUR_MS, true],
    ['just ahead', 1, true],
    ['reached', 0, false],
    ['past', -HOUR_MS, false],
  ])('for a deadline that is %s, %d ms from now, is %s', (_, left, expected) => {
    expect(isAtRisk(NOW + left, { now: NOW, atRiskMs: 6 * HOUR_MS })).toBe(expected);
  });

  it('is never true for a deadline that is over', () => {
    fc.assert(
      fc.property(fc.integer(), fc.nat(), (left, atRiskMs) => {
        expect(isAtRisk(NOW + left, { now: NOW, atRiskMs }) && isOver(NOW + left, NOW)).toBe(false);
      }),
    );
  });
});
