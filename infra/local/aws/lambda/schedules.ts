import { type Clock, callAt } from '../../clock.ts';
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
 * Runs enabled schedules by the stack's clock: an advance past several periods runs a schedule once, at once. EventBridge
 * invokes a function asynchronously, so Lambda tries again what failed.
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
  let end: () => void = () => undefined;
  const wait = (): void => {
    end = callAt(clock, clock.now() + every, () => {
      wait();
      schedule.target.submit(schedule.event(clock.now()));
    });
  };
  wait();
  return () => end();
}

/** Runs a schedule now, whether or not it is due. @throws what the function throws */
export function runSchedule(schedule: Schedule, clock: Clock): Promise<unknown> {
  return schedule.target.invoke(schedule.event(clock.now()));
}
