import { createServer, type IncomingHttpHeaders } from 'node:http';

/** A request that a receiver of notifications got. */
export interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly version: string;
}

/** A posted notification, as far as tests look into it; which of `output` and `outputs` it has is theirs to know. */
export interface Posted {
  readonly output: PostedOutput;
  readonly outputs: readonly PostedOutput[];
  readonly job: object;
  readonly input: object;
}

export interface PostedOutput {
  readonly label: string | null;
  readonly url: string;
  readonly file_size_in_bytes: number | null;
  readonly md5_checksum: string | null;
  readonly primary_thumbnail_upload_error_link?: string;
  readonly thumbnails?: readonly { readonly images: readonly { readonly url: string }[] }[];
}

/** A plain HTTP server that keeps what is posted to it. */
export interface Receiver {
  readonly url: string;
  readonly received: readonly Received[];
  /** A body, parsed, by its place in the order of arrival. @throws when fewer have arrived */
  posted(index?: number): Posted;
  close(): Promise<void>;
}

/** @param nextStatus status for the next request */
export async function startReceiver(nextStatus: () => number): Promise<Receiver> {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      received.push({ headers: request.headers, body, version: request.httpVersion });
      response.writeHead(nextStatus(), { location: '/elsewhere' }).end();
    });
  });
  const listening = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', listening.resolve);
  await listening.promise;
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    url: `http://127.0.0.1:${address.port}/notifications`,
    received,
    posted(index = 0) {
      const body = received[index]?.body;
      if (body === undefined) throw new Error(`only ${received.length} notifications have come`);
      const parsed: Posted = JSON.parse(body);
      return parsed;
    },
    async close() {
      const closed = Promise.withResolvers<void>();
      server.close(() => closed.resolve());
      await closed.promise;
    },
  };
}
