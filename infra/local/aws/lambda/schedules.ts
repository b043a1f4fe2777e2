import type { Clock } from '../../clock.ts';
import type { LocalFunction } from './runtime.ts';

/** A function that is invoked every so often. */
export interface Schedule {
  readonly name: string;
  readonly logicalId: string;
  /** Milliseconds; undefined for a schedule that only runs by hand (`cron(…)`). */
  readonly every: number | undefined;
  readonly enabled: boolean;
  readonly target: LocalFunction;
  /** The event for a run at this time (epoch milliseconds). */
  readonly event: (time: number) => unknown;
}

/**
 * Runs enabled schedules by the stack's clock: an advance past several periods runs a schedule once, at once.
 * Failures are in the function's logs, as with any asynchronous invocation.
 *
 * @returns a function that ends them
 */
export function startSchedules(schedules: readonly Schedule[], clock: Clock): () => void {
  const ends = schedules
    .filter((schedule) => schedule.enabled)
    .map((schedule) => startSchedule(schedule, clock));
  return () => {
    for (const end of ends) end();
  };
}

function startSchedule(schedule: Schedule, clock: Clock): () => void {
  const { every } = schedule;
  if (every === undefined) return () => undefined;
  let due = clock.now() + every;
  let timer: NodeJS.Timeout | undefined;
  const check = () => {
    const now = clock.now();
    if (now >= due) {
      due = now + every;
      runSchedule(schedule, clock).catch(() => undefined);
    }
    clearTimeout(timer);
    timer = setTimeout(check, Math.max(1, due - now)).unref();
  };
  check();
  const forget = clock.onAdvance(check);
  return () => {
    clearTimeout(timer);
    forget();
  };
}

/** Runs a schedule now, whether or not it is due. @throws what the function throws */
export function runSchedule(schedule: Schedule, clock: Clock): Promise<unknown> {
  return schedule.target.invoke(schedule.event(clock.now()));
}
