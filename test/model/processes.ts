import { MINUTE_MS } from '../../lambda/shared/runtime/durations.ts';
import type { CopyEngine } from '../../lambda/worker/copy/types.ts';
import type { Random } from '../soak/random.ts';
import type { Process, Scheduler } from './scheduler.ts';

/** Clocks of two processes differ by up to twice this. */
const MAX_SKEW_MS = 3 * MINUTE_MS;
/** As the stack sets the worker's timeout. */
export const INVOCATION_MS = 15 * MINUTE_MS;
const SLOTS = 3;

/** A warm execution environment: it keeps its engine and its clock from one invocation to the next, until it dies. */
interface Slot {
  readonly engine: CopyEngine;
  readonly skewMs: number;
  running: Invocation | null;
}

export interface Invocation {
  readonly process: Process;
  readonly engine: CopyEngine;
  /** Epoch milliseconds by the process's own clock. */
  readonly now: () => number;
  /** Epoch milliseconds of the model's time at which Lambda ends it. */
  readonly endsAt: number;
}

/** The processes that run at once, up to the stack's concurrency. */
export class Processes {
  readonly #scheduler: Scheduler;
  readonly #random: Random;
  readonly #now: () => number;
  readonly #engine: (now: () => number) => CopyEngine;
  readonly #slots: (Slot | null)[] = Array.from({ length: SLOTS }, () => null);
  #count = 0;

  constructor(
    scheduler: Scheduler,
    random: Random,
    now: () => number,
    engine: (now: () => number) => CopyEngine,
  ) {
    this.#scheduler = scheduler;
    this.#random = random;
    this.#now = now;
    this.#engine = engine;
  }

  get hasRoom(): boolean {
    return this.#slots.some((slot) => slot === null || slot.running === null);
  }

  get areIdle(): boolean {
    return this.#slots.every((slot) => slot === null || slot.running === null);
  }

  /** Begins an invocation in a free slot; there must be one. */
  begin(name: string): Invocation {
    const index = this.#slots.findIndex((slot) => slot === null || slot.running === null);
    const slot = this.#slots[index] ?? this.#newSlot();
    this.#slots[index] = slot;
    this.#count += 1;
    const invocation: Invocation = {
      process: { name: `${name}${this.#count}`, isAlive: true },
      engine: slot.engine,
      now: () => this.#now() + slot.skewMs,
      endsAt: this.#now() + INVOCATION_MS,
    };
    slot.running = invocation;
    return invocation;
  }

  /** Ends an invocation that has returned. */
  end(invocation: Invocation): void {
    for (const slot of this.#slots) if (slot?.running === invocation) slot.running = null;
  }

  /** Removes dead processes and those that have timed out. @returns the names of the latter. */
  sweep(): string[] {
    const timedOut: string[] = [];
    for (const [index, slot] of this.#slots.entries()) {
      const running = slot?.running;
      if (running === null || running === undefined) continue;
      if (running.process.isAlive && running.endsAt > this.#now()) continue;
      if (running.process.isAlive) timedOut.push(running.process.name);
      this.#scheduler.kill(running.process);
      this.#slots[index] = null;
    }
    return timedOut;
  }

  #newSlot(): Slot {
    const skewMs = Math.round((this.#random.next() * 2 - 1) * MAX_SKEW_MS);
    return { engine: this.#engine(() => this.#now() + skewMs), skewMs, running: null };
  }
}
