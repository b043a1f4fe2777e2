import { runCommand } from './command.ts';
import { failures } from './failures/command.ts';
import { HELP } from './failures/options.ts';

await runCommand('failures', HELP, failures);
