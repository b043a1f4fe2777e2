import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import * as v from 'valibot';
import { toCommandFailure } from './lib/aws-errors.ts';
import { type CommandContext, CommandFailure, isEntryPoint, readOptions, runCommand } from './lib/command.ts';
import { outputOf, resolveTarget, STACK_HELP, STACK_OPTIONS, type Target } from './lib/target.ts';

const secret = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({
    username: v.pipe(v.string(), v.minLength(1)),
    password: v.pipe(v.string(), v.minLength(1)),
    notificationSecret: v.optional(v.string()),
  }),
);

/** The URL that Zencoder posts to, and its credentials. */
export interface NotificationAccess {
  /** Without credentials. */
  readonly url: string;
  readonly username: string;
  readonly password: string;
  /** The secret of the Zencoder account, if the stack has it. */
  readonly notificationSecret: string | undefined;
}

/**
 * Reads the current credentials of the notification URL.
 *
 * @throws {CommandFailure} when the secret cannot be read as such; its text is never in the message.
 */
export async function notificationAccess(target: Target): Promise<NotificationAccess> {
  const url = outputOf(target, 'NotificationUrl');
  const SecretId = outputOf(target, 'NotificationSecretArn');
  const client = new SecretsManagerClient(target.clientConfig('secretsManager'));
  try {
    const { SecretString } = await client.send(new GetSecretValueCommand({ SecretId }));
    const { success, output } = v.safeParse(secret, SecretString);
    if (success) return { url, ...output, notificationSecret: output.notificationSecret };
  } catch (error) {
    throw toCommandFailure(error, target.name);
  } finally {
    client.destroy();
  }
  throw new CommandFailure(
    `the secret ${SecretId} must be JSON with a username and a password: put such a value into Secrets Manager`,
  );
}

/** The URL to give to Zencoder: credentials in it, escaped as a URL needs it. */
export function urlWithCredentials({ url, username, password }: NotificationAccess): string {
  const whole = new URL(url);
  whole.username = encodeURIComponent(username);
  whole.password = encodeURIComponent(password);
  return whole.href;
}

export const HELP = `Usage: npm run notification-url -- [options]

Prints the URL that Zencoder is to notify, with its credentials: paste it into the "notifications" of your job requests,
or into the notification settings of your Zencoder account. Anyone with this URL can post notifications; keep it secret.

  --json            {"url", "username", "password", "withCredentials"}

${STACK_HELP}
Exit codes: 0 done, 1 failed, 2 not understood.

Examples:
  npm run --silent notification-url
  npm run --silent notification-url -- --stack ZencoderRecoveryStaging | pbcopy
  npm run --silent notification-url -- --local --json | jq -r .withCredentials
`;

/** `npm run notification-url`: see {@link HELP}. */
export async function notificationUrl({ argv, out, environment }: CommandContext): Promise<void> {
  const { json, ...which } = readOptions(argv, {
    json: { type: 'boolean', default: false },
    ...STACK_OPTIONS,
  });
  const access = await notificationAccess(await resolveTarget(which, { environment }));
  const withCredentials = urlWithCredentials(access);
  const { url, username, password } = access;
  const text = json ? JSON.stringify({ url, username, password, withCredentials }) : withCredentials;
  await out.write(`${text}\n`);
}

if (isEntryPoint(import.meta)) await runCommand('notification-url', HELP, notificationUrl);
