import { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import type { StreamedPart } from './bucket-contents.ts';
import type { Block } from './buffers.ts';
import { type ByteRange, KiB } from './plan.ts';
import type { CopySession, SourceFile } from './session.ts';

/** Bytes handed to the sending stream at a time. */
const CHUNK_BYTES = 256 * KiB;

export interface PieceSizes {
  /** Bytes of one ranged request. */
  readonly pieceBytes: number;
  /** Pieces in memory at a time. */
  readonly ring: number;
}

/**
 * Reads a range that is too large for memory as a stream: a few pieces ahead, each by a request of its own, so that an
 * error of the source costs a piece and not the part.
 */
export function streamRange(
  session: CopySession,
  file: SourceFile,
  range: ByteRange,
  sizes: PieceSizes,
): StreamedPart {
  let checksum = 0;
  const stop = new AbortController();
  const signal = AbortSignal.any([session.signal, stop.signal]);

  async function fetchPiece(piece: ByteRange): Promise<Block> {
    const block = await session.acquire(piece.to - piece.from, signal);
    try {
      await session.read(file, piece, block.bytes, signal);
      return block;
    } catch (error) {
      block.release();
      throw error;
    }
  }

  async function* chunks(): AsyncGenerator<Buffer> {
    try {
      for await (const { bytes } of readAhead(range, sizes, fetchPiece)) {
        for (let offset = 0; offset < bytes.length; offset += CHUNK_BYTES) {
          // A copy: the stream keeps a chunk for as long as it likes, the block goes to another piece.
          const chunk = Buffer.from(bytes.subarray(offset, offset + CHUNK_BYTES));
          checksum = crc32(chunk, checksum);
          yield chunk;
        }
      }
    } finally {
      stop.abort(new Error('the part is not read any further'));
    }
  }

  return { body: Readable.from(chunks(), { objectMode: false }), crc32: () => checksum };
}

/** The pieces of a range in order, `ring` of them fetched ahead; a piece is released when the next one is asked for. */
async function* readAhead(
  range: ByteRange,
  { pieceBytes, ring }: PieceSizes,
  fetchPiece: (piece: ByteRange) => Promise<Block>,
): AsyncGenerator<Block> {
  const ahead: Promise<Block>[] = [];
  let from = range.from;
  const fill = () => {
    for (; from < range.to && ahead.length < ring; from += pieceBytes) {
      const piece = fetchPiece({ from, to: Math.min(range.to, from + pieceBytes) });
      // Looked at when its turn comes; an error must not count as unhandled until then.
      piece.catch(() => undefined);
      ahead.push(piece);
    }
  };
  try {
    for (fill(); ahead[0] !== undefined; fill()) {
      const block = await ahead[0];
      yield block;
      void ahead.shift();
      block.release();
    }
  } finally {
    for (const piece of ahead)
      void piece.then(
        (block) => block.release(),
        () => undefined,
      );
  }
}
