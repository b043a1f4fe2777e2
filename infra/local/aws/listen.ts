import type { Server } from 'node:http';

/** A server that a local stack talks to. */
export interface LocalServer {
  /** Origin, e.g. `http://127.0.0.1:4100`. */
  readonly endpoint: string;
  close(): Promise<void>;
}

/**
 * Listens on 127.0.0.1: never `localhost`, for which the AWS SDK would look up `bucket.localhost`.
 *
 * @param port 0 for any free one
 * @throws when the port is taken
 */
export async function listen(server: Server, port = 0): Promise<LocalServer> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      resolve();
    });
  });
  const address = server.address();
  const bound = typeof address === 'object' && address !== null ? address.port : port;
  return {
    endpoint: `http://127.0.0.1:${bound}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
