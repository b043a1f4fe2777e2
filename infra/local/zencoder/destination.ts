import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { listen } from '../aws/listen.ts';

/** How a destination treats the next upload. */
export type UploadBehaviour = 'takes' | 'denies' | 'breaks' | 'hangs';

/** A customer's own server, as far as Zencoder uses it: it accepts or rejects uploads by HTTP PUT. */
export interface Destination {
  /** E.g. `http://127.0.0.1:4567`. */
  readonly origin: string;
  /** SHA-256 (lower-case hex) of what has been uploaded, by path. */
  readonly files: ReadonlyMap<string, string>;
  close(): Promise<void>;
}

/**
 * @param behaviour by path; `denies` responds 403, `breaks` 503 (both with a body as S3's, so that an S3 client understands
 *   it), `hangs` does not respond at all
 */
export async function startDestination(behaviour: (path: string) => UploadBehaviour): Promise<Destination> {
  const files = new Map<string, string>();
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://destination.invalid').pathname;
    receive(request)
      .then((sha256) => settle(behaviour(path), response, () => files.set(path, sha256)))
      .catch(() => response.destroy());
  });
  const listening = await listen(server);
  return { origin: listening.endpoint, files, close: () => listening.close() };
}

async function receive(request: IncomingMessage): Promise<string> {
  const digest = createHash('sha256');
  for await (const chunk of request) digest.update(chunk);
  return digest.digest('hex');
}

function settle(behaviour: UploadBehaviour, response: ServerResponse, take: () => void): void {
  switch (behaviour) {
    case 'takes':
      take();
      response.writeHead(200).end();
      break;
    case 'denies':
      refuse(response, 403, 'AccessDenied', 'Access Denied');
      break;
    case 'breaks':
      refuse(response, 503, 'SlowDown', 'Please reduce your request rate.');
      break;
    case 'hangs':
      break;
  }
}

function refuse(response: ServerResponse, status: number, code: string, message: string): void {
  response.writeHead(status, { 'content-type': 'application/xml' });
  response.end(
    `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${message}</Message></Error>`,
  );
}
