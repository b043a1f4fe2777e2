import { createCipheriv } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import { gzipSync } from 'node:zlib';

/** The content of made-up files repeats after this many bytes. */
const RING_BYTES = 1024 * 1024;
const WRITE_BYTES = 256 * 1024;

/** A file that a source serves. */
export interface SourceFile {
  readonly size: number;
  readonly etag?: string | null;
  readonly contentType?: string | null;
  /** Headers that the file is stored with and given back with, by lower-case name. */
  readonly headers?: Readonly<Record<string, string>>;
  /** First bytes of the file; all after them is made up. */
  readonly start?: Buffer;
}

/** One request as the source got it. */
export interface SourceRequest {
  /** Path and query exactly as in the request line. */
  readonly target: string;
  readonly headers: IncomingMessage['headers'];
  /** Half-open; `to` may lie beyond the end of the file; null when no range was asked for. */
  readonly range: { readonly from: number; readonly to: number } | null;
  /** Counts the requests of this source, from 1. */
  readonly count: number;
}

/** How a source misbehaves on one request. */
export type SourceFault =
  /** Another response. */
  | { readonly status: number; readonly headers?: Record<string, string>; readonly body?: string }
  /** The connection ends after this number of bytes of the body, by a reset or an orderly end. */
  | { readonly cutAfterBytes: number; readonly by?: 'reset' | 'end' }
  /** Nothing follows after this number of bytes of the body. */
  | { readonly silentAfterBytes: number }
  /** A few bytes follow every 20 ms, without an end. */
  | { readonly trickleBytes: number }
  /** The correct body with other headers; null omits one. */
  | { readonly headers: Record<string, string | null> }
  /** The connection ends without a response. */
  | 'close'
  /** 200 with the whole file. */
  | 'whole'
  /** A correct 206 in chunks, without a length. */
  | 'chunked'
  /** The range, compressed. */
  | 'gzip';

export interface SourceServer {
  /** `http://127.0.0.1:PORT` or `https://localhost:PORT`. */
  readonly origin: string;
  readonly requests: readonly SourceRequest[];
  /** Body bytes handed to the network. */
  bytesSent(): number;
  connections(): number;
  /** Replaces the file, for requests from now on. */
  setFile(file: SourceFile): void;
  close(): Promise<void>;
}

export interface SourceOptions {
  readonly file: SourceFile;
  readonly fault?: (request: SourceRequest) => SourceFault | undefined | Promise<SourceFault | undefined>;
  /** PEM; the server then speaks HTTPS. */
  readonly tls?: { readonly key: Buffer; readonly cert: Buffer };
}

const ring = createCipheriv('aes-128-ctr', Buffer.alloc(16, 7), Buffer.alloc(16, 9)).update(
  Buffer.alloc(RING_BYTES),
);

/** The bytes of a file between two offsets. */
export function contentOf(file: SourceFile, from = 0, to = file.size): Buffer {
  const bytes = Buffer.allocUnsafe(to - from);
  for (let offset = from; offset < to; ) {
    const piece = pieceAt(file, offset, to);
    piece.copy(bytes, offset - from);
    offset += piece.length;
  }
  return bytes;
}

function pieceAt(file: SourceFile, offset: number, to: number): Buffer {
  const start = file.start;
  if (start !== undefined && offset < start.length) return start.subarray(offset, Math.min(to, start.length));
  const inRing = offset % RING_BYTES;
  return ring.subarray(inRing, Math.min(inRing + WRITE_BYTES, inRing + to - offset, RING_BYTES));
}

