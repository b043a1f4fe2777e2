import { spawn } from 'node:child_process';
import { createWriteStream, type WriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { stripVTControlCharacters } from 'node:util';

/** How a program ended. */
export interface Ended {
  /** Null when it was stopped for its time. */
  readonly code: number | null;
  /** Both of its outputs, in the order of arrival, without colours. */
  readonly text: string;
}

/** Runs programs of this project, and writes what they print to the log. */
export interface Programs {
  cdk(args: readonly string[]): Promise<Ended>;
  /** A command of `infra/cli/`. */
  command(name: string, args: readonly string[]): Promise<Ended>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Credentials in a URL, a password and a notification URL's own: the log is a file that people pass on. */
const SECRETS = [/(?<=:\/\/)[^\s/@]+@/g, /(?<=X-Amz-[A-Za-z-]+=)[^\s&"']+/g];

/**
 * @param environment what the programs get.
 * @param timeout milliseconds for each.
 */
export async function openPrograms(
  log: string,
  environment: NodeJS.ProcessEnv,
  timeout: number,
): Promise<Programs> {
  await mkdir(dirname(log), { recursive: true });
  const file = createWriteStream(log);
  const run = (args: readonly string[]) => runNode(args, { environment, timeout, file });
  return {
    cdk: (args) => run([resolve('node_modules/aws-cdk/bin/cdk'), ...args]),
    command: (name, args) => run(['infra/run.mjs', `infra/cli/${name}.ts`, ...args]),
    [Symbol.asyncDispose]: () => new Promise((done) => file.end(done)),
  };
}

interface RunOptions {
  readonly environment: NodeJS.ProcessEnv;
  readonly timeout: number;
  readonly file: WriteStream;
}

function runNode(args: readonly string[], { environment, timeout, file }: RunOptions): Promise<Ended> {
  const child = spawn(process.execPath, args, {
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout,
    killSignal: 'SIGKILL',
  });
  let text = '';
  const take = (chunk: string) => {
    text += stripVTControlCharacters(chunk);
  };
  child.stdout.setEncoding('utf8').on('data', take);
  child.stderr.setEncoding('utf8').on('data', take);
  return new Promise((done, failed) => {
    child.once('error', failed);
    child.once('close', (code) => {
      file.write(`\n$ ${args.join(' ')}\n${withoutSecrets(text)}exit code ${code ?? 'none: stopped'}\n`);
      done({ code, text });
    });
  });
}

function withoutSecrets(text: string): string {
  return SECRETS.reduce((rest, secret) => rest.replace(secret, '***'), text);
}
