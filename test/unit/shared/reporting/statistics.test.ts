import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ChartCounter,
  MAX_SERIES,
  OTHER_CLASSES,
  stepFor,
} from '../../../../lambda/shared/reporting/statistics.ts';
import { DAY_MS, HOUR_MS } from '../../../../lambda/shared/runtime/durations.ts';

const NOW = Date.parse('2026-03-15T12:30:00Z');

describe('stepFor and ChartCounter', () => {
  it.each([
    [DAY_MS, HOUR_MS],
    [7 * DAY_MS, 6 * HOUR_MS],
    [30 * DAY_MS, DAY_MS],
    [365 * DAY_MS, 7 * DAY_MS],
  ])('divide %d ms into columns of %d ms', (span, step) => {
    expect(stepFor(span)).toBe(step);
  });

  it('start columns at whole steps of UTC and cover the whole span', () => {
    const { buckets } = new ChartCounter(NOW - DAY_MS, NOW).data();
    expect(buckets[0]?.start).toBe(Date.parse('2026-03-14T12:00:00Z'));
    expect(buckets.at(-1)).toMatchObject({ start: Date.parse('2026-03-15T12:00:00Z'), counts: [] });
  });
});

describe('ChartCounter', () => {
  it('sorts classes by frequency, each failure in the column of its time', () => {
    const counter = new ChartCounter(NOW - DAY_MS, NOW);
    counter.add({ errorClass: 'Rare', failedAt: NOW - HOUR_MS });
    counter.add({ errorClass: 'Often', failedAt: NOW - HOUR_MS });
    counter.add({ errorClass: 'Often', failedAt: NOW - 2 * HOUR_MS });
    const { series, totals, buckets } = counter.data();
    expect(series).toEqual(['Often', 'Rare']);
    expect(totals).toEqual([2, 1]);
    expect(buckets.slice(-3).map(({ counts }) => counts)).toEqual([
      [1, 0],
      [1, 1],
      [0, 0],
    ]);
  });

  it('groups rare classes into one series when there are too many', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ errorClass: fc.stringMatching(/^[A-Z][a-z]$/), hours: fc.nat({ max: 23 }) })),
        (failures) => {
          const counter = new ChartCounter(NOW - DAY_MS, NOW);
          for (const { errorClass, hours } of failures) {
            counter.add({ errorClass, failedAt: NOW - hours * HOUR_MS });
          }
          const { series, total } = counter.data();
          const classes = new Set(failures.map(({ errorClass }) => errorClass));
          expect(total).toBe(failures.length);
          expect(series.length).toBe(Math.min(classes.size, MAX_SERIES));
          expect(series.includes(OTHER_CLASSES)).toBe(classes.size > MAX_SERIES);
        },
      ),
    );
  });
});
