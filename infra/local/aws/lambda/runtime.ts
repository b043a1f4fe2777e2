import type { Clock } from '../../clock.ts';
import { type ExecutionEnvironment, startEnvironment } from './environment.ts';
import { createLog, EventTooLarge, FunctionThrottled, type LogLine } from './protocol.ts';

/** A function as the template describes it. */
export interface FunctionDefinition {
  readonly name: string;
  readonly arn: string;
  /** Directory of the unpacked asset. */
  readonly directory: string;
  /** e.g. `index.handler`. */
  readonly handler: string;
  /** All environment variables of the process; nothing of this process is inherited. */
  readonly environment: Readonly<Record<string, string>>;
  readonly timeoutSeconds: number;
  readonly memoryMegabytes: number;
  /** Invocations at once before AWS throttles; undefined for the account's limit. */
  readonly reservedConcurrency: number | undefined;
}

/** A function that can be invoked. */
export interface LocalFunction {
  readonly definition: FunctionDefinition;
  readonly logs: readonly LogLine[];
  /**
   * Invokes and waits for the answer, as `InvocationType: RequestResponse`.
   *
   * @throws {FunctionError} when the function threw, timed out or died
   * @throws {FunctionThrottled} over its reserved concurrency
   * @throws {EventTooLarge} for an event over 6 MB
   */
  invoke(event: unknown): Promise<unknown>;
  /** Kills the environment that has been busy longest; false when none is. */
  kill(): boolean;
  /** Ends every environment, running or idle. */
  close(): Promise<void>;
}

/** Threads of one function at most, whatever the template allows: a machine is no region. */
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
  const most = Math.min(limit, MAX_ENVIRONMENTS);
  const environments = new Set<ExecutionEnvironment>();
  const idle: ExecutionEnvironment[] = [];
  const waiting: PromiseWithResolvers<ExecutionEnvironment>[] = [];
  let running = 0;
  let closed = false;

  const stackClosed = () => new Error(`${definition.name}: the local stack is closed`);
  const start = () => {
    const environment = startEnvironment(definition, log, clock.offset);
    environments.add(environment);
    return environment;
  };
  const take = (): ExecutionEnvironment | undefined => {
    const warm = idle.pop();
    if (warm?.alive) return warm;
    if (warm !== undefined) {
      environments.delete(warm);
      return take();
    }
    return environments.size < most ? start() : undefined;
  };
  const acquire = async () => {
    const environment = take();
    if (environment !== undefined) return environment;
    const later = Promise.withResolvers<ExecutionEnvironment>();
    waiting.push(later);
    return later.promise;
  };
  const release = (environment: ExecutionEnvironment) => {
    if (environment.alive) idle.push(environment);
    else environments.delete(environment);
    if (waiting.length === 0 || closed) return;
    const next = take();
    if (next !== undefined) waiting.shift()?.resolve(next);
  };

  return {
    definition,
    logs: log.lines,
    async invoke(event) {
      if (closed) throw stackClosed();
      const text = JSON.stringify(event ?? null);
      const bytes = Buffer.byteLength(text);
      if (bytes > MAX_EVENT_BYTES) throw new EventTooLarge(definition.name, bytes);
      if (running >= limit) throw new FunctionThrottled(definition.name);
      running++;
      try {
        const environment = await acquire();
        try {
          const result: unknown = JSON.parse(await environment.invoke(text));
          return result;
        } finally {
          release(environment);
        }
      } finally {
        running--;
      }
    },
    kill() {
      const busy = [...environments]
        .filter((environment) => environment.busySince !== undefined)
        .toSorted((a, b) => (a.busySince ?? 0) - (b.busySince ?? 0));
      const [oldest] = busy;
      void oldest?.kill();
      return oldest !== undefined;
    },
    async close() {
      closed = true;
      for (const waiter of waiting.splice(0)) waiter.reject(stackClosed());
      await Promise.all([...environments].map((environment) => environment.kill()));
    },
  };
}
