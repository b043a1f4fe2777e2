import { DAY_MS, HOUR_MS, MINUTE_MS } from '../runtime/durations.ts';

/** Numbers, sizes and times as people read them: English, UTC. All times are epoch milliseconds. */

const UNITS = ['bytes', 'kB', 'MB', 'GB', 'TB', 'PB'];

const grouped = new Intl.NumberFormat('en');

/** `19,874,410` */
export function number(value: number): string {
  return grouped.format(value);
}

/** `1 file`, `2,000 files` */
export function counted(value: number, one: string, many: string = `${one}s`): string {
  return `${number(value)} ${value === 1 ? one : many}`;
}

/** `19.9 MB`, by powers of a thousand. */
export function bytes(value: number): string {
  let scaled = value;
  let unit = 0;
  // Compared as it will be written, so that 999,999 bytes are 1.0 MB and not 1000 kB.
  while (unit < UNITS.length - 1 && Number(scaled.toPrecision(3)) >= 1000) {
    scaled /= 1000;
    unit += 1;
  }
  if (unit === 0) return counted(value, 'byte');
  return `${scaled.toFixed(scaled < 99.95 ? 1 : 0)} ${UNITS[unit]}`;
}

/** `2026-03-15 08:41 UTC` */
export function utcTime(time: number): string {
  return `${new Date(time).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

/** `2026-03-15 08:41:30`: where the seconds matter and the context says that it is UTC. */
export function utcSeconds(time: number): string {
  return new Date(time).toISOString().slice(0, 19).replace('T', ' ');
}

/** `2d 4h`, `5h 12m`, `12m`, `40s`, rounded down. */
export function duration(milliseconds: number): string {
  const left = Math.max(0, milliseconds);
  if (left >= DAY_MS) return joined(left, DAY_MS, 'd', HOUR_MS, 'h');
  if (left >= HOUR_MS) return joined(left, HOUR_MS, 'h', MINUTE_MS, 'm');
  if (left >= MINUTE_MS) return `${Math.floor(left / MINUTE_MS)}m`;
  return `${Math.floor(left / 1000)}s`;
}

/** `5h 12m left`, or `expired 3m ago`. */
export function timeLeft(deadline: number, now: number): string {
  return deadline > now ? `${duration(deadline - now)} left` : `expired ${duration(now - deadline)} ago`;
}

/** `5h 12m ago`, `in 40s`, `just now`. */
export function relative(time: number, now: number): string {
  if (time > now) return `in ${duration(time - now)}`;
  return now - time < 5000 ? 'just now' : `${duration(now - time)} ago`;
}

function joined(value: number, large: number, largeName: string, small: number, smallName: string): string {
  const rest = Math.floor((value % large) / small);
  const head = `${Math.floor(value / large)}${largeName}`;
  return rest === 0 ? head : `${head} ${rest}${smallName}`;
}
