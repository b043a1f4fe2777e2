import { type CommandContext, readOptions } from '../command.ts';
import { notificationAccess, urlWithCredentials } from '../notification-secret.ts';
import { resolveTarget, STACK_HELP, STACK_OPTIONS } from '../target.ts';

export const HELP = `Usage: npm run notification-url -- [options]

Prints the URL that Zencoder is to notify, with its credentials: paste it into the "notifications" of your job requests,
or into the notification settings of your Zencoder account. Who has it can post notifications: treat it as a password.

  --json            {"url", "username", "password", "withCredentials"}

${STACK_HELP}
Exit codes: 0 done, 1 failed, 2 not understood.

Examples:
  npm run --silent notification-url
  npm run --silent notification-url -- --stack ZencoderRecoveryStaging | pbcopy
  npm run --silent notification-url -- --local --json | jq -r .withCredentials
`;

/** `npm run notification-url`: see {@link HELP}. */
export async function notificationUrl({ argv, out }: CommandContext): Promise<void> {
  const { json, ...which } = readOptions(argv, {
    json: { type: 'boolean', default: false },
    ...STACK_OPTIONS,
  });
  const access = await notificationAccess(await resolveTarget(which));
  const withCredentials = urlWithCredentials(access);
  const { url, username, password } = access;
  const answer = json ? JSON.stringify({ url, username, password, withCredentials }) : withCredentials;
  await out.write(`${answer}\n`);
}
