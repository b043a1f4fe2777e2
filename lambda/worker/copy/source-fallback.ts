import { type IncomingMessage, request as requestPlain } from 'node:http';
import { request as requestSecure } from 'node:https';
import type { ConnectionOptions } from 'node:tls';
import { SourceStalled, SourceUnavailable, UnexpectedSourceResponse } from './errors.ts';
import type { Exchange, Received } from './source-connection.ts';
import { parseHead, type ResponseHead } from './source-response.ts';
import type { SourceAddress } from './source-url.ts';

const ERROR_TEXT_BYTES = 32 * 1024;

/**
 * The same exchange through Node's own HTTP client, on a connection of its own: slower, for responses that are valid HTTP but
 * not what `SourceConnection` can read, such as a 206 in chunks without a length.
 */
export async function exchangeByFallback(
  address: SourceAddress,
  exchange: Exchange,
  headers: Readonly<Record<string, string>>,
  tls: Pick<ConnectionOptions, 'ca'>,
): Promise<Received> {
  const { signal, stall } = exchange;
  const silence = AbortSignal.timeout(
    stall.windowMs + Math.ceil(exchange.target.length / stall.minBytesPerSecond) * 1000,
  );
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const send = address.secure ? requestSecure : requestPlain;
  const request = send({
    ...tls,
    host: address.hostname,
    port: address.port,
    path: address.target,
    headers,
    agent: false,
    timeout: stall.silenceMs,
    signal: signal === undefined ? silence : AbortSignal.any([signal, silence]),
  });
  request.on('response', resolve);
  request.on('error', reject);
  request.on('timeout', () => {
    request.destroy(new SourceStalled(`the source sent nothing for ${stall.silenceMs} ms`));
  });
  request.end();
  try {
    return await receiveResponse(await promise, exchange);
  } catch (error) {
    signal?.throwIfAborted();
    if (silence.aborted) throw new SourceStalled('the source sent too little for too long');
    if (error instanceof Error && 'code' in error) {
      throw new SourceUnavailable('the connection to the source ended', { cause: error });
    }
    throw error;
  } finally {
    request.destroy();
  }
}

async function receiveResponse(response: IncomingMessage, exchange: Exchange): Promise<Received> {
  const head = headOf(response);
  const check = exchange.check(head);
  if (check.kind !== 'body') return { kind: 'error', head, text: await textOf(response) };
  let received = 0;
  for await (const chunk of bytesOf(response)) {
    if (received + chunk.length > check.length) {
      throw new UnexpectedSourceResponse('the source sends more than it announced');
    }
    chunk.copy(exchange.target, received);
    received += chunk.length;
  }
  if (received !== check.length) throw new SourceUnavailable('the source sent less than it announced');
  return { kind: 'body', head, length: received };
}

function headOf(response: IncomingMessage): ResponseHead {
  const lines = Object.entries(response.headersDistinct).flatMap(([name, values = []]) =>
    values.map((value) => `${name}: ${value}`),
  );
  const head = parseHead([`HTTP/1.1 ${response.statusCode} `, ...lines].join('\r\n'));
  if (head === null) throw new UnexpectedSourceResponse("the head of the source's response cannot be read");
  return head;
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of bytesOf(response)) {
    chunks.push(chunk);
    length += chunk.length;
    if (length >= ERROR_TEXT_BYTES) break;
  }
  return Buffer.concat(chunks).toString('latin1');
}

async function* bytesOf(response: AsyncIterable<unknown>): AsyncGenerator<Buffer> {
  for await (const chunk of response) {
    if (!Buffer.isBuffer(chunk)) throw new TypeError('expected bytes');
    yield chunk;
  }
}
