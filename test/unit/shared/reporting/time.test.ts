import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  formatDuration,
  parseDuration,
  parseTime,
  timeLeft,
  utc,
} from '../../../../lambda/shared/reporting/time.ts';

const NOW = Date.parse('2026-03-15T12:00:00Z');
const HOUR = 3_600_000;

describe('durations', () => {
  it('are read in every unit and mixture, in order', () => {
    const number = fc.integer({ min: 0, max: 99_999 });
    const units = fc.subarray(['w', 'd', 'h', 'm', 's'] as const, { minLength: 1 });
    const size = { w: 168 * HOUR, d: 24 * HOUR, h: HOUR, m: 60_000, s: 1000 };
    fc.assert(
      fc.property(units, fc.array(number, { minLength: 5, maxLength: 5 }), (chosen, numbers) => {
        const text = chosen.map((unit, index) => `${numbers[index]}${unit}`).join('');
        const milliseconds = chosen.reduce((sum, unit, index) => sum + (numbers[index] ?? 0) * size[unit], 0);
        expect(parseDuration(text)).toBe(milliseconds);
      }),
    );
  });

  it('are nothing else', () => {
    for (const text of ['', '24', 'h', '-1h', '1.5h', '1h1d', '1 h', '1H', '1h ', '1y', '9999999h']) {
      expect(parseDuration(text), text).toBeNull();
    }
    fc.assert(
      fc.property(fc.string(), (text) => {
        fc.pre(!/^(\d+[wdhms])+$/.test(text));
        expect(parseDuration(text)).toBeNull();
      }),
    );
  });

  it('are shown by their two largest units', () => {
    const shown = [
      0,
      999,
      42_000,
      65_000,
      5 * HOUR + 12 * 60_000 + 9000,
      24 * HOUR,
      24 * HOUR + 5000,
      50 * HOUR,
    ];
    expect(shown.map(formatDuration)).toEqual(['0s', '0s', '42s', '1m 5s', '5h 12m', '1d', '1d', '2d 2h']);
  });

  it('shown can be read again, less than a unit away', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1000, max: 400 * 24 * HOUR }), (milliseconds) => {
        const read = parseDuration(formatDuration(milliseconds).replaceAll(' ', ''));
        expect(read).toBeLessThanOrEqual(milliseconds);
        expect(read ?? 0).toBeGreaterThan(milliseconds * 0.95 - 1000);
      }),
    );
  });
});

describe('times', () => {
  it('count back from now, or are taken as UTC', () => {
    const times: Record<string, string> = {
      '24h': '2026-03-14T12:00:00.000Z',
      '2026-03-15': '2026-03-15T00:00:00.000Z',
      '2026-03-15T08:30': '2026-03-15T08:30:00.000Z',
      '2026-03-15 08:30:15': '2026-03-15T08:30:15.000Z',
      '2026-03-15T08:30:15.250Z': '2026-03-15T08:30:15.250Z',
      '2026-03-15T08:30+02:00': '2026-03-15T06:30:00.000Z',
    };
    for (const [text, time] of Object.entries(times)) {
      expect(new Date(parseTime(text, NOW) ?? 0).toISOString(), text).toBe(time);
    }
  });

  it('are refused when no calendar has them', () => {
    for (const text of ['2026-02-30', '2026-13-01', '2026-03-15T25:00', '15.3.2026', 'yesterday', '']) {
      expect(parseTime(text, NOW), text).toBeNull();
    }
  });

  it('are what JavaScript writes', () => {
    fc.assert(
      fc.property(fc.date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true }), (date) => {
        expect(parseTime(date.toISOString(), NOW)).toBe(date.getTime());
        expect(parseTime(utc(date.getTime()), NOW)).toBe(Math.floor(date.getTime() / 1000) * 1000);
      }),
    );
  });

  it('say what is left until a deadline', () => {
    expect(timeLeft(NOW + 5 * HOUR, NOW)).toBe('5h left');
    expect(timeLeft(NOW - 60_000, NOW)).toBe('deadline passed 1m ago');
  });
});
