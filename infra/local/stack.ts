import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { GetSecretValueCommand } from '@aws-sdk/client-secrets-manager';
import * as v from 'valibot';
import { synthesizedAssembly } from './cloudformation/cached-assembly.ts';
import { type Engine, type EngineOptions, startEngine } from './emulator.ts';

export interface LocalStackOptions extends Omit<EngineOptions, 'assembly'> {
  /** Settings of the stack, before those in `cdk.json`. */
  readonly context?: Readonly<Record<string, unknown>> | undefined;
  /** Directory of a cloud assembly to run. @default synthesized from the sources */
  readonly assembly?: string | undefined;
  /** Where to write what the operator commands need to find this stack; removed on close. */
  readonly stateFile?: string | undefined;
}

/** The recovery stack, running on this machine. */
export interface LocalStack extends Engine {
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
 * @throws {InvalidConfig} when the settings are faulty
 * @throws {TemplateError} when the template has something that the local stack does not know
 */
export async function startLocalStack(options: LocalStackOptions = {}): Promise<LocalStack> {
  const assembly = options.assembly ?? (await synthesizedAssembly(options.context ?? {}));
  const engine = await startEngine({ ...options, assembly });
  try {
    return await describe(engine, options.stateFile);
  } catch (error) {
    await engine.close();
    throw error;
  }
}

async function describe(engine: Engine, stateFile: string | undefined): Promise<LocalStack> {
  if (engine.apiOrigin === undefined) throw new Error('the template has no HTTP API');
  const found = v.parse(outputs, engine.outputs);
  const { DashboardUrl, DashboardSecretArn } = found;
  const stack = {
    ...engine,
    apiOrigin: engine.apiOrigin,
    notificationUrl: await withCredentials(engine, found.NotificationUrl, found.NotificationSecretArn),
    dashboardUrl:
      DashboardUrl === undefined || DashboardSecretArn === undefined
        ? undefined
        : await withCredentials(engine, DashboardUrl, DashboardSecretArn),
  };
  if (stateFile === undefined) return stack;
  await writeState(stateFile, stack);
  return {
    ...stack,
    async close() {
      await Promise.all([rm(stateFile, { force: true }), engine.close()]);
    },
  };
}

/** An address with the user name and password that a secret holds. */
async function withCredentials({ clients }: Engine, address: string, secretArn: string): Promise<string> {
  const secret = await clients.secretsManager.send(new GetSecretValueCommand({ SecretId: secretArn }));
  const { username, password } = v.parse(credentials, JSON.parse(secret.SecretString ?? ''));
  const complete = new URL(address);
  complete.username = encodeURIComponent(username);
  complete.password = encodeURIComponent(password);
  return complete.href;
}

async function writeState(stateFile: string, stack: LocalStack): Promise<void> {
  await mkdir(dirname(stateFile), { recursive: true });
  const { endpoints, outputs: values, credentials: keys, region } = stack;
  const state = { endpoints, outputs: values, credentials: keys, region, apiOrigin: stack.apiOrigin };
  // It holds access keys: of this machine only, but nobody else's business either.
  await writeFile(stateFile, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
}
