import { connect as connectPlain, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectSecure } from 'node:tls';
import { SourceUnavailable, UnexpectedSourceResponse } from './errors.ts';
import { parseHead, type ResponseHead, statedLength } from './source-response.ts';
import type { SourceAddress } from './source-url.ts';
import { type StallLimits, watchForStall } from './stall-watch.ts';

/** Heads arrive here, and the bodies of error responses; anything longer is no response of an object store. */
const SCRATCH_BYTES = 32 * 1024;

/** Bytes that one read of the socket may bring at most, so that other connections get their turn. */
const READ_BYTES = 64 * 1024;

/** An error response whose body does not end within this time is read as far as it has arrived. */
const ERROR_BODY_MS = 2000;

/** What follows a head. */
export type ResponseCheck =
  /** This many bytes follow, and go into the target. */
  | { readonly kind: 'body'; readonly length: number }
  /** An error response: its text is collected. */
  | { readonly kind: 'error' }
  /** Nothing that this reader can read; the connection is closed. */
  | { readonly kind: 'unsupported' };

export type Received =
  | { readonly kind: 'body'; readonly head: ResponseHead; readonly length: number }
  | { readonly kind: 'error'; readonly head: ResponseHead; readonly text: string }
  | { readonly kind: 'unsupported' };

/** The connection had been idle and was closed by the source before it sent any response: worth a new one at once. */
export class ConnectionWentStale extends Error {
  override readonly name = 'ConnectionWentStale';
}

export interface Exchange {
  /** The request, complete with its empty line. */
  readonly request: string;
  /** Where the body goes. */
  readonly target: Buffer;
  /** Decides by the head what follows; a body must not be longer than the target. What it throws ends the exchange. */
  readonly check: (head: ResponseHead) => ResponseCheck;
  readonly stall: StallLimits;
  readonly signal?: AbortSignal | undefined;
}

interface Running extends Exchange {
  readonly resolve: (received: Received) => void;
  readonly reject: (error: unknown) => void;
  head: ResponseHead | null;
  /** Bytes that the body has in all; null while the head is not there, and for error responses. */
  length: number | null;
  received: number;
}

/**
 * One keep-alive HTTP/1.1 connection to a source, for one exchange at a time. The socket's reads land directly in the
 * target (`onread`): no buffer is allocated or copied a part, which halves the CPU of a copy against `node:https`.
 *
 * It can read only what an object store usually sends; all else is `unsupported`.
 */
export class SourceConnection {
  readonly #socket: Socket;
  readonly #scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
  #scratchUsed = 0;
  #running: Running | null = null;
  #hasResponded = false;
  #closed = false;

  /** @param tls trust beyond the system's, for tests and private clouds; certificates are always verified. */
  constructor(address: SourceAddress, tls: Pick<ConnectionOptions, 'ca'> = {}) {
    const options = {
      host: address.hostname,
      port: address.port,
      noDelay: true,
      onread: {
        buffer: () => this.#nextBuffer(),
        callback: (bytes: number) => this.#onBytes(bytes),
      },
    };
    this.#socket = address.secure
      ? connectSecure({
          ...options,
          ...tls,
          ...(address.serverName === undefined ? {} : { servername: address.serverName }),
          ALPNProtocols: ['http/1.1'],
        })
      : connectPlain(options);
    this.#socket.on('error', (error) => this.#onEnd(error));
    this.#socket.on('close', () => this.#onEnd(undefined));
  }

  /** Whether another exchange may be tried on it. */
  get usable(): boolean {
    return !this.#closed && this.#running === null;
  }

  /**
   * Sends a request and receives its response.
   *
   * @throws {ConnectionWentStale} when an earlier exchange had succeeded and the source closed before this one's response.
   * @throws {SourceUnavailable} when the connection cannot be made or ends in the middle of a response.
   * @throws {SourceStalled} when it is below the stall limits.
   */
  async exchange(exchange: Exchange): Promise<Received> {
    const { promise, resolve, reject } = Promise.withResolvers<Received>();
    if (!this.usable) throw new Error('the connection is in use or closed');
    exchange.signal?.throwIfAborted();
    this.#running = { ...exchange, resolve, reject, head: null, length: null, received: 0 };
    const stop = () => this.#fail(exchange.signal?.reason);
    const watch = watchForStall(
      exchange.stall,
      () => this.#receivedBytes(),
      (stall) => this.#fail(stall),
    );
    exchange.signal?.addEventListener('abort', stop, { once: true });
    this.#socket.ref();
    this.#socket.write(exchange.request, 'latin1');
    try {
      return await promise;
    } finally {
      clearInterval(watch);
      exchange.signal?.removeEventListener('abort', stop);
      this.#socket.unref();
    }
  }

