import { readFile } from 'node:fs/promises';
import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import * as v from 'valibot';
import { type AccessContext, type AwsAccess, askMfaCode, findAccess } from './aws-access.ts';
import { toCommandFailure } from './aws-errors.ts';
import { CommandFailure } from './command.ts';
import type { Terminal } from './terminal.ts';

/** Which stack a command works on: a deployed one, or the one that `npm start` runs. */
export interface Target {
  /** For messages: `stack ZencoderRecovery in eu-west-1`, `the local stack`. */
  readonly name: string;
  /** Id of its account; undefined for a local stack and a table by its name. */
  readonly account?: string | undefined;
  /** The stack's outputs, e.g. `TableName`. */
  readonly outputs: Readonly<Record<string, string>>;
  /** How to make an SDK client for a service. */
  clientConfig(service: string): ClientConfig;
}

/** What SDK clients need beyond their defaults. */
export interface ClientConfig {
  readonly endpoint?: string;
  readonly region?: string;
  readonly credentials?:
    | AwsAccess['credentials']
    | { readonly accessKeyId: string; readonly secretAccessKey: string };
}

/** Options that select the stack; for `readOptions`. */
export const TARGET_OPTIONS = {
  stack: { type: 'string' },
  table: { type: 'string' },
  local: { type: 'boolean' },
} as const;

/** Their part of a command's help. */
export const TARGET_HELP = `Which stack:
  --stack NAME      a deployed stack (default: stackName in cdk.json, else ZencoderRecovery), by the AWS profile and
                    region that the CDK would use
  --table NAME      a ledger table by its name, whatever its stack
  --local           the stack that npm start runs
`;

/** The same for commands that need the whole stack. */
export const STACK_OPTIONS = { stack: TARGET_OPTIONS.stack, local: TARGET_OPTIONS.local } as const;

export const STACK_HELP = `Which stack:
  --stack NAME      a deployed stack (default: stackName in cdk.json, else ZencoderRecovery), by the AWS profile and
                    region that the CDK would use
  --local           the stack that npm start runs
`;

export const DEFAULT_STACK = 'ZencoderRecovery';

/** Settings of the CDK, in the folder that a command runs in. */
const CDK_JSON = 'cdk.json';

const cdkJson = v.object({ context: v.optional(v.object({ stackName: v.optional(v.string()) })) });

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
export async function resolveTarget(
  options: {
    readonly stack?: string | undefined;
    readonly table?: string | undefined;
    readonly local?: boolean | undefined;
  },
  { environment }: AccessContext,
): Promise<Target> {
  if (options.local === true) return await localTarget();
  const access = await findAccess(environment, (device) => askMfaCode(device));
  if (options.table !== undefined) {
    const outputs = { TableName: options.table };
    return { name: `table ${options.table} in ${access.region}`, outputs, clientConfig: () => access };
  }
  return await deployedTarget(options.stack ?? (await configuredStack()), access);
}

/**
 * Says what a command works on, before it writes there: `Stack ZencoderRecovery in eu-west-1, account 123456789012`. Of a
 * local stack it says nothing.
 */
export async function announce({ name, account }: Target, err: Pick<Terminal, 'write'>): Promise<void> {
  if (account === undefined) return;
  await err.write(`${name.charAt(0).toUpperCase()}${name.slice(1)}, account ${account}\n`);
}

/** The name that `cdk deploy` gives the stack. */
async function configuredStack(): Promise<string> {
  let text: string;
  try {
    text = await readFile(CDK_JSON, 'utf8');
  } catch {
    return DEFAULT_STACK;
  }
  const { success, output } = v.safeParse(v.pipe(v.string(), v.parseJson(), cdkJson), text);
  if (success) return output.context?.stackName ?? DEFAULT_STACK;
  throw new CommandFailure(`${CDK_JSON} is damaged: correct it, or name the stack by --stack`);
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

async function deployedTarget(stackName: string, access: AwsAccess): Promise<Target> {
  const client = new CloudFormationClient(access);
  const name = `stack ${stackName} in ${access.region}`;
  try {
    const { Stacks = [] } = await client.send(new DescribeStacksCommand({ StackName: stackName }));
    const outputs = (Stacks[0]?.Outputs ?? []).map(({ OutputKey = '', OutputValue = '' }) => [
      OutputKey,
      OutputValue,
    ]);
    // arn:aws:cloudformation:REGION:ACCOUNT:stack/NAME/ID
    const account = Stacks[0]?.StackId?.split(':')[4];
    return { name, account, outputs: Object.fromEntries(outputs), clientConfig: () => access };
  } catch (error) {
    if (error instanceof Error && error.name === 'ValidationError') {
      throw new CommandFailure(
        `there is no stack ${stackName} in this account and region (${access.region}). Its name is given by --stack or ` +
          'stackName in cdk.json, account and region by AWS_PROFILE and AWS_REGION; --local asks the stack that npm start runs.',
        { cause: error },
      );
    }
    throw toCommandFailure(error, name);
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
