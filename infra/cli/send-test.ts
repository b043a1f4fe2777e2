import { runCommand } from './command.ts';
import { sendTest } from './send-test/command.ts';
import { HELP } from './send-test/options.ts';

await runCommand('send-test', HELP, sendTest);
