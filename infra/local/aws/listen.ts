import type { Server } from 'node:http';
import { createServer } from 'node:net';

/** Access keys that a client signs with. */
export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** A server that a local stack talks to. */
export interface LocalServer {
  /** Origin, e.g. `http://127.0.0.1:4100`. */
  readonly endpoint: string;
  close(): Promise<void>;
}

/** A server that listens. */
export interface Listening extends LocalServer {
  readonly port: number;
}

/**
 * Listens on 127.0.0.1: never `localhost`, for which the AWS SDK would look up `bucket.localhost`.
 *
 * @param port 0 for any free one
 * @throws when the port is in use
 */
export async function listen(server: Server, port = 0, host = '127.0.0.1'): Promise<Listening> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const address = server.address();
  const bound = typeof address === 'object' && address !== null ? address.port : port;
  return {
    endpoint: `http://${host.includes(':') ? `[${host}]` : host}:${bound}`,
    port: bound,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** A port of 127.0.0.1 that was free a moment ago: nothing listens on it. */
export async function freePort(): Promise<number> {
  const server = createServer();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject).listen(0, '127.0.0.1', resolve);
  await promise;
  const address = server.address();
  await new Promise((closed) => server.close(closed));
  if (address === null || typeof address === 'string') throw new Error('no port is free');
  return address.port;
}
