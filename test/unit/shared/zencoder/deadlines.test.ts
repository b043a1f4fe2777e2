import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isAtRisk, isOver } from '../../../../lambda/shared/zencoder/signed-url.ts';
import { HOUR, NOW } from '../../../support/ledger-data.ts';

const MINUTE = 60_000;

describe('a deadline', () => {
  it('is over a quarter of an hour after its time, since clocks differ', () => {
    expect(isOver(NOW - 15 * MINUTE, NOW)).toBe(false);
    expect(isOver(NOW - 15 * MINUTE - 1, NOW)).toBe(true);
  });

  it.each([
    ['far away', 7 * HOUR, false],
    ['near', 5 * HOUR, true],
    ['just ahead', 1, true],
    ['reached', 0, false],
    ['past', -HOUR, false],
  ])('that is %s puts a file at risk: %d ms left, %s', (_, left, expected) => {
    expect(isAtRisk(NOW + left, { now: NOW, atRiskMs: 6 * HOUR })).toBe(expected);
  });

  it('is never both near and over', () => {
    fc.assert(
      fc.property(fc.integer(), fc.nat(), (left, atRiskMs) => {
        expect(isAtRisk(NOW + left, { now: NOW, atRiskMs }) && isOver(NOW + left, NOW)).toBe(false);
      }),
    );
  });
});
