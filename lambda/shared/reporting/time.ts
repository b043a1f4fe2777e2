import { DAY_MS, HOUR_MS, MINUTE_MS } from '../runtime/durations.ts';

/** Times and durations as people write them, in options of commands and in filters of pages. Everything is UTC. */

const UNITS = { w: 7 * DAY_MS, d: DAY_MS, h: HOUR_MS, m: MINUTE_MS, s: 1000 } as const;

const DURATION = /^(?:(\d{1,6})w)?(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?$/;
const TIME = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?)(Z|[+-]\d\d:\d\d)?)?$/;

/**
 * Milliseconds of a duration such as `24h`, `7d`, `90m` or `1d12h`; the units w, d, h, m and s in this order. Null for
 * anything else.
 */
export function parseDuration(text: string): number | null {
  const numbers = DURATION.exec(text)?.slice(1);
  if (numbers === undefined || text === '') return null;
  const units = Object.values(UNITS);
  return numbers.reduce((sum, digits, index) => sum + Number(digits ?? 0) * (units[index] ?? 0), 0);
}

/**
 * Epoch milliseconds of a point in time: a duration counts back from `now`, a date or an ISO 8601 time is taken as
 * UTC unless it names its offset. Null for anything else.
 */
export function parseTime(text: string, now: number): number | null {
  const duration = parseDuration(text);
  if (duration !== null) return now - duration;
  const [, date, time = '00:00', zone = 'Z'] = TIME.exec(text) ?? [];
  // A day that its month does not have would otherwise be taken for one of the next.
  if (date === undefined || !isDay(date)) return null;
  const point = Date.parse(`${date}T${time}${zone}`);
  return Number.isNaN(point) ? null : point;
}

function isDay(date: string): boolean {
  const midnight = Date.parse(`${date}T00:00Z`);
  return !Number.isNaN(midnight) && new Date(midnight).toISOString().startsWith(date);
}
