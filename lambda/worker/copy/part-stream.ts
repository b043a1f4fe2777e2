import { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import type { Block } from './buffers.ts';
import { type ByteRange, KiB } from './plan.ts';
import type { Attempts, EngineTools } from './retry.ts';
import type { CopyJob, CopyPlan } from './types.ts';

/** Bytes handed to the sending stream at a time. */
const CHUNK_BYTES = 256 * KiB;

export interface PieceSizes {
  /** Bytes of one ranged request. */
  readonly pieceBytes: number;
  /** Pieces in memory at a time. */
  readonly ring: number;
}

/** A part on its way through memory piece by piece. */
export interface StreamedPart {
  readonly body: Readable;
  /** CRC32 of what has been sent so far. */
  readonly crc32: () => number;
}

/**
 * Reads a range that is too large for memory as a stream: a few pieces ahead, each by a request of its own, so that a
 * fault of the source costs a piece and not the part.
 */
export function streamRange(
  tools: EngineTools,
  job: CopyJob,
  plan: CopyPlan,
  range: ByteRange,
  sizes: PieceSizes,
  attempts: Attempts,
  signal: AbortSignal,
): StreamedPart {
  let checksum = 0;
  const stop = new AbortController();
  const both = AbortSignal.any([signal, stop.signal]);

  async function fetchPiece(from: number): Promise<Block> {
    const to = Math.min(range.to, from + sizes.pieceBytes);
    const block = await tools.pool.acquire(to - from, both);
    try {
      await attempts.again(() =>
        tools.source.read({
          url: job.url,
          range: { from, to },
          etag: plan.sourceEtag,
          size: plan.size,
          target: block.bytes,
          signal: both,
          onRequest: attempts.onSourceRequest,
        }),
      );
      return block;
    } catch (error) {
      block.release();
      throw error;
    }
  }

  async function* chunks(): AsyncGenerator<Buffer> {
    const ahead: Promise<Block>[] = [];
    let from = range.from;
    const fill = () => {
      for (; from < range.to && ahead.length < sizes.ring; from += sizes.pieceBytes) {
        const piece = fetchPiece(from);
        // Looked at when its turn comes; a fault must not count as unhandled until then.
        piece.catch(() => undefined);
        ahead.push(piece);
      }
    };
    try {
      for (fill(); ahead.length > 0; fill()) {
        const block = await ahead[0];
        if (block === undefined) return;
        for (let offset = 0; offset < block.bytes.length; offset += CHUNK_BYTES) {
          // A copy: the stream keeps a chunk for as long as it likes, the block goes to another piece.
          const chunk = Buffer.from(block.bytes.subarray(offset, offset + CHUNK_BYTES));
          checksum = crc32(chunk, checksum);
          yield chunk;
        }
        void ahead.shift();
        block.release();
      }
    } finally {
      stop.abort(new Error('the part is not read any further'));
      for (const piece of ahead)
        void piece.then(
          (block) => block.release(),
          () => undefined,
        );
    }
  }

  return { body: Readable.from(chunks(), { objectMode: false }), crc32: () => checksum };
}
