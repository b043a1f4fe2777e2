import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { GetSecretValueCommand } from '@aws-sdk/client-secrets-manager';
import * as v from 'valibot';
import { type Engine, type EngineOptions, startEngine } from './engine.ts';
import { synthesizedAssembly } from './synthesized.ts';

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
}

/** Where `npm start` says which stack runs, for the operator commands' `--local`. */
export const STATE_FILE = '.local/stack.json';

const outputs = v.object({ NotificationUrl: v.pipe(v.string(), v.url()), NotificationSecretArn: v.string() });
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
  const { NotificationUrl, NotificationSecretArn } = v.parse(outputs, engine.outputs);
  const secret = await engine.clients.secretsManager.send(
    new GetSecretValueCommand({ SecretId: NotificationSecretArn }),
  );
  const { username, password } = v.parse(credentials, JSON.parse(secret.SecretString ?? ''));
  const url = new URL(NotificationUrl);
  url.username = encodeURIComponent(username);
  url.password = encodeURIComponent(password);
  const stack = { ...engine, apiOrigin: engine.apiOrigin, notificationUrl: url.href };
  if (stateFile === undefined) return stack;
  await writeState(stateFile, stack);
  return {
    ...stack,
    async close() {
      await Promise.all([rm(stateFile, { force: true }), engine.close()]);
    },
  };
}

async function writeState(stateFile: string, stack: LocalStack): Promise<void> {
  await mkdir(dirname(stateFile), { recursive: true });
  const { endpoints, outputs: values, credentials: keys, region } = stack;
  const state = { endpoints, outputs: values, credentials: keys, region, apiOrigin: stack.apiOrigin };
  // It holds access keys: of this machine only, but nobody else's business either.
  await writeFile(stateFile, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
}
