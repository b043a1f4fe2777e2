/** Times and durations as operators write and read them. Everything is UTC. */

const UNITS = { w: 604_800_000, d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000 } as const;

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

/** E.g. `2026-03-15 12:00:00`. */
export function utc(epochMs: number): string {
  return new Date(epochMs).toISOString().slice(0, 19).replace('T', ' ');
}

/** The two largest units of a duration, e.g. `5h 12m`, `3d`, `42s`; less than a second is `0s`. */
export function formatDuration(milliseconds: number): string {
  let left = Math.max(0, milliseconds);
  const parts: string[] = [];
  for (const [unit, size] of Object.entries(UNITS)) {
    if (unit === 'w') continue;
    const count = Math.floor(left / size);
    left -= count * size;
    if (count > 0) parts.push(`${count}${unit}`);
    else if (parts.length > 0) break;
    if (parts.length === 2) break;
  }
  return parts.join(' ') || '0s';
}

/** What is left until a deadline, e.g. `5h 12m left`, or `deadline passed 3m ago`. */
export function timeLeft(deadline: number, now: number): string {
  return deadline > now
    ? `${formatDuration(deadline - now)} left`
    : `deadline passed ${formatDuration(now - deadline)} ago`;
}

function isDay(date: string): boolean {
  const midnight = Date.parse(`${date}T00:00Z`);
  return !Number.isNaN(midnight) && new Date(midnight).toISOString().startsWith(date);
}
