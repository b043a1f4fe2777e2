import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LocalStackOptions } from '../../infra/local/stack.ts';
import { type Cli, type Faults, SETTINGS } from '../e2e/permissions-fixture.ts';
import { runCli } from '../support/run-cli.ts';
import { type RunningStack, startRunningStack } from '../support/running-stack.ts';

/** A stack for `useEveryPermission`. */
export interface PermissionsRun extends AsyncDisposable {
  readonly running: RunningStack;
  readonly cli: Cli;
  readonly faults: Faults;
}

/** Starts it with a Zencoder API key, a schedule that the test runs, and a topic that the test stops. */
export async function startPermissionsRun(
  options: Pick<LocalStackOptions, 'changePolicies' | 'onDecision'>,
): Promise<PermissionsRun> {
  await using starting = new AsyncDisposableStack();
  const faults: Faults = { topicIsDown: false };
  const folder = await mkdtemp(join(tmpdir(), 'permissions-'));
  starting.defer(() => rm(folder, { recursive: true, force: true }));
  const running = await startRunningStack({
    ...options,
    apiAccess: 'full',
    schedules: 'manual',
    context: SETTINGS,
    stateFile: join(folder, '.local/stack.json'),
    serviceFaults: (service) => () =>
      service === 'SNS' && faults.topicIsDown ? { status: 500, code: 'InternalFailure' } : undefined,
  });
  starting.defer(() => running.close());
  const started = starting.move();
  return {
    running,
    faults,
    cli: (command, ...args) => runCli(command, ['--local', ...args], { cwd: folder }),
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
}
