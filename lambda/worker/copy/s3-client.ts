import { type IncomingMessage, Agent as PlainAgent, request as requestPlain } from 'node:http';
import { request as requestSecure, Agent as SecureAgent } from 'node:https';
import { pipeline, Readable } from 'node:stream';
import type { ConnectionOptions } from 'node:tls';
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';

/** One `end()` of a whole part over TLS would hold it twice; written in slices it is encrypted piece by piece. */
const SLICE_BYTES = 512 * 1024;

/** What the SDK hands to a request handler, as far as this one needs it. */
interface HandlerRequest {
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number | undefined;
  readonly method: string;
  readonly path: string;
  readonly query?: Readonly<Record<string, string | string[] | null>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

interface HandlerResponse {
  readonly statusCode: number;
  readonly reason: string;
  readonly headers: Record<string, string>;
  readonly body: IncomingMessage;
}

interface HandlerOptions {
  /** Connections to one host at a time. */
  readonly connections: number;
  /** Milliseconds without any traffic on a connection after which its request fails with `TimeoutError`. */
  readonly silenceMs: number;
  readonly tls?: Pick<ConnectionOptions, 'ca'>;
}

/** The connection carried nothing for too long; the name is what the SDK calls it. */
class TimeoutError extends Error {
  override readonly name = 'TimeoutError';
}

/**
 * A request handler for SDK clients that sends large bodies from memory: in slices, over kept connections, the last
 * slice always by `end()`. (Waiting for `drain` before an `end()` hangs for good when the response came first, since
 * Node then never emits `drain`.)
 */
class ChunkedBodyHandler {
  readonly metadata = { handlerProtocol: 'http/1.1' };
  readonly #secureAgent: SecureAgent;
  readonly #plainAgent: PlainAgent;
  readonly #silenceMs: number;

  constructor(options: HandlerOptions) {
    const agentOptions = {
      keepAlive: true,
      maxSockets: options.connections,
      scheduling: 'lifo',
      noDelay: true,
    } as const;
    this.#secureAgent = new SecureAgent({ ...agentOptions, ...options.tls });
    this.#plainAgent = new PlainAgent(agentOptions);
    this.#silenceMs = options.silenceMs;
  }

  handle(
    request: HandlerRequest,
    options: { abortSignal?: unknown } = {},
  ): Promise<{ response: HandlerResponse }> {
    const { promise, resolve, reject } = Promise.withResolvers<{ response: HandlerResponse }>();
    const secure = request.protocol === 'https:';
    const outgoing = (secure ? requestSecure : requestPlain)({
      host: request.hostname.replace(/^\[(.*)\]$/, '$1'),
      port: request.port,
      method: request.method,
      path: request.path + queryText(request.query ?? {}),
      headers: request.headers,
      agent: secure ? this.#secureAgent : this.#plainAgent,
      ...(options.abortSignal instanceof AbortSignal ? { signal: options.abortSignal } : {}),
    });
    outgoing.on('response', (incoming) => resolve({ response: responseOf(incoming) }));
    outgoing.on('error', reject);
    outgoing.setTimeout(this.#silenceMs, () => {
      outgoing.destroy(new TimeoutError(`no traffic for ${this.#silenceMs} ms`));
    });
    const { body } = request;
    if (body instanceof Readable) {
      pipeline(body, outgoing, (error) => {
        if (error) reject(error);
      });
    } else if (typeof body === 'string' || body instanceof Uint8Array) {
      writeInSlices(outgoing, typeof body === 'string' ? Buffer.from(body) : body);
    } else if (body === undefined || body === null) {
      outgoing.end();
    } else {
      outgoing.destroy(new TypeError('a body is text, bytes or a Readable'));
    }
    return promise;
  }

  destroy(): void {
    this.#secureAgent.destroy();
    this.#plainAgent.destroy();
  }

  /** Part of the SDK's interface; nothing can be changed later. */
  updateHttpClientConfig(): void {}

  /** Part of the SDK's interface. */
  httpHandlerConfigs(): Record<string, never> {
    return {};
  }
}

interface Outgoing {
  write(chunk: Uint8Array): boolean;
  end(chunk?: Uint8Array): unknown;
  once(event: 'drain', listener: () => void): unknown;
}

function writeInSlices(outgoing: Outgoing, body: Uint8Array): void {
  let offset = 0;
  const writeOn = () => {
    for (;;) {
      const slice = body.subarray(offset, offset + SLICE_BYTES);
      offset += slice.length;
      if (offset >= body.length) {
        outgoing.end(slice);
        return;
      }
      if (!outgoing.write(slice)) {
        outgoing.once('drain', writeOn);
        return;
      }
    }
  };
  writeOn();
}

function responseOf(incoming: IncomingMessage): HandlerResponse {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(incoming.headers)) {
    if (value !== undefined) headers[name] = typeof value === 'string' ? value : value.join(', ');
  }
  return {
    statusCode: incoming.statusCode ?? 0,
    reason: incoming.statusMessage ?? '',
    headers,
    body: incoming,
  };
}

function queryText(query: Readonly<Record<string, string | string[] | null>>): string {
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map(
      (one) => `${escapeQuery(name)}=${one === null ? '' : escapeQuery(one)}`,
    ),
  );
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`;
}

/** Escapes as the signature does: everything but RFC 3986's unreserved characters. */
function escapeQuery(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

export interface BucketClientOptions {
  /** Connections to the bucket at a time; default 32. */
  readonly connections?: number;
  /** Milliseconds without any traffic after which a request fails; default 30,000. */
  readonly silenceMs?: number;
  /** Trust beyond the system's. */
  readonly tls?: Pick<ConnectionOptions, 'ca'>;
  /** Region, endpoint and credentials, where they are not to come from the environment. */
  readonly aws?: Pick<S3ClientConfig, 'region' | 'endpoint' | 'credentials' | 'forcePathStyle'>;
}

/**
 * An S3 client for sending large bodies at the least cost. It departs from the SDK's defaults in five ways:
 *
 * - bodies are written in slices over kept connections (see `ChunkedBodyHandler`);
 * - no `Expect: 100-continue`, which the SDK would send on a new TLS connection for every part;
 * - over https bodies are not hashed for the signature: TLS and the checksum header protect them;
 * - checksums are ours (CRC32), never made up by the SDK;
 * - no attempts of its own: the engine decides what is tried again, with the time that is left.
 */
export function createBucketClient(options: BucketClientOptions = {}): S3Client {
  const client = new S3Client({
    ...options.aws,
    requestHandler: new ChunkedBodyHandler({
      connections: options.connections ?? 32,
      silenceMs: options.silenceMs ?? 30_000,
      ...(options.tls === undefined ? {} : { tls: options.tls }),
    }),
    expectContinueHeader: false,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    maxAttempts: 1,
  });
  client.middlewareStack.add(
    (next) => (args) => {
      if (isUnhashedRequest(args.request)) args.request.headers['x-amz-content-sha256'] = 'UNSIGNED-PAYLOAD';
      return next(args);
    },
    { step: 'build', name: 'unsignedPayload' },
  );
  return client;
}

function isUnhashedRequest(request: unknown): request is { headers: Record<string, string> } {
  return (
    typeof request === 'object' &&
    request !== null &&
    'headers' in request &&
    'protocol' in request &&
    request.protocol === 'https:' &&
    'body' in request &&
    request.body instanceof Uint8Array
  );
}
