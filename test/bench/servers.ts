import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { RING_BYTES, ringBytes } from './ring.ts';

/**
 * Source and sink of the benchmark, each a process of its own: `node servers.ts source|sink [MB/s a connection]`. The
 * source makes its files up (`/f<bytes>`); the sink responds like S3 and throws everything away. Both do as little as they
 * can, so that they are not what is measured. On `stats` from their parent, they respond with counts since the last time.
 */

const WRITE_BYTES = 256 * 1024;
/** Latency of each response on a limited connection, in milliseconds. */
const LATENCY_MS = 25;

export interface ServerStats {
  readonly requests: number;
  readonly connections: number;
  readonly bytes: number;
}

const [role, rate = '0'] = process.argv.slice(2);
const bytesPerMs = Number(rate) * 1000;
let stats = { requests: 0, connections: 0, bytes: 0 };

const tls = {
  key: readFileSync(new URL('../fixtures/tls/key.pem', import.meta.url)),
  cert: readFileSync(new URL('../fixtures/tls/cert.pem', import.meta.url)),
  // What S3 agrees on with Node and OpenSSL; AES in hardware on both.
  ciphers: 'TLS_AES_128_GCM_SHA256',
  minVersion: 'TLSv1.3' as const,
};

const ring = role === 'source' ? ringBytes() : Buffer.alloc(0);

async function serveFile(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const size = Number(/\/f(\d+)/.exec(request.url ?? '')?.[1]);
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
  const from = Number(range?.[1] ?? 0);
  const to = Math.min(size, range?.[2] ? Number(range[2]) + 1 : size);
  response.writeHead(range === null ? 200 : 206, {
    'content-length': to - from,
    'content-type': 'video/mp4',
    etag: '"ring"',
    'accept-ranges': 'bytes',
    ...(range === null ? {} : { 'content-range': `bytes ${from}-${to - 1}/${size}` }),
  });
  if (request.method === 'HEAD') {
    response.end();
    return;
  }
  stats.bytes += to - from;
  if (bytesPerMs > 0) await sleep(LATENCY_MS);
  writePieces(response, from, to);
}

function writePieces(response: ServerResponse, from: number, to: number): void {
  const began = performance.now();
  let offset = from;
  const writeOn = () => {
    while (offset < to) {
      const early = bytesPerMs > 0 ? (offset - from) / bytesPerMs - (performance.now() - began) : 0;
      if (early > 1) {
        setTimeout(writeOn, early);
        return;
      }
      const inRing = offset % RING_BYTES;
      const piece = ring.subarray(inRing, Math.min(inRing + WRITE_BYTES, inRing + to - offset, RING_BYTES));
      offset += piece.length;
      if (offset >= to) {
        response.end(piece);
      } else if (!response.write(piece)) {
        response.once('drain', writeOn);
        return;
      }
    }
  };
  writeOn();
}

async function swallow(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const began = performance.now();
  let bytes = 0;
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    const early = bytesPerMs > 0 ? bytes / bytesPerMs - (performance.now() - began) : 0;
    if (early > 1) {
      request.pause();
      setTimeout(() => request.resume(), early);
    }
  });
  await new Promise((resolve) => request.on('end', resolve));
  if (bytesPerMs > 0) await sleep(LATENCY_MS);
  if (request.method === 'PUT') stats.bytes += bytes;
  const query = new URL(request.url ?? '/', 'https://sink').searchParams;
  if (request.method === 'PUT') {
    response.writeHead(200, { etag: '"0"' }).end();
  } else if (request.method === 'POST') {
    const name = query.has('uploads') ? 'InitiateMultipartUploadResult' : 'CompleteMultipartUploadResult';
    response.writeHead(200, { 'content-type': 'application/xml' });
    // What was received is gone: the checksum of the whole is the one that the client states.
    const checksum = request.headers['x-amz-checksum-crc32']?.toString() ?? '';
    const stated = checksum === '' ? '' : `<ChecksumCRC32>${checksum}</ChecksumCRC32>`;
    response.end(`<?xml version="1.0"?><${name}><UploadId>u</UploadId><ETag>"0-1"</ETag>${stated}</${name}>`);
  } else if (request.method === 'GET') {
    response.writeHead(200, { 'content-type': 'application/xml' });
    response.end('<?xml version="1.0"?><ListBucketResult></ListBucketResult>');
  } else {
    response.writeHead(request.method === 'HEAD' ? 404 : 204).end();
  }
}

const server = createServer(tls, (request, response) => {
  stats.requests++;
  const serve = role === 'source' ? serveFile : swallow;
  serve(request, response).catch(() => response.destroy());
});
server.keepAliveTimeout = 60_000;
server.on('connection', (socket: Socket) => {
  stats.connections++;
  socket.setNoDelay(true);
});
server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
  response.writeContinue();
  server.emit('request', request, response);
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.send?.({ port: typeof address === 'object' && address !== null ? address.port : 0 });
});
process.on('message', () => {
  process.send?.(stats);
  stats = { requests: 0, connections: 0, bytes: 0 };
});
process.on('disconnect', () => process.exit());
