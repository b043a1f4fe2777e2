import { runCommand } from './command.ts';
import { preflight } from './preflight/command.ts';
import { HELP } from './preflight/help.ts';

await runCommand('preflight', HELP, preflight);
