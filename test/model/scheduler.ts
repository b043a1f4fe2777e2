import { AsyncLocalStorage } from 'node:async_hooks';

/** One invocation of a function; a dead one never makes another call. */
export interface Process {
  readonly name: string;
  isAlive: boolean;
}

/**
 * The outcome of a call.
 *
 * - `done`: it is made and its response is received.
 * - `refused`: it is not made; the caller gets an error.
 * - `response-lost`: it is made; the caller gets an error, as after the SDK's last attempt.
 * - `repeated`: it is made twice, and the second response counts, as when the SDK retries after a lost response.
 * - `dies-before`, `dies-after`: the process ends before or after the call is made.
 */
export type Fate = 'done' | 'refused' | 'response-lost' | 'repeated' | 'dies-before' | 'dies-after';

/** A call to another system, as the scheduler sees it. */
export interface Call<T> {
  /** What the trace shows. */
  readonly label: string;
  /** Which fates make sense for it, besides `done` and the deaths. */
  readonly fates: readonly Fate[];
  readonly act: () => Promise<T>;
  /** The error of `refused`. */
  readonly refusal?: () => Promise<T>;
  /** The error of `response-lost`. */
  readonly loss?: () => Error;
}

/** A call that waits for its turn. */
export interface Parked {
  readonly process: Process;
  readonly label: string;
  readonly fates: readonly Fate[];
  readonly order: number;
  readonly resume: (fate: Fate) => void;
}

/**
 * Decides which call of which process is made next: every call to another system waits here until the run resumes it, so
 * that one seed always gives the same interleaving. Calls from outside any process (the run's own checks) pass through.
 */
export class Scheduler {
  readonly #current = new AsyncLocalStorage<Process>();
  #parked: Parked[] = [];
  #active = 0;
  #order = 0;

  /** Whether the caller is a process, and not the run itself. */
  get isInProcess(): boolean {
    return this.#current.getStore() !== undefined;
  }

  /** Runs something as a process: its calls wait for their turns. */
  as<T>(process: Process, action: () => T): T {
    return this.#current.run(process, action);
  }

  async call<T>({ label, fates, act, refusal, loss }: Call<T>): Promise<T> {
    const process = this.#current.getStore();
    if (process === undefined) return await act();
    if (!process.isAlive) return await never();
    const fate = await new Promise<Fate>((resolve) => {
      const resume = (chosen: Fate) => {
        this.#active += 1;
        resolve(chosen);
      };
      this.#parked.push({ process, label, fates, order: this.#order++, resume });
    });
    let outcome: PromiseSettledResult<T>;
    try {
      const first = fate === 'refused' && refusal !== undefined ? refusal : act;
      [outcome] = await Promise.allSettled([first()]);
      if (fate === 'repeated' && outcome.status === 'fulfilled')
        [outcome] = await Promise.allSettled([act()]);
    } finally {
      this.#active -= 1;
    }
    if (!process.isAlive) return await never();
    if (fate === 'response-lost' && outcome.status === 'fulfilled')
      throw loss?.() ?? new Error('response lost');
    if (outcome.status === 'rejected') throw outcome.reason;
    return outcome.value;
  }

  /** The calls that wait, in the order in which they were made. */
  parked(): readonly Parked[] {
    return this.#parked.filter(({ process }) => process.isAlive);
  }

  /** Continues one call. */
  resume(call: Parked, fate: Fate): void {
    this.#parked = this.#parked.filter((other) => other !== call);
    if (fate === 'dies-before' || fate === 'dies-after') this.kill(call.process);
    if (fate !== 'dies-before') call.resume(fate);
  }

  kill(process: Process): void {
    process.isAlive = false;
    this.#parked = this.#parked.filter((call) => call.process !== process);
  }

  /** Waits until every process waits for its turn or has ended. */
  async quiet(): Promise<void> {
    for (let rounds = 0; rounds < QUIET_ROUNDS; ) {
      await new Promise<void>((resolve) => setImmediate(resolve));
      rounds = this.#active === 0 ? rounds + 1 : 0;
    }
  }
}

/** Turns of the event loop without a call under way, after which the processes are quiet. */
const QUIET_ROUNDS = 3;

function never(): Promise<never> {
  return new Promise(() => undefined);
}
