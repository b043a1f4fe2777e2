import { type RunResult, run } from './run.ts';
import type { ModelServers } from './servers.ts';

/** A kind of fault with the shortest trace that was found for it. */
export interface FoundFault {
  readonly fault: string;
  /** Number of runs in which it occurred. */
  readonly runs: number;
  readonly seed: number;
  /** Strikes that the shortest trace does without, by index. */
  readonly leftOut: readonly number[];
  readonly result: RunResult;
}

export interface Exploration {
  readonly runs: number;
  readonly steps: number;
  readonly faults: readonly FoundFault[];
}

/**
 * Explores runs of consecutive seeds, and shortens the trace of each kind of fault: the shortest of its runs, without
 * the strikes that it does not need.
 *
 * @param onRun called after each run.
 */
export async function explore(
  servers: ModelServers,
  { firstSeed, runs }: { readonly firstSeed: number; readonly runs: number },
  onRun: (done: number) => void = () => undefined,
): Promise<Exploration> {
  const found = new Map<string, { runs: number; seed: number; result: RunResult }>();
  let steps = 0;
  for (let index = 0; index < runs; index++) {
    const seed = firstSeed + index;
    const result = await run(servers, { seed });
    steps += result.steps;
    for (const fault of result.faults) {
      const known = found.get(fault);
      const isShorter = known === undefined || result.trace.length < known.result.trace.length;
      found.set(fault, { ...(isShorter ? { seed, result } : known), runs: (known?.runs ?? 0) + 1 });
    }
    onRun(index + 1);
  }
  const faults: FoundFault[] = [];
  for (const [fault, known] of found)
    faults.push({ fault, runs: known.runs, ...(await shorten(servers, fault, known)) });
  return { runs, steps, faults };
}

async function shorten(
  servers: ModelServers,
  fault: string,
  { seed, result }: { readonly seed: number; readonly result: RunResult },
): Promise<Pick<FoundFault, 'seed' | 'leftOut' | 'result'>> {
  let best = result;
  const leftOut = new Set<number>();
  for (const { index } of result.strikes.toReversed()) {
    const tried = await run(servers, { seed, leftOut: new Set([...leftOut, index]) });
    if (!tried.faults.includes(fault)) continue;
    leftOut.add(index);
    best = tried;
  }
  return { seed, leftOut: [...leftOut].sort((a, b) => a - b), result: best };
}

/** A fault as text: its number of runs, the command that repeats it, and the trace. */
export function describeFault({ fault, runs, seed, leftOut, result }: FoundFault): string {
  const without = leftOut.length === 0 ? '' : ` --without ${leftOut.join(',')}`;
  return [
    `${fault} (in ${runs} runs)`,
    `  npm run model -- --seed ${seed} --runs 1${without} --trace`,
    ...result.trace.map((line) => `  ${line}`),
  ].join('\n');
}
