import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { request as requestTls } from 'node:https';
import { pipeline } from 'node:stream/promises';
import type { StreamSource } from '../source.ts';
import { fromStatus } from './failure.ts';

/** Uploads by HTTP PUT, with Basic credentials if the URL has some. Any answer but a 2xx is a failed upload. */
export async function putByHttp(url: URL, file: StreamSource, signal: AbortSignal): Promise<void> {
  const send = url.protocol === 'https:' ? requestTls : request;
  const outgoing = send(bare(url), {
    method: 'PUT',
    signal,
    agent: false,
    headers: { 'content-length': file.size, 'content-type': 'application/octet-stream' },
    ...(url.username === '' ? {} : { auth: `${decode(url.username)}:${decode(url.password)}` }),
  });
  const answered = once(outgoing, 'response', { signal });
  // A server may answer and hang up before it has read everything: then its answer counts, not the broken pipe.
  const sent = pipeline(file.open(), outgoing).catch((fault: unknown) => fault);
  const [answer]: IncomingMessage[] = await answered;
  if (answer === undefined) throw new Error('an HTTP response event without a response');
  answer.resume();
  await sent;
  const status = answer.statusCode ?? 0;
  if (status < 200 || status > 299) throw fromStatus(status, answer.statusMessage ?? '', url);
}

function bare(url: URL): URL {
  const copy = new URL(url);
  copy.username = '';
  copy.password = '';
  return copy;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
