import { runCommand } from './command.ts';
import { redrive } from './redrive/command.ts';
import { HELP } from './redrive/options.ts';

await runCommand('redrive', HELP, redrive);
