import { runCommand } from './command.ts';
import { status } from './status/command.ts';
import { HELP } from './status/options.ts';

await runCommand('status', HELP, status);
