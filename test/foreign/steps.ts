import type { Ended, Programs } from './processes.ts';
import type { Settings } from './updates.ts';

/** What is said of a step at the end. */
export interface StepResult {
  readonly name: string;
  readonly outcome: 'passed' | 'failed' | 'skipped';
  readonly seconds: number;
  /** Why it failed or was skipped; else what there is to know. */
  readonly note: string;
}

/** One step of a run. */
export interface Step {
  readonly name: string;
  /** Names of steps without which it is skipped. */
  readonly needs: readonly string[];
  /**
   * @returns undefined when it passed, else the reason.
   * @throws {Error} when it failed, too.
   */
  readonly run: () => Promise<string | undefined>;
}

const FIRST = 'deploy';
const AGAIN = 'deploy again';
const DEPLOY = ['--require-approval', 'never', '--progress', 'events'];

/** The operator's commands, with the exit codes that a stack without any work has; 3 is an unconfirmed alarm email or the like. */
const COMMANDS = [
  { name: 'failures', args: [], codes: [0] },
  { name: 'status', args: [], codes: [0, 3] },
  { name: 'preflight', args: [], codes: [0] },
  { name: 'redrive', args: ['--state', 'lost', '--dry-run'], codes: [0] },
  { name: 'notification-url', args: [], codes: [0] },
  { name: 'send-test', args: [], codes: [0] },
] as const;

/**
 * All steps of a run, in their order. Each update is made from the base settings, so that it also takes back the one before.
 *
 * @param updates settings by the name of the update.
 */
export function stepsOf(
  programs: Programs,
  {
    base,
    output,
    environment,
  }: { readonly base: Settings; readonly output: string; readonly environment: string },
  updates: ReadonlyMap<string, Settings>,
): Step[] {
  const { stackName = '' } = base;
  const deploy = (settings: Settings) => () => cdkDeploy(programs, { ...base, ...settings }, output);
  const destroy = async () =>
    failureOf(await programs.cdk(['destroy', '--force', ...contextOf(base), '--output', output]), [0]);
  const commands = (after: string) =>
    COMMANDS.map(({ name, args, codes }) => ({
      name: after === FIRST ? name : `${name}, ${after}`,
      needs: [after],
      run: async () => failureOf(await programs.command(name, [...args, '--stack', stackName]), codes),
    }));
  const update = ([name, settings]: [string, Settings]) => ({
    name: `update ${name}`,
    needs: [FIRST],
    run: settings.terminationProtection === 'true' ? protect : deploy(settings),
  });
  const protect = async () => {
    // Alone it changes no template: what it changed shows in a refused destroy.
    const how = [...DEPLOY, '--output', output, ...contextOf({ ...base, terminationProtection: 'true' })];
    const failure = failureOf(await programs.cdk(['deploy', ...how]), [0]);
    return failure ?? ((await destroy()) === undefined ? 'cdk destroy was not refused' : undefined);
  };
  const back = { name: 'take the last update back', needs: [FIRST], run: deploy({}) };
  return [
    {
      name: 'bootstrap',
      needs: [],
      // Without an app: it would be synthesized first.
      run: async () => failureOf(await programs.cdk(['bootstrap', '--app', '', environment]), [0]),
    },
    { name: FIRST, needs: [], run: deploy({}) },
    ...commands(FIRST),
    ...[...updates].map(update),
    ...(updates.size === 0 ? [] : [back]),
    { name: 'destroy', needs: [], run: destroy },
    { name: AGAIN, needs: [], run: deploy({}) },
    ...commands(AGAIN),
    { name: 'destroy again', needs: [], run: destroy },
  ];
}

async function cdkDeploy(
  programs: Programs,
  settings: Settings,
  output: string,
): Promise<string | undefined> {
  const ended = await programs.cdk(['deploy', ...DEPLOY, '--output', output, ...contextOf(settings)]);
  const failure = failureOf(ended, [0]);
  if (failure !== undefined) return failure;
  return ended.text.includes('(no changes)') ? 'the CDK found no change to deploy' : undefined;
}

function contextOf(settings: Settings): string[] {
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

function failureOf({ code, text }: Ended, expected: readonly number[]): string | undefined {
  if (code !== null && expected.includes(code)) return undefined;
  return `${code === null ? 'not done in time' : `exit code ${code}`}: ${reasonIn(text)}`;
}

const EVENT = /\|\s*(?:CREATE|UPDATE|DELETE)_FAILED\s*\|\s*(\S+)\s*\|\s*(.+)$/;

/** The server's reason in what a program printed: that of each failed resource, else its last error, else its last line. */
function reasonIn(text: string): string {
  const lines = text.split('\n').map((line) => line.trim());
  const failed = lines.flatMap((line) => {
    const [, type, rest] = EVENT.exec(line) ?? [];
    return type === undefined || rest === undefined ? [] : [`${type} ${rest}`];
  });
  // The resource whose failure cancels the others is named first.
  const first = failed.find((line) => !/resource (?:creation|update) cancelled/i.test(line));
  // The CDK writes its errors so.
  const said = lines.findLast((line) => line.startsWith('‣'))?.slice(2);
  const last = lines.findLast((line) => /error|failed|denied/i.test(line)) ?? lines.findLast(Boolean);
  return first ?? said ?? last ?? 'it printed nothing';
}

/** Runs the steps one after the other. `tell` gets the result of each. */
export async function runSteps(
  steps: readonly Step[],
  tell: (result: StepResult) => void,
): Promise<StepResult[]> {
  const results: StepResult[] = [];
  for (const step of steps) {
    const result = await runStep(step, results);
    results.push(result);
    tell(result);
  }
  return results;
}

async function runStep({ name, needs, run }: Step, before: readonly StepResult[]): Promise<StepResult> {
  const missing = before.find((result) => needs.includes(result.name) && result.outcome !== 'passed');
  if (missing !== undefined) {
    return { name, outcome: 'skipped', seconds: 0, note: `needs the step ${missing.name}` };
  }
  const start = performance.now();
  const failure = await run().catch((error: unknown) => String(error));
  const seconds = (performance.now() - start) / 1000;
  return { name, outcome: failure === undefined ? 'passed' : 'failed', seconds, note: failure ?? '' };
}
