import { runCommand } from './command.ts';
import { HELP, notificationUrl } from './notification-url/command.ts';

await runCommand('notification-url', HELP, notificationUrl);
