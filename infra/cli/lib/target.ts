import { readFile } from 'node:fs/promises';
import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import * as v from 'valibot';
import { CommandFailure } from './command.ts';

/** Which stack a command works on: a deployed one, or the one that `npm start` runs. */
export interface Target {
  /** For messages: `stack ZencoderRecovery`, `the local stack`. */
  readonly name: string;
  /** The stack's outputs, e.g. `TableName`. */
  readonly outputs: Readonly<Record<string, string>>;
  /** How to make an SDK client for a service; empty for a deployed stack: the SDK's own chain finds the way. */
  clientConfig(service: string): ClientConfig;
}

/** What SDK clients need beyond their defaults. */
export interface ClientConfig {
  readonly endpoint?: string;
  readonly region?: string;
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

/** Options that select the stack; for `readOptions`. */
export const TARGET_OPTIONS = {
  stack: { type: 'string' },
  table: { type: 'string' },
  local: { type: 'boolean' },
} as const;

/** Their part of a command's help. */
export const TARGET_HELP = `Which stack:
  --stack NAME      a deployed stack (default: ZencoderRecovery), by the AWS profile and region in use
  --table NAME      a ledger table by its name, whatever its stack
  --local           the stack that npm start runs
`;

/** The same for commands that need the whole stack. */
export const STACK_OPTIONS = { stack: TARGET_OPTIONS.stack, local: TARGET_OPTIONS.local } as const;

export const STACK_HELP = `Which stack:
  --stack NAME      a deployed stack (default: ZencoderRecovery), by the AWS profile and region in use
  --local           the stack that npm start runs
`;

export const DEFAULT_STACK = 'ZencoderRecovery';

/** File in which `npm start` describes its running stack. */
const STATE_FILE = '.local/stack.json';

const state = v.object({
  endpoints: v.record(v.string(), v.string()),
  outputs: v.record(v.string(), v.string()),
  region: v.optional(v.string(), 'us-east-1'),
  credentials: v.optional(v.object({ accessKeyId: v.string(), secretAccessKey: v.string() }), {
    accessKeyId: 'local',
    secretAccessKey: 'local',
  }),
});

/**
 * Finds the stack that the options name.
 *
 * @throws {CommandFailure} when there is none.
 */
export async function resolveTarget(options: {
  readonly stack?: string | undefined;
  readonly table?: string | undefined;
  readonly local?: boolean | undefined;
}): Promise<Target> {
  if (options.local === true) return await localTarget();
  if (options.table !== undefined) {
    const outputs = { TableName: options.table };
    return { name: `table ${options.table}`, outputs, clientConfig: () => ({}) };
  }
  return await deployedTarget(options.stack ?? DEFAULT_STACK);
}

/**
 * One output of the stack.
 *
 * @throws {CommandFailure} when the stack has none of that name.
 */
export function outputOf(target: Target, output: string): string {
  const value = target.outputs[output];
  if (value !== undefined) return value;
  throw new CommandFailure(
    `${target.name} has no output ${output}: is it a stack of this project, and up to date?`,
  );
}

async function deployedTarget(stackName: string): Promise<Target> {
  const client = new CloudFormationClient({});
  try {
    const { Stacks = [] } = await client.send(new DescribeStacksCommand({ StackName: stackName }));
    const outputs = (Stacks[0]?.Outputs ?? []).map(({ OutputKey = '', OutputValue = '' }) => [
      OutputKey,
      OutputValue,
    ]);
    return { name: `stack ${stackName}`, outputs: Object.fromEntries(outputs), clientConfig: () => ({}) };
  } catch (error) {
    if (error instanceof Error && error.name === 'ValidationError') {
      throw new CommandFailure(
        `there is no stack ${stackName} in this account and region. Its name is given by --stack, ` +
          'account and region by AWS_PROFILE and AWS_REGION; --local asks the stack that npm start runs.',
        { cause: error },
      );
    }
    throw toCommandFailure(error);
  } finally {
    client.destroy();
  }
}

async function localTarget(): Promise<Target> {
  let text: string;
  try {
    text = await readFile(STATE_FILE, 'utf8');
  } catch (cause) {
    throw new CommandFailure(`no local stack is running (${STATE_FILE} is not there): run npm start`, {
      cause,
    });
  }
  const result = v.safeParse(v.pipe(v.string(), v.parseJson(), state), text);
  if (!result.success)
    throw new CommandFailure(`${STATE_FILE} is damaged: stop npm start and start it again`);
  const { endpoints, outputs, region, credentials } = result.output;
  return {
    name: 'the local stack',
    outputs,
    clientConfig(service) {
      const endpoint = endpoints[service];
      return { region, credentials: { ...credentials }, ...(endpoint !== undefined && { endpoint }) };
    },
  };
}

/** An SDK's error as a message with the action required, if there is one; else the error itself. */
export function toCommandFailure(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const advice = adviceFor(error);
  return advice === undefined ? error : new CommandFailure(advice, { cause: error });
}

function adviceFor(error: Error): string | undefined {
  if (error.name === 'CredentialsProviderError') {
    return 'no AWS credentials: sign in (aws sso login) or set AWS_PROFILE; --local asks the stack that npm start runs';
  }
  if (/region is missing/i.test(error.message)) {
    return 'no AWS region: set AWS_REGION to where the stack is; --local asks the stack that npm start runs';
  }
  if (/^(?:ExpiredToken|ExpiredTokenException|TokenRefreshRequired)$/.test(error.name)) {
    return 'the AWS credentials have expired: sign in again';
  }
  if (/^AccessDenied(?:Exception)?$/.test(error.name)) return `AWS denies access: ${error.message}`;
  if ('code' in error && (error.code === 'ECONNREFUSED' || error.code === 'ENOTFOUND')) {
    return `no response (${error.message}): is the stack still running, and the endpoint right?`;
  }
  return undefined;
}
