import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from './listen.ts';

/** A DynamoDB to work against. */
export interface LocalDynamoDb {
  /** For the SDK, e.g. `http://127.0.0.1:41234`. */
  readonly endpoint: string;
  /** Ends the server; nothing happens to one that was there already. */
  close(): Promise<void>;
}

/** An embedded server does not run on this platform; the message says what to do. */
export class UnsupportedPlatform extends Error {
  override readonly name = 'UnsupportedPlatform';
}

const START_TIMEOUT_MS = 10_000;
const FREE_PORT_ATTEMPTS = 5;

/**
 * Starts an empty DynamoDB in memory (dynoxide) on a free port of 127.0.0.1. Where `AWS_ENDPOINT_URL_DYNAMODB` is set,
 * that one is used instead.
 *
 * @throws {UnsupportedPlatform} on platforms that dynoxide has no package for, saying what to do.
 */
export async function startDynamoDb(): Promise<LocalDynamoDb> {
  const given = process.env.AWS_ENDPOINT_URL_DYNAMODB;
  if (given) return { endpoint: given, close: async () => {} };
  const program = findProgram();
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const server = await start(program, port);
    if (server !== null) return server;
    if (attempt === FREE_PORT_ATTEMPTS) throw new Error(`${program} ended at once, ${attempt} times`);
  }
}

function findProgram(): string {
  try {
    return createRequire(import.meta.url).resolve(`@dynoxide/${process.platform}-${process.arch}/dynoxide`);
  } catch (cause) {
    throw new UnsupportedPlatform(
      `There is no embedded DynamoDB for ${process.platform} ${process.arch}. Start one, for example ` +
        'DynamoDB Local (docker run -p 8000:8000 amazon/dynamodb-local), and set ' +
        'AWS_ENDPOINT_URL_DYNAMODB=http://127.0.0.1:8000.',
      { cause },
    );
  }
}

/** Null when the program ended before it listened, as it does when another process took the port in the meantime. */
async function start(program: string, port: number): Promise<LocalDynamoDb | null> {
  const child = spawn(program, ['--host', '127.0.0.1', '--port', String(port)], { stdio: 'ignore' });
  const ended = once(child, 'exit').then(() => true);
  const killWithParent = () => child.kill('SIGKILL');
  process.once('exit', killWithParent);
  const close = async () => {
    process.removeListener('exit', killWithParent);
    child.kill('SIGKILL');
    await ended;
  };
  for (const until = Date.now() + START_TIMEOUT_MS; ; ) {
    if (await isListening(port)) {
      if (child.exitCode === null) return { endpoint: `http://127.0.0.1:${port}`, close };
    }
    if (await Promise.race([ended, delay(20, false)])) {
      process.removeListener('exit', killWithParent);
      return null;
    }
    if (Date.now() > until) {
      await close();
      throw new Error(`${program} did not respond on port ${port}`);
    }
  }
}

async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
