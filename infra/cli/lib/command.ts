import { existsSync, realpathSync } from 'node:fs';
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { cut } from '../../../lambda/shared/runtime/redact.ts';
import { type Terminal, terminalOf } from './terminal.ts';

/** Invalid arguments; exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** An error that the operator can fix, with a message that says how; exit code 1. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure';
}

/** The command succeeded, and its result needs attention; exit code 3. */
export class NeedsAttention extends Error {
  override readonly name = 'NeedsAttention';
}

/** What a command is given. */
export interface CommandContext {
  readonly argv: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
  /** The result. */
  readonly out: Terminal;
  /** Everything that is not the result. */
  readonly err: Terminal;
  /** Epoch milliseconds. */
  readonly now: number;
}

/** Whether Node was started with this module, and has not only imported it. */
export function isEntryPoint({ filename }: ImportMeta): boolean {
  const [, started] = process.argv;
  return started !== undefined && existsSync(started) && realpathSync(started) === filename;
}

/**
 * Runs a command of the process and sets its exit code: 0 done, 1 failed, 2 not understood, 3 done with a result that
 * needs attention. `--help` prints the help. A closed pipe (`| head`) ends it without an error.
 */
export async function runCommand(
  name: string,
  help: string,
  run: (context: CommandContext) => Promise<void>,
): Promise<void> {
  const argv = process.argv.slice(2);
  const out = terminalOf(process.stdout, process.env);
  const err = terminalOf(process.stderr, process.env);
  process.stdout.once('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
  try {
    if (asksForHelp(argv)) await out.write(help);
    else await run({ argv, environment: process.env, out, err, now: Date.now() });
  } catch (error) {
    if (error instanceof UsageError) {
      await err.write(`${name}: ${error.message}\nTry: npm run ${name} -- --help\n`);
      process.exitCode = 2;
    } else if (error instanceof NeedsAttention) {
      await err.write(`${error.message}\n`);
      process.exitCode = 3;
    } else {
      await err.write(`${name}: ${sentenceOf(error)}\n`);
      process.exitCode = 1;
    }
  }
}

/**
 * Options as `node:util` reads them, strictly.
 *
 * @throws {UsageError}
 */
export function readOptions<const Options extends NonNullable<ParseArgsConfig['options']>>(
  argv: readonly string[],
  options: Options,
) {
  try {
    return parseArgs({ args: [...argv], options, strict: true, allowPositionals: false }).values;
  } catch (error) {
    if (error instanceof TypeError && 'code' in error) throw new UsageError(error.message);
    throw error;
  }
}

/**
 * A whole number of an option.
 *
 * @throws {UsageError}
 */
export function wholeNumber(option: string, text: string, min: number, max: number): number {
  const number = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= min && number <= max) return number;
  throw new UsageError(`${option} must be a whole number from ${min} to ${max}, not ${quoted(text)}`);
}

/** Text of the operator's in a message. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 60 ? `${cut(text, 60)}…` : text);
}

function asksForHelp(argv: readonly string[]): boolean {
  return argv.includes('--help') || argv.includes('-h');
}

function sentenceOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof CommandFailure) return error.message;
  return `${error.name}: ${error.message || 'no message'}`;
}
