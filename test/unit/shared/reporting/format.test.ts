import { describe, expect, it } from 'vitest';
import {
  bytes,
  counted,
  duration,
  relative,
  timeLeft,
  utcTime,
} from '../../../../lambda/shared/reporting/format.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const NOW = Date.parse('2026-03-15T12:00:00Z');

describe('sizes', () => {
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
  ])('%d bytes are %s', (size, expected) => {
    expect(bytes(size)).toBe(expected);
  });
});

describe('times', () => {
  it('are in UTC', () => {
    expect(utcTime(NOW)).toBe('2026-03-15 12:00 UTC');
  });

  it.each([
    [0, '0 s'],
    [59_999, '59 s'],
    [MINUTE, '1 min'],
    [HOUR - 1, '59 min'],
    [HOUR, '1 h'],
    [3 * HOUR + 5 * MINUTE, '3 h 5 min'],
    [24 * HOUR, '1 d'],
    [52 * HOUR, '2 d 4 h'],
    [-5, '0 s'],
  ])('%d ms last %s', (milliseconds, expected) => {
    expect(duration(milliseconds)).toBe(expected);
  });

  it('tell how long a file can still be had, and since when no more', () => {
    expect(timeLeft(NOW + 6 * HOUR, NOW)).toBe('6 h left');
    expect(timeLeft(NOW, NOW)).toBe('ended 0 s ago');
    expect(timeLeft(NOW - HOUR, NOW)).toBe('ended 1 h ago');
  });

  it('are told as seen from now', () => {
    expect(relative(NOW - 2000, NOW)).toBe('just now');
    expect(relative(NOW - 2 * HOUR, NOW)).toBe('2 h ago');
    expect(relative(NOW + 40_000, NOW)).toBe('in 40 s');
  });
});

it('counts have grouped digits and the right number', () => {
  expect(counted(1, 'file')).toBe('1 file');
  expect(counted(12_345, 'file')).toBe('12,345 files');
});