  close(): void {
    this.#closed = true;
    this.#socket.destroy();
  }

  /** Bytes of the exchange so far; null while the text of an error response is read, which has a limit of its own. */
  #receivedBytes(): number | null {
    return this.#isReadingError() ? null : (this.#running?.received ?? 0) + this.#scratchUsed;
  }

  #isReadingError(): boolean {
    return this.#running !== null && this.#running.head !== null && this.#running.length === null;
  }

  #nextBuffer(): Buffer {
    const running = this.#running;
    if (running !== null && running.length !== null) {
      return running.target.subarray(
        running.received,
        Math.min(running.received + READ_BYTES, running.length),
      );
    }
    return this.#scratch.subarray(this.#scratchUsed);
  }

  /** @returns false when nothing more is to be read. */
  #onBytes(bytes: number): boolean {
    const running = this.#running;
    if (running === null) {
      // Nothing was asked: what comes cannot be attributed to any request.
      this.close();
      return false;
    }
    if (running.length !== null) {
      running.received += bytes;
      if (running.received === running.length) this.#finishBody(running, running.length);
    } else {
      this.#scratchUsed += bytes;
      if (running.head === null) this.#onHeadBytes(running);
      else this.#onErrorBytes(running, running.head);
    }
    return !this.#closed;
  }

  #onHeadBytes(running: Running): void {
    const received = this.#scratch.subarray(0, this.#scratchUsed);
    const end = received.indexOf('\r\n\r\n');
    if (end === -1) {
      if (this.#scratchUsed === SCRATCH_BYTES) {
        this.#fail(new UnexpectedSourceResponse("the head of the source's response is too long"));
      }
      return;
    }
    const head = parseHead(received.toString('latin1', 0, end));
    if (head === null) {
      this.#settle({ kind: 'unsupported' });
      return;
    }
    try {
      this.#onHead(running, head, running.check(head), received.subarray(end + 4));
    } catch (error) {
      this.#fail(error);
    }
  }

  #onHead(running: Running, head: ResponseHead, check: ResponseCheck, rest: Buffer): void {
    this.#hasResponded = true;
    running.head = head;
    if (check.kind === 'unsupported') {
      this.#settle({ kind: 'unsupported' });
    } else if (check.kind === 'error') {
      rest.copy(this.#scratch);
      this.#scratchUsed = rest.length;
      setTimeout(() => this.#finishError(running, head), ERROR_BODY_MS).unref();
      this.#onErrorBytes(running, head);
    } else if (rest.length > check.length) {
      this.#fail(new UnexpectedSourceResponse('the source sends more than it announced'));
    } else {
      rest.copy(running.target);
      this.#scratchUsed = 0;
      running.length = check.length;
      running.received = rest.length;
      if (running.received === check.length) this.#finishBody(running, check.length);
    }
  }

  #finishBody(running: Running, length: number): void {
    if (running.head === null) return;
    const keep = !/\bclose\b/i.test(running.head.headers.get('connection') ?? '');
    this.#settle({ kind: 'body', head: running.head, length }, keep);
  }

  #onErrorBytes(running: Running, head: ResponseHead): void {
    const text = this.#scratch.subarray(0, this.#scratchUsed);
    const length = statedLength(head);
    const ended =
      length === null
        ? /(^|\r\n)0\r\n\r\n$/.test(text.toString('latin1'))
        : text.length >= Math.min(length, SCRATCH_BYTES);
    if (ended || text.length === SCRATCH_BYTES) this.#finishError(running, head);
  }

  #finishError(running: Running, head: ResponseHead): void {
    if (this.#running !== running) return;
    this.#settle({ kind: 'error', head, text: this.#scratch.toString('latin1', 0, this.#scratchUsed) });
  }

  #settle(received: Received, keep = false): void {
    const running = this.#running;
    this.#running = null;
    this.#scratchUsed = 0;
    if (!keep) this.close();
    running?.resolve(received);
  }

  #fail(error: unknown): void {
    const running = this.#running;
    this.#running = null;
    this.close();
    running?.reject(error);
  }

  #onEnd(error: Error | undefined): void {
    this.#closed = true;
    const running = this.#running;
    if (running === null) return;
    if (running.head !== null && running.length === null) {
      this.#finishError(running, running.head);
    } else if (running.head === null && this.#scratchUsed === 0 && this.#hasResponded) {
      this.#fail(new ConnectionWentStale('the source had closed the idle connection', { cause: error }));
    } else {
      const what = running.head === null ? 'before its response' : 'in the middle of its response';
      this.#fail(new SourceUnavailable(`the connection to the source ended ${what}`, { cause: error }));
    }
  }
}