/** Starts a source like an object store: ranges, ETags, `If-Match`; with the faults of the test. */
export async function startSource(options: SourceOptions): Promise<SourceServer> {
  const requests: SourceRequest[] = [];
  const state = { file: options.file, bytes: 0, connections: 0 };
  const sockets = new Set<Socket>();

  const listener = async (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const range = rangeOf(incoming.headers.range);
    const target = incoming.url ?? '';
    const request = { target, headers: incoming.headers, range, count: requests.length + 1 };
    requests.push(request);
    outgoing.on('error', () => undefined);
    const fault = await options.fault?.(request);
    const sent = (bytes: number) => {
      state.bytes += bytes;
    };
    await respond(outgoing, request, state.file, fault, sent);
  };
  const serve = (incoming: IncomingMessage, outgoing: ServerResponse) => {
    listener(incoming, outgoing).catch((error: unknown) => {
      outgoing.destroy(error instanceof Error ? error : undefined);
    });
  };
  const server: Server =
    options.tls === undefined ? createServer(serve) : createTlsServer(options.tls, serve);
  server.keepAliveTimeout = 60_000;
  server.on('connection', (socket: Socket) => {
    state.connections++;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    origin: options.tls === undefined ? `http://127.0.0.1:${port}` : `https://localhost:${port}`,
    requests,
    bytesSent: () => state.bytes,
    connections: () => state.connections,
    setFile: (file) => {
      state.file = file;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function rangeOf(header: string | undefined): SourceRequest['range'] {
  const match = /^bytes=(\d+)-(\d+)$/.exec(header ?? '');
  return match === null ? null : { from: Number(match[1]), to: Number(match[2]) + 1 };
}

type Sent = (bytes: number) => void;

async function respond(
  outgoing: ServerResponse,
  request: SourceRequest,
  file: SourceFile,
  fault: SourceFault | undefined,
  sent: Sent,
): Promise<void> {
  if (fault === 'close') {
    outgoing.destroy();
    return;
  }
  const refusal = refusalOf(request, file, fault);
  if (refusal !== null) {
    outgoing.writeHead(refusal.status, refusal.headers).end(refusal.body ?? '');
    return;
  }
  const wanted = fault === 'whole' ? null : request.range;
  const from = wanted?.from ?? 0;
  const to = Math.min(wanted?.to ?? file.size, file.size);
  const headers = headersOf(file, wanted === null ? null : { from, to }, fault);
  if (fault === 'gzip') {
    const body = gzipSync(contentOf(file, from, Math.min(to, from + 1000)));
    outgoing.writeHead(206, { ...headers, 'content-encoding': 'gzip', 'content-length': `${body.length}` });
    outgoing.end(body);
    return;
  }
  outgoing.writeHead(wanted === null ? 200 : 206, headers);
  await sendBody(outgoing, file, { from, to }, bodyFaultOf(fault), sent);
}

/** Responds without any bytes of the file. */
function refusalOf(
  request: SourceRequest,
  file: SourceFile,
  fault: SourceFault | undefined,
): { status: number; headers?: Record<string, string>; body?: string } | null {
  if (typeof fault === 'object' && 'status' in fault) return fault;
  const ifMatch = request.headers['if-match'];
  if (ifMatch !== undefined && ifMatch !== etagOf(file)) return { status: 412 };
  if (fault === 'whole' || request.range === null || request.range.from < file.size) return null;
  return { status: 416, headers: { 'content-range': `bytes */${file.size}` } };
}

function etagOf(file: SourceFile): string | null {
  return file.etag === undefined ? '"file"' : file.etag;
}

function headersOf(
  file: SourceFile,
  range: { from: number; to: number } | null,
  fault: SourceFault | undefined,
): Record<string, string> {
  const { from, to } = range ?? { from: 0, to: file.size };
  const headers: Record<string, string | null> = {
    etag: etagOf(file),
    'content-type': file.contentType === undefined ? 'application/octet-stream' : file.contentType,
    ...file.headers,
    'content-length': fault === 'chunked' ? null : `${to - from}`,
    'content-range': range === null ? null : `bytes ${from}-${to - 1}/${file.size}`,
    ...(typeof fault === 'object' && 'headers' in fault ? fault.headers : {}),
  };
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) => (value === null ? [] : [[name, value]])),
  );
}

interface BodyFault {
  readonly cutAfterBytes?: number;
  readonly by?: 'reset' | 'end';
  readonly silentAfterBytes?: number;
  readonly trickleBytes?: number;
}

function bodyFaultOf(fault: SourceFault | undefined): BodyFault {
  return typeof fault === 'object' && !('status' in fault) && !('headers' in fault) ? fault : {};
}

async function sendBody(
  outgoing: ServerResponse,
  file: SourceFile,
  range: { readonly from: number; readonly to: number },
  fault: BodyFault,
  sent: Sent,
): Promise<void> {
  if (fault.trickleBytes !== undefined) {
    await trickle(outgoing, file, range.from, fault.trickleBytes);
    return;
  }
  const last = range.from + Math.min(fault.cutAfterBytes ?? Infinity, fault.silentAfterBytes ?? Infinity);
  const end = Math.min(range.to, last);
  for (let offset = range.from; offset < end; ) {
    const piece = pieceAt(file, offset, end);
    offset += piece.length;
    sent(piece.length);
    if (!outgoing.write(piece) && !(await drained(outgoing))) return;
  }
  outgoing.flushHeaders();
  if (fault.cutAfterBytes !== undefined) await cut(outgoing, fault.by ?? 'reset');
  else if (fault.silentAfterBytes === undefined) outgoing.end();
}

/** Ends the connection once everything written so far has been handed to the network. */
async function cut(outgoing: ServerResponse, by: 'reset' | 'end'): Promise<void> {
  const { socket } = outgoing;
  if (socket === null) return;
  await new Promise<void>((resolve) => socket.write('', () => resolve()));
  if (by === 'end') socket.end();
  else socket.resetAndDestroy();
}

/** @returns false when the client is gone. */
function drained(outgoing: ServerResponse): Promise<boolean> {
  return new Promise((resolve) => {
    const settle = (alive: boolean) => {
      outgoing.off('drain', onDrain).off('close', onClose);
      resolve(alive);
    };
    const onDrain = () => settle(true);
    const onClose = () => settle(false);
    outgoing.on('drain', onDrain).on('close', onClose);
    if (outgoing.destroyed || outgoing.closed) settle(false);
  });
}

function trickle(outgoing: ServerResponse, file: SourceFile, from: number, bytes: number): Promise<void> {
  return new Promise((resolve) => {
    let offset = from;
    const timer = setInterval(() => {
      outgoing.write(pieceAt(file, offset, offset + bytes));
      offset += bytes;
    }, 20);
    outgoing.on('close', () => {
      clearInterval(timer);
      resolve();
    });
  });
}
