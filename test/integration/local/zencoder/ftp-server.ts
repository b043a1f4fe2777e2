import { createServer, type Server, type Socket } from 'node:net';
import { posix } from 'node:path';

/** A customer's FTP server, as far as an upload needs one. */
export interface FtpServer {
  readonly port: number;
  /** What has been stored, by path. */
  readonly files: ReadonlyMap<string, Buffer>;
  close(): Promise<void>;
}

/** @param password the only one that is let in */
export async function startFtpServer(password: string): Promise<FtpServer> {
  const files = new Map<string, Buffer>();
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('close', () => sockets.delete(socket)).on('error', () => undefined));
    new Session(socket, password, files).greet();
  });
  const port = await listen(server);
  return {
    port,
    files,
    async close() {
      for (const socket of sockets) socket.destroy();
      const closed = Promise.withResolvers<void>();
      server.close(() => closed.resolve());
      await closed.promise;
    },
  };
}

class Session {
  readonly #socket: Socket;
  readonly #password: string;
  readonly #files: Map<string, Buffer>;
  #directory = '/';
  #data: Promise<Buffer> | undefined;

  constructor(socket: Socket, password: string, files: Map<string, Buffer>) {
    this.#socket = socket;
    this.#password = password;
    this.#files = files;
  }

  greet(): void {
    this.#say('220 ready');
    this.#socket.on('data', (data) => {
      for (const line of data.toString().split('\r\n').filter(Boolean)) {
        this.#take(line).catch(() => this.#socket.destroy());
      }
    });
  }

  async #take(line: string): Promise<void> {
    const [, command = '', argument = ''] = /^(\w+) ?(.*)$/.exec(line) ?? [];
    switch (command) {
      case 'USER':
        return this.#say('331 password, please');
      case 'PASS':
        return this.#say(argument === this.#password ? '230 welcome' : '530 not you');
      case 'CWD':
        this.#directory = posix.resolve(this.#directory, argument);
        return this.#say('250 here');
      case 'EPSV':
        return this.#say(`229 passive (|||${await this.#openData()}|)`);
      case 'STOR':
        return this.#store(argument);
      case 'TYPE':
      case 'MKD':
        return this.#say('257 as you wish');
      default:
        return this.#say('502 not here');
    }
  }

  async #openData(): Promise<number> {
    const received = Promise.withResolvers<Buffer>();
    this.#data = received.promise;
    const server = createServer((socket) => {
      const chunks: Buffer[] = [];
      socket.on('data', (chunk) => chunks.push(Buffer.from(chunk)));
      socket.on('end', () => received.resolve(Buffer.concat(chunks)));
      server.close();
    });
    return listen(server);
  }

  async #store(name: string): Promise<void> {
    this.#say('150 go on');
    this.#files.set(posix.resolve(this.#directory, name), (await this.#data) ?? Buffer.alloc(0));
    this.#say('226 stored');
  }

  #say(line: string): void {
    this.#socket.write(`${line}\r\n`);
  }
}

async function listen(server: Server): Promise<number> {
  const listening = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', listening.resolve);
  await listening.promise;
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
