import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { GetSecretValueCommand } from '@aws-sdk/client-secrets-manager';
import * as v from 'valibot';
import { cachedAssembly } from './cloudformation/cached-assembly.ts';
import { type Emulator, type EmulatorOptions, startEmulator } from './emulator.ts';

export interface LocalStackOptions extends Omit<EmulatorOptions, 'assembly'> {
  /** Settings of the stack, before those in `cdk.json`. */
  readonly context?: Readonly<Record<string, unknown>> | undefined;
  /** Directory of a cloud assembly to run. @default synthesized from the sources */
  readonly assembly?: string | undefined;
  /** Where to write what the operator commands need to find this stack; removed on close. */
  readonly stateFile?: string | undefined;
}

/** The recovery stack, running on this machine. */
export interface LocalStack extends Emulator {
  readonly apiOrigin: string;
  /** Where to post notifications, with credentials: `http://user:password@127.0.0.1:PORT/notifications`. */
  readonly notificationUrl: string;
  /** The dashboard's overview, with credentials; undefined in a stack without dashboard. */
  readonly dashboardUrl: string | undefined;
}

/** Where `npm start` says which stack runs, for the operator commands' `--local`. */
export const STATE_FILE = '.local/stack.json';

const url = v.pipe(v.string(), v.url());
const outputs = v.object({
  NotificationUrl: url,
  NotificationSecretArn: v.string(),
  DashboardUrl: v.optional(url),
  DashboardSecretArn: v.optional(v.string()),
});
const credentials = v.object({ username: v.string(), password: v.string() });

/**
 * Synthesizes the stack and runs it on embedded servers.
 *
 * @throws {InvalidConfig} when settings are invalid
 * @throws {TemplateError} when the template has something that the local stack does not know
 */
export async function startLocalStack(options: LocalStackOptions = {}): Promise<LocalStack> {
  const assembly = options.assembly ?? (await cachedAssembly(options.context ?? {}));
  await using starting = new AsyncDisposableStack();
  const emulator = starting.adopt(await startEmulator({ ...options, assembly }), (each) => each.close());
  const stack = await describe(emulator);
  if (options.stateFile !== undefined) await writeState(options.stateFile, stack, starting);
  const running = starting.move();
  return { ...stack, close: () => running.disposeAsync() };
}

async function describe(emulator: Emulator): Promise<LocalStack> {
  if (emulator.apiOrigin === undefined) throw new Error('the template has no HTTP API');
  const found = v.parse(outputs, emulator.outputs);
  const { DashboardUrl, DashboardSecretArn } = found;
  return {
    ...emulator,
    apiOrigin: emulator.apiOrigin,
    notificationUrl: await withCredentials(emulator, found.NotificationUrl, found.NotificationSecretArn),
    dashboardUrl:
      DashboardUrl === undefined || DashboardSecretArn === undefined
        ? undefined
        : await withCredentials(emulator, DashboardUrl, DashboardSecretArn),
  };
}

/** An address with the user name and password that a secret holds. */
async function withCredentials({ clients }: Emulator, address: string, secretArn: string): Promise<string> {
  const secret = await clients.secretsManager.send(new GetSecretValueCommand({ SecretId: secretArn }));
  const { username, password } = v.parse(credentials, JSON.parse(secret.SecretString ?? ''));
  const complete = new URL(address);
  complete.username = encodeURIComponent(username);
  complete.password = encodeURIComponent(password);
  return complete.href;
}

/** Writes what the operator commands need; it is removed when `running` ends. */
async function writeState(
  stateFile: string,
  stack: LocalStack,
  running: AsyncDisposableStack,
): Promise<void> {
  running.defer(() => rm(stateFile, { force: true }));
  await mkdir(dirname(stateFile), { recursive: true });
  const { endpoints, outputs: values, operatorCredentials: keys, region } = stack;
  const state = { endpoints, outputs: values, credentials: keys, region, apiOrigin: stack.apiOrigin };
  // It holds access keys of this machine's servers: for this user only.
  await writeFile(stateFile, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
}
