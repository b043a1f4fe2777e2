import { createInterface } from 'node:readline/promises';
import { type DefaultProviderInit, defaultProvider } from '@aws-sdk/credential-provider-node';
import { loadSharedConfigFiles } from '@smithy/core/config';
import { type CommandContext, CommandFailure } from './command.ts';

/** What SDK clients of a deployed stack get. */
export interface AwsAccess {
  readonly region: string;
  readonly credentials: ReturnType<typeof defaultProvider>;
}

/** Settings by profile, of `~/.aws/credentials` or `~/.aws/config`. */
type Profiles = Readonly<Record<string, { readonly region?: string | undefined } | undefined>>;

/** Those two files. */
export interface SharedConfig {
  readonly credentialsFile: Profiles;
  readonly configFile: Profiles;
}

/** The profile in use, if the environment names one. */
export function profileOf({ AWS_PROFILE, AWS_DEFAULT_PROFILE }: NodeJS.ProcessEnv): string | undefined {
  return AWS_PROFILE || AWS_DEFAULT_PROFILE || undefined;
}

/**
 * The region as the CDK finds it, so that a command looks where `cdk deploy` deployed to: environment, the profile, the
 * profile `default`, us-east-1. Order of `AwsCliCompatible.region` of aws-cdk, which on EC2 also asks the instance.
 */
export function regionOf(
  environment: NodeJS.ProcessEnv,
  { credentialsFile, configFile }: SharedConfig,
): string {
  const { AWS_REGION, AMAZON_REGION, AWS_DEFAULT_REGION, AMAZON_DEFAULT_REGION } = environment;
  const profile = profileOf(environment) ?? 'default';
  return (
    AWS_REGION ||
    AMAZON_REGION ||
    AWS_DEFAULT_REGION ||
    AMAZON_DEFAULT_REGION ||
    (credentialsFile[profile]?.region ??
      configFile[profile]?.region ??
      credentialsFile.default?.region ??
      configFile.default?.region ??
      'us-east-1')
  );
}

/**
 * Region and credentials as the CDK finds them: keys in the environment go before a profile, and a profile with
 * `mfa_serial` asks for its code.
 *
 * @param askMfaCode gets the ARN of the device.
 */
export async function findAccess(
  environment: NodeJS.ProcessEnv,
  askMfaCode: (device: string) => Promise<string>,
): Promise<AwsAccess> {
  const region = regionOf(environment, await loadSharedConfigFiles());
  const profile = hasKeys(environment) ? undefined : profileOf(environment);
  const init: DefaultProviderInit = { mfaCodeProvider: askMfaCode, parentClientConfig: { region } };
  return {
    region,
    credentials: credentialsOf(environment, { ...init, ...(profile !== undefined && { profile }) }),
  };
}

function hasKeys({ AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY }: NodeJS.ProcessEnv): boolean {
  return Boolean(AWS_ACCESS_KEY_ID) && Boolean(AWS_SECRET_ACCESS_KEY);
}

function credentialsOf(environment: NodeJS.ProcessEnv, init: DefaultProviderInit): AwsAccess['credentials'] {
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = environment;
  if (!AWS_ACCESS_KEY_ID || !AWS_SECRET_ACCESS_KEY) return defaultProvider(init);
  return async () => ({
    accessKeyId: AWS_ACCESS_KEY_ID,
    secretAccessKey: AWS_SECRET_ACCESS_KEY,
    ...(AWS_SESSION_TOKEN ? { sessionToken: AWS_SESSION_TOKEN } : {}),
  });
}

/**
 * Asks for the code of an MFA device on the terminal. The question goes to stderr: stdout is the result's.
 *
 * @throws {CommandFailure} without a terminal.
 */
export async function askMfaCode(
  device: string,
  input: NodeJS.ReadableStream & { readonly isTTY?: boolean } = process.stdin,
  output: NodeJS.WritableStream = process.stderr,
): Promise<string> {
  if (input.isTTY !== true) {
    throw new CommandFailure(
      `the profile wants a code of the MFA device ${device}: run this on a terminal, or sign in before and set AWS_PROFILE`,
    );
  }
  const reader = createInterface({ input, output });
  try {
    return (await reader.question(`MFA token for ${device}: `)).trim();
  } finally {
    reader.close();
  }
}

/** What finding a stack needs of a command. */
export type AccessContext = Pick<CommandContext, 'environment'>;
