import type { FunctionMetric, LocalFunction } from './aws/lambda/runtime.ts';
import { runSchedule } from './aws/lambda/schedules.ts';
import type { Deployment } from './cloudformation/deployment.ts';

/** The functions of a local stack, by folder (`worker`), logical id or name. */
export interface LocalFunctions {
  /** Invokes and waits. @throws {FunctionError} when the function failed */
  invoke(name: string, event: unknown): Promise<unknown>;
  /** Kills a running environment in the middle of its invocation; false when none is running. */
  kill(name: string): boolean;
  /** Everything the function wrote, line by line, and what the runtime says about it. */
  logs(name: string): readonly string[];
  /** Lambda's own metrics of the function, sums since the start. */
  metrics(name: string): Readonly<Record<FunctionMetric, number>>;
  /** Names as in `kill`, for all functions. */
  readonly names: readonly string[];
}

export interface LocalSchedules {
  /** Runs a schedule now, by its name, its logical id or its function. @throws what the function throws */
  run(name: string): Promise<unknown>;
  readonly names: readonly string[];
}

/** The functions of a deployment. */
export function functionsOf(deployment: Deployment): LocalFunctions {
  const find = (name: string): LocalFunction => {
    const all = [...deployment.functions.values()];
    const found = all.find((each) => shortName(each) === name || each.definition.name === name);
    const byPrefix = all.find((each) => each.definition.name.startsWith(`${deployment.stackName}-${name}-`));
    if (found !== undefined) return found;
    if (byPrefix !== undefined) return byPrefix;
    throw new Error(`no function ${name}; there are: ${all.map(shortName).join(', ')}`);
  };
  return {
    invoke: async (name, event) => find(name).invoke(event),
    kill: (name) => find(name).kill(),
    logs: (name) => find(name).logs.map((line) => line.text),
    metrics: (name) => find(name).metrics,
    names: [...deployment.functions.values()].map(shortName),
  };
}

/** The folder that the function comes from, where it says so. */
function shortName(each: LocalFunction): string {
  return each.definition.environment.POWERTOOLS_SERVICE_NAME ?? each.definition.name;
}

/** The schedules of a deployment. */
export function schedulesOf(deployment: Deployment): LocalSchedules {
  return {
    names: deployment.schedules.map((schedule) => schedule.name),
    async run(name) {
      const found = deployment.schedules.find((schedule) =>
        [schedule.name, schedule.logicalId, shortName(schedule.target)].includes(name),
      );
      if (found === undefined) throw new Error(`no schedule ${name}`);
      return runSchedule(found, deployment.clock);
    },
  };
}
