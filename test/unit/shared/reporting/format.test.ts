import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bytes,
  counted,
  duration,
  relative,
  timeLeft,
  utcSeconds,
  utcTime,
} from '../../../../lambda/shared/reporting/format.ts';
import { parseDuration } from '../../../../lambda/shared/reporting/time.ts';
import { HOUR_MS, MINUTE_MS } from '../../../../lambda/shared/runtime/durations.ts';

const NOW = Date.parse('2026-03-15T12:00:00Z');

describe('bytes', () => {
  it.each([
    [0, '0 bytes'],
    [1, '1 byte'],
    [999, '999 bytes'],
    [1000, '1.0 kB'],
    [99_940, '99.9 kB'],
    [99_960, '100 kB'],
    [999_400, '999 kB'],
    [999_999, '1.0 MB'],
    [19_874_410, '19.9 MB'],
    [4_821_193_700, '4.8 GB'],
    [5 * 10 ** 15, '5.0 PB'],
    [Number.MAX_SAFE_INTEGER, '9.0 PB'],
  ])('formats %d as %s', (size, expected) => {
    expect(bytes(size)).toBe(expected);
  });
});

describe('utcTime and utcSeconds', () => {
  it('format a time in UTC', () => {
    expect(utcTime(NOW)).toBe('2026-03-15 12:00 UTC');
    expect(utcSeconds(NOW + 42_999)).toBe('2026-03-15 12:00:42');
  });
});

describe('duration', () => {
  it.each([
    [-5, '0s'],
    [0, '0s'],
    [999, '0s'],
    [42_000, '42s'],
    [59_999, '59s'],
    [MINUTE_MS, '1m'],
    [65_000, '1m'],
    [HOUR_MS - 1, '59m'],
    [HOUR_MS, '1h'],
    [3 * HOUR_MS + 5 * MINUTE_MS, '3h 5m'],
    [5 * HOUR_MS + 12 * MINUTE_MS + 9000, '5h 12m'],
    [24 * HOUR_MS, '1d'],
    [24 * HOUR_MS + 5000, '1d'],
    [52 * HOUR_MS, '2d 4h'],
  ])('formats %d ms as %s', (milliseconds, expected) => {
    expect(duration(milliseconds)).toBe(expected);
  });

  it('round-trips within one unit', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1000, max: 400 * 24 * HOUR_MS }), (milliseconds) => {
        const text = duration(milliseconds);
        const read = parseDuration(text.replaceAll(' ', '')) ?? 0;
        expect(read).toBeLessThanOrEqual(milliseconds);
        const unit = milliseconds >= 24 * HOUR_MS ? HOUR_MS : milliseconds >= MINUTE_MS ? MINUTE_MS : 1000;
        expect(read).toBeGreaterThan(milliseconds - unit);
      }),
    );
  });
});

describe('timeLeft', () => {
  it('returns how long a URL is valid, or since when it has expired', () => {
    expect(timeLeft(NOW + 6 * HOUR_MS, NOW)).toBe('6h left');
    expect(timeLeft(NOW, NOW)).toBe('expired 0s ago');
    expect(timeLeft(NOW - 3 * MINUTE_MS, NOW)).toBe('expired 3m ago');
  });
});

describe('relative', () => {
  it('returns the distance of a time from now', () => {
    expect(relative(NOW - 2000, NOW)).toBe('just now');
    expect(relative(NOW - 2 * HOUR_MS, NOW)).toBe('2h ago');
    expect(relative(NOW + 40_000, NOW)).toBe('in 40s');
  });
});

describe('counted', () => {
  it('groups digits and picks singular or plural', () => {
    expect(counted(1, 'file')).toBe('1 file');
    expect(counted(12_345, 'file')).toBe('12,345 files');
  });
});
