import type { Clock } from '../../clock.ts';
import { AsyncQueue, type AsyncSettings } from './async-queue.ts';
import type { AccountConcurrency } from './concurrency.ts';
import { ExecutionEnvironment } from './environment.ts';
import { MAX_CHAINED_INVOCATIONS, nextLineage } from './lineage.ts';
import {
  createLog,
  EventTooLarge,
  type FunctionDefinition,
  FunctionThrottled,
  type InvocationType,
  type LogLine,
  MAX_EVENT_BYTES,
  RecursionStopped,
} from './protocol.ts';

/** Metrics of Lambda's own that a local function counts (https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html). */
export type FunctionMetric = 'Throttles' | 'RecursiveInvocationsDropped' | 'AsyncEventsDropped';

/** A function that can be invoked. */
export interface LocalFunction {
  readonly definition: FunctionDefinition;
  readonly logs: readonly LogLine[];
  /** Sums since the start. */
  readonly metrics: Readonly<Record<FunctionMetric, number>>;
  /**
   * Invokes and waits for the response, as `InvocationType: RequestResponse`.
   *
   * @param trace header of the event, when a function caused it
   * @throws {FunctionError} when the function threw, timed out, crashed or returned more than Lambda passes on
   * @throws {FunctionThrottled} over its reserved or the account's concurrency
   * @throws {EventTooLarge} for an event over 6 MB
   * @throws {RecursionStopped} when the event's chain has invoked the function too often
   */
  invoke(event: unknown, trace?: string): Promise<unknown>;
  /**
   * Hands an event over, as `InvocationType: Event`: Lambda invokes the function, and again when it fails.
   *
   * @throws {EventTooLarge} for an event over 1 MB
   */
  submit(event: unknown, trace?: string): void;
  /** Changes the settings of `submit`. */
  configureAsync(settings: AsyncSettings): void;
  /** Kills the environment that has been busy longest; false when none is. */
  kill(): boolean;
  /** Ends every environment, running or idle. */
  close(): Promise<void>;
}

/** What functions run on. */
export interface FunctionHost {
  readonly clock: Clock;
  readonly account: AccountConcurrency;
  readonly onLog?: ((line: LogLine) => void) | undefined;
}

/** Maximum number of threads of one function, whatever the template allows: a machine is no region. */
export const MAX_ENVIRONMENTS = 10;

/**
 * Runs a function in threads: one invocation at a time in each, warm ones first, new ones up to the concurrency limit.
 * Beyond {@link MAX_ENVIRONMENTS} invocations wait for a free thread, where AWS would start more.
 */
export function createFunction(definition: FunctionDefinition, host: FunctionHost): LocalFunction {
  const { clock, account, onLog } = host;
  const { name, reservedConcurrency = MAX_ENVIRONMENTS } = definition;
  const log = createLog(name, onLog);
  const metrics = { Throttles: 0, RecursiveInvocationsDropped: 0, AsyncEventsDropped: 0 };
  const pool = new EnvironmentPool(
    Math.min(reservedConcurrency, MAX_ENVIRONMENTS),
    () => new ExecutionEnvironment(definition, log, clock.offset),
  );
  const run = async (text: string, incoming: string | undefined): Promise<unknown> => {
    const trace = tracedFurther(definition, incoming);
    const release = account.take(name);
    try {
      return JSON.parse(await pool.use((environment) => environment.invoke(text, trace)));
    } finally {
      release();
    }
  };
  const counted = (text: string, incoming: string | undefined) =>
    run(text, incoming).catch((error: unknown) => {
      if (error instanceof FunctionThrottled) metrics.Throttles++;
      if (error instanceof RecursionStopped) metrics.RecursiveInvocationsDropped++;
      throw error;
    });
  const queue = new AsyncQueue(clock, counted, (reason) => {
    metrics.AsyncEventsDropped++;
    log.note(`asynchronous event dropped: ${reason}`);
  });
  let closed: Error | undefined;
  return {
    definition,
    logs: log.lines,
    metrics,
    async invoke(event, trace) {
      if (closed !== undefined) throw closed;
      return await counted(payloadOf(event, 'RequestResponse', name), trace);
    },
    submit(event, trace) {
      if (closed === undefined) queue.add(payloadOf(event, 'Event', name), trace);
    },
    configureAsync(settings) {
      queue.settings = settings;
    },
    kill: () => pool.killOldest(),
    async close() {
      closed = new Error(`${name}: the local stack is closed`);
      queue.close();
      await pool.close(closed);
    },
  };
}

/** The event as JSON. @throws {EventTooLarge} */
function payloadOf(event: unknown, type: InvocationType, functionName: string): string {
  const text = JSON.stringify(event ?? null);
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_EVENT_BYTES[type]) throw new EventTooLarge(functionName, bytes, type);
  return text;
}

/** The trace header for an invocation. @throws {RecursionStopped} */
function tracedFurther(
  { name, arn, recursiveLoop }: FunctionDefinition,
  incoming: string | undefined,
): string {
  const { trace, invocation } = nextLineage(incoming, arn);
  if (invocation > MAX_CHAINED_INVOCATIONS && recursiveLoop === 'Terminate') throw new RecursionStopped(name);
  return trace;
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
