import type { Clock } from '../../clock.ts';
import { ExecutionEnvironment } from './environment.ts';
import {
  createLog,
  EventTooLarge,
  type FunctionDefinition,
  FunctionThrottled,
  type LogLine,
} from './protocol.ts';

/** A function that can be invoked. */
export interface LocalFunction {
  readonly definition: FunctionDefinition;
  readonly logs: readonly LogLine[];
  /**
   * Invokes and waits for the response, as `InvocationType: RequestResponse`.
   *
   * @throws {FunctionError} when the function threw, timed out or crashed
   * @throws {FunctionThrottled} over its reserved concurrency
   * @throws {EventTooLarge} for an event over 6 MB
   */
  invoke(event: unknown): Promise<unknown>;
  /** Kills the environment that has been busy longest; false when none is. */
  kill(): boolean;
  /** Ends every environment, running or idle. */
  close(): Promise<void>;
}

/** Maximum number of threads of one function, whatever the template allows: a machine is no region. */
export const MAX_ENVIRONMENTS = 10;
const MAX_EVENT_BYTES = 6 * 1024 * 1024;
const ACCOUNT_CONCURRENCY = 1000;

/**
 * Runs a function in threads: one invocation at a time in each, warm ones first, new ones up to the concurrency limit.
 * Beyond {@link MAX_ENVIRONMENTS} invocations wait for a free thread, where AWS would start more.
 */
export function createFunction(
  definition: FunctionDefinition,
  clock: Clock,
  onLog?: (line: LogLine) => void,
): LocalFunction {
  const log = createLog(definition.name, onLog);
  const limit = definition.reservedConcurrency ?? ACCOUNT_CONCURRENCY;
  const pool = new EnvironmentPool(
    Math.min(limit, MAX_ENVIRONMENTS),
    () => new ExecutionEnvironment(definition, log, clock.offset),
  );
  let running = 0;
  let closed: Error | undefined;
  return {
    definition,
    logs: log.lines,
    async invoke(event) {
      if (closed !== undefined) throw closed;
      const text = JSON.stringify(event ?? null);
      const bytes = Buffer.byteLength(text);
      if (bytes > MAX_EVENT_BYTES) throw new EventTooLarge(definition.name, bytes);
      if (running >= limit) throw new FunctionThrottled(definition.name);
      running++;
      try {
        const result: unknown = JSON.parse(await pool.use((environment) => environment.invoke(text)));
        return result;
      } finally {
        running--;
      }
    },
    kill: () => pool.killOldest(),
    async close() {
      closed = new Error(`${definition.name}: the local stack is closed`);
      await pool.close(closed);
    },
  };
}

/** The environments of one function. */
class EnvironmentPool {
  readonly #max: number;
  readonly #start: () => ExecutionEnvironment;
  readonly #environments = new Set<ExecutionEnvironment>();
  readonly #idle: ExecutionEnvironment[] = [];
  readonly #waiting: PromiseWithResolvers<ExecutionEnvironment>[] = [];
  #closed = false;

  constructor(max: number, start: () => ExecutionEnvironment) {
    this.#max = max;
    this.#start = start;
  }

  /** Runs `work` in a free environment, once there is one. */
  async use<T>(work: (environment: ExecutionEnvironment) => Promise<T>): Promise<T> {
    const environment = await this.#acquire();
    try {
      return await work(environment);
    } finally {
      this.#release(environment);
    }
  }

  /** Kills the environment that has been busy longest; false when none is. */
  killOldest(): boolean {
    const [oldest] = [...this.#environments]
      .filter(({ busySince }) => busySince !== undefined)
      .toSorted((a, b) => (a.busySince ?? 0) - (b.busySince ?? 0));
    void oldest?.kill();
    return oldest !== undefined;
  }

  /** Ends every environment; what waits for one is rejected with `reason`. */
  async close(reason: Error): Promise<void> {
    this.#closed = true;
    for (const waiter of this.#waiting.splice(0)) waiter.reject(reason);
    await Promise.all([...this.#environments].map((environment) => environment.kill()));
  }

  async #acquire(): Promise<ExecutionEnvironment> {
    const environment = this.#take();
    if (environment !== undefined) return environment;
    const later = Promise.withResolvers<ExecutionEnvironment>();
    this.#waiting.push(later);
    return later.promise;
  }

  #release(environment: ExecutionEnvironment): void {
    if (environment.alive) this.#idle.push(environment);
    else this.#environments.delete(environment);
    if (this.#waiting.length === 0 || this.#closed) return;
    const next = this.#take();
    if (next !== undefined) this.#waiting.shift()?.resolve(next);
  }

  /** A warm environment, else a new one, as long as there are less than the maximum. */
  #take(): ExecutionEnvironment | undefined {
    const warm = this.#idle.pop();
    if (warm?.alive) return warm;
    if (warm !== undefined) {
      this.#environments.delete(warm);
      return this.#take();
    }
    if (this.#environments.size >= this.#max) return undefined;
    const environment = this.#start();
    this.#environments.add(environment);
    return environment;
  }
}
