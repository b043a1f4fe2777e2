import type { ConnectionOptions } from 'node:tls';
import {
  ConnectionWentStale,
  type Exchange,
  type Received,
  type ResponseCheck,
  SourceConnection,
} from './source-connection.ts';
import { exchangeByFallback } from './source-fallback.ts';
import {
  checkResponse,
  errorOf,
  isEmptyFile,
  type RangeQuery,
  type RangeResponse,
  type ResponseHead,
} from './source-response.ts';
import { parseSourceUrl, type SourceAddress } from './source-url.ts';
import { DEFAULT_STALL_LIMITS, type StallLimits } from './stall-watch.ts';

/** After longer idleness a connection is not trusted any more: a function that was frozen may have missed its end. */
const IDLE_MS = 10_000;

export interface SourceOptions {
  /** Connections to one origin at a time. */
  readonly connections: number;
  readonly stall?: StallLimits;
  /** Trust beyond the system's. */
  readonly tls?: Pick<ConnectionOptions, 'ca'>;
}

export interface RangeRequest extends RangeQuery {
  readonly url: string;
  /** Receives the bytes; at least as long as the range. */
  readonly target: Buffer;
  readonly signal?: AbortSignal | undefined;
  /** Called for each request that is sent. */
  readonly onRequest?: (() => void) | undefined;
}

interface Origin {
  readonly idle: { readonly connection: SourceConnection; readonly since: number }[];
  readonly waiting: (() => void)[];
  busy: number;
  /** True once it has sent a response that only Node's own client can read: every later request is made by that client. */
  isUnsupported: boolean;
}

/** Where the engine reads files from. */
export type RangeSource = Pick<HttpSource, 'read' | 'close'>;

/** Reads ranges of files over HTTP, connections kept by origin and bounded in number. */
export class HttpSource {
  readonly #options: SourceOptions;
  readonly #origins = new Map<string, Origin>();

  constructor(options: SourceOptions) {
    this.#options = options;
  }

  /**
   * Reads one range into the target. For a file without any byte, length and size are 0.
   *
   * @throws the RecoveryErrors of `errors.ts`; the signal's reason.
   */
  async read(request: RangeRequest): Promise<RangeResponse> {
    const address = parseSourceUrl(request.url);
    const origin = this.#origin(address.origin);
    await acquireSlot(origin, this.#options.connections, request.signal);
    try {
      return await this.#read(address, origin, request);
    } finally {
      releaseSlot(origin);
    }
  }

  /** Closes the idle connections. */
  close(): void {
    for (const origin of this.#origins.values()) {
      for (const { connection } of origin.idle.splice(0)) connection.close();
    }
    this.#origins.clear();
  }

  #origin(name: string): Origin {
    const known = this.#origins.get(name);
    if (known !== undefined) return known;
    const origin: Origin = { idle: [], waiting: [], busy: 0, isUnsupported: false };
    this.#origins.set(name, origin);
    return origin;
  }

  async #read(address: SourceAddress, origin: Origin, request: RangeRequest): Promise<RangeResponse> {
    let response: RangeResponse | undefined;
    const check: Exchange['check'] = (head) => {
      const range = checkResponse(head, request, request.target.length);
      if (range === null) return { kind: 'error' };
      response = range;
      return { kind: 'body', length: range.length };
    };
    const headers = headersOf(address, request);
    const exchange: Exchange = {
      request: requestText(address, headers),
      target: request.target,
      stall: this.#options.stall ?? DEFAULT_STALL_LIMITS,
      signal: request.signal,
      check,
    };
    let received: Received = { kind: 'unsupported' };
    if (!origin.isUnsupported) {
      const plain = { ...exchange, check: (head: ResponseHead) => checkPlain(head, check) };
      received = await this.#exchange(address, origin, plain, request.onRequest);
    }
    if (received.kind === 'unsupported') {
      origin.isUnsupported = true;
      request.onRequest?.();
      received = await exchangeByFallback(address, exchange, headers, this.#options.tls ?? {});
    }
    return conclude(received, response, request);
  }

  async #exchange(
    address: SourceAddress,
    origin: Origin,
    exchange: Exchange,
    onRequest: (() => void) | undefined,
  ): Promise<Received> {
    for (;;) {
      const connection = takeIdle(origin) ?? new SourceConnection(address, this.#options.tls);
      onRequest?.();
      try {
        return await connection.exchange(exchange);
      } catch (error) {
        if (!(error instanceof ConnectionWentStale)) throw error;
      } finally {
        if (connection.usable) origin.idle.push({ connection, since: performance.now() });
      }
    }
  }
}

/** As `check`, but only for a body that a `SourceConnection` can read: as it is, its length stated. */
function checkPlain(head: ResponseHead, check: Exchange['check']): ResponseCheck {
  if (head.status < 200) return { kind: 'unsupported' };
  const checked = check(head);
  if (checked.kind !== 'body') return checked;
  const plain = head.version === '1.1' && !head.headers.has('transfer-encoding');
  return plain && head.headers.has('content-length') ? checked : { kind: 'unsupported' };
}

function conclude(
  received: Received,
  response: RangeResponse | undefined,
  request: RangeRequest,
): RangeResponse {
  if (received.kind === 'body' && response !== undefined) return response;
  if (received.kind !== 'error') throw new Error('a response was neither a range nor an error');
  if (isEmptyFile(received.head, request)) {
    const contentType = received.head.headers.get('content-type') ?? null;
    return {
      length: 0,
      size: 0,
      etag: null,
      contentType: /xml/i.test(contentType ?? '') ? null : contentType,
      // The headers are those of the error, not of the file.
      stored: {},
      ignoredRange: false,
    };
  }
  throw errorOf(received.head, received.text);
}

function takeIdle(origin: Origin): SourceConnection | null {
  for (;;) {
    const last = origin.idle.pop();
    if (last === undefined) return null;
    if (last.connection.usable && performance.now() - last.since < IDLE_MS) return last.connection;
    last.connection.close();
  }
}

async function acquireSlot(origin: Origin, limit: number, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  if (origin.busy < limit) {
    origin.busy++;
    return;
  }
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const giveUp = () => {
    origin.waiting.splice(origin.waiting.indexOf(resolve), 1);
    reject(signal?.reason);
  };
  origin.waiting.push(resolve);
  signal?.addEventListener('abort', giveUp, { once: true });
  try {
    await promise;
  } finally {
    signal?.removeEventListener('abort', giveUp);
  }
}

/** Gives the slot to the request that has waited longest. */
function releaseSlot(origin: Origin): void {
  const next = origin.waiting.shift();
  if (next === undefined) origin.busy--;
  else next();
}

function headersOf(address: SourceAddress, request: RangeRequest): Record<string, string> {
  return {
    Host: address.host,
    Range: `bytes=${request.range.from}-${request.range.to - 1}`,
    ...(request.etag === null ? {} : { 'If-Match': request.etag }),
    'Accept-Encoding': 'identity',
    'User-Agent': 'zencoder-recovery',
  };
}

function requestText(address: SourceAddress, headers: Record<string, string>): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `GET ${address.target} HTTP/1.1\r\n${lines.join('')}\r\n`;
}
