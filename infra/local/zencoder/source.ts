import { createCipheriv, createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** Bytes that are generated each time they are read, for files too large to keep. */
export interface StreamSource {
  /** Bytes that `open()` yields. */
  readonly size: number;
  open(): Readable;
}

/** A file as a job request names it: a path, its bytes, or a maker of a stream. */
export type FileSource = string | URL | Buffer | StreamSource;

/** A file that can be read any number of times, with what is needed to recognise it later. */
export interface SourceFile extends StreamSource {
  /** Lower-case hex. */
  readonly md5: string;
  /** Lower-case hex. */
  readonly sha256: string;
}

/** Opens a source once to learn its size and digests. */
export async function readSource(source: FileSource): Promise<SourceFile> {
  const stream = await toStream(source);
  const md5 = createHash('md5');
  const sha256 = createHash('sha256');
  let size = 0;
  await pipeline(stream.open(), async (chunks: AsyncIterable<Buffer>) => {
    for await (const chunk of chunks) {
      md5.update(chunk);
      sha256.update(chunk);
      size += chunk.length;
    }
  });
  return { size, open: () => stream.open(), md5: md5.digest('hex'), sha256: sha256.digest('hex') };
}

async function toStream(source: FileSource): Promise<StreamSource> {
  if (Buffer.isBuffer(source)) return { size: source.length, open: () => Readable.from([source]) };
  if (typeof source === 'string' || source instanceof URL) {
    const { size } = await stat(source);
    return { size, open: () => createReadStream(source) };
  }
  return source;
}

/**
 * Incompressible bytes that are the same for the same seed, so that a large file can be verified without being kept.
 *
 * @param size bytes
 */
export function pseudoRandom(size: number, seed: string): StreamSource {
  return { size, open: () => Readable.from(keystream(size, seed), { objectMode: false }) };
}

function* keystream(size: number, seed: string): Generator<Buffer> {
  const key = createHash('sha256').update(seed).digest();
  const cipher = createCipheriv('aes-256-ctr', key, Buffer.alloc(16));
  const zeros = Buffer.alloc(256 * 1024);
  for (let left = size; left > 0; left -= zeros.length) {
    yield cipher.update(left >= zeros.length ? zeros : zeros.subarray(0, left));
  }
}
