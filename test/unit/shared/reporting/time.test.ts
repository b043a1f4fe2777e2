import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { utcSeconds } from '../../../../lambda/shared/reporting/format.ts';
import { parseDuration, parseTime } from '../../../../lambda/shared/reporting/time.ts';
import { HOUR_MS, MINUTE_MS } from '../../../../lambda/shared/runtime/durations.ts';

const NOW = Date.parse('2026-03-15T12:00:00Z');

describe('parseDuration', () => {
  it('parses every unit and combination, in order', () => {
    const number = fc.integer({ min: 0, max: 99_999 });
    const units = fc.subarray(['w', 'd', 'h', 'm', 's'] as const, { minLength: 1 });
    const size = { w: 168 * HOUR_MS, d: 24 * HOUR_MS, h: HOUR_MS, m: MINUTE_MS, s: 1000 };
    fc.assert(
      fc.property(units, fc.array(number, { minLength: 5, maxLength: 5 }), (chosen, numbers) => {
        const text = chosen.map((unit, index) => `${numbers[index]}${unit}`).join('');
        const milliseconds = chosen.reduce((sum, unit, index) => sum + (numbers[index] ?? 0) * size[unit], 0);
        expect(parseDuration(text)).toBe(milliseconds);
      }),
    );
  });

  it('rejects all other text', () => {
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
});

describe('parseTime', () => {
  it('subtracts a duration from now, and reads a time as UTC', () => {
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

  it('rejects dates outside the calendar', () => {
    for (const text of ['2026-02-30', '2026-13-01', '2026-03-15T25:00', '15.3.2026', 'yesterday', '']) {
      expect(parseTime(text, NOW), text).toBeNull();
    }
  });

  it('parses what JavaScript and utcSeconds format', () => {
    fc.assert(
      fc.property(fc.date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true }), (date) => {
        expect(parseTime(date.toISOString(), NOW)).toBe(date.getTime());
        expect(parseTime(utcSeconds(date.getTime()), NOW)).toBe(Math.floor(date.getTime() / 1000) * 1000);
      }),
    );
  });
});
