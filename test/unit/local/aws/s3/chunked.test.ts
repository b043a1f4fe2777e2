import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AwsChunkedDecoder } from '../../../../../infra/local/aws/s3/chunked.ts';
import { S3Error } from '../../../../../infra/local/aws/s3/errors.ts';

/** Payloads whose chunks S3 accepts: all of 8 KiB or more but the last. */
const payload = fc
  .tuple(
    fc.array(fc.integer({ min: 8192, max: 20_000 }), { maxLength: 4 }),
    fc.option(fc.integer({ min: 1, max: 8191 }), { nil: undefined }),
  )
  .map(([sizes, last]) => [...sizes, ...(last === undefined ? [] : [last])])
  .map((sizes) => sizes.map((size, index) => Buffer.alloc(size, index + 1)));
const trailers = fc.constantFrom({}, { 'x-amz-checksum-crc32': 'AAAAAA==' });
const cuts = fc.array(fc.nat({ max: 1_000_000 }), { maxLength: 20 });

describe('AwsChunkedDecoder', () => {
  it('decodes payload and trailers at any chunk boundaries', () => {
    fc.assert(
      fc.property(payload, trailers, cuts, (chunks, expected, at) => {
        const { data, decoder } = decode(cut(encode(chunks, expected), at));
        expect(Object.fromEntries(decoder.end())).toEqual(expected);
        expect(data().equals(Buffer.concat(chunks))).toBe(true);
      }),
    );
  });

  it('rejects a truncated body as incomplete, wherever it ends', () => {
    fc.assert(
      fc.property(payload, trailers, fc.nat(), (chunks, expected, position) => {
        const whole = encode(chunks, expected);
        const { decoder } = decode([whole.subarray(0, position % whole.length)]);
        expect(() => decoder.end()).toThrow(expect.objectContaining({ code: 'IncompleteBody' }));
      }),
    );
  });

  it('throws S3Error for any malformed input', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        try {
          decode([Buffer.from(bytes)]).decoder.end();
        } catch (error) {
          expect(error).toBeInstanceOf(S3Error);
        }
      }),
    );
  });

  it('rejects a small chunk before the last one, as S3 does', () => {
    const body = encode([Buffer.alloc(8191), Buffer.alloc(9000)], {});
    expect(() => decode([body])).toThrow(
      expect.objectContaining({ code: 'InvalidChunkSizeError', details: { Chunk: 2, BadChunkSize: 8191 } }),
    );
  });

  it('rejects bytes after the last chunk and endless lines', () => {
    const whole = encode([], {});
    expect(() => decode([whole, Buffer.from('x')])).toThrow(S3Error);
    expect(() => decode([Buffer.alloc(10_000, 'a')])).toThrow(S3Error);
  });
});

function encode(chunks: readonly Buffer[], trailing: Record<string, string>): Buffer {
  const framed = chunks.flatMap((chunk) => [
    Buffer.from(`${chunk.length.toString(16)}\r\n`),
    chunk,
    Buffer.from('\r\n'),
  ]);
  const lines = Object.entries(trailing).map(([name, value]) => `${name}:${value}\r\n`);
  return Buffer.concat([...framed, Buffer.from(`0\r\n${lines.join('')}\r\n`)]);
}

function cut(bytes: Buffer, at: readonly number[]): Buffer[] {
  const places = [0, ...at.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return places.slice(1).map((end, index) => bytes.subarray(places[index], end));
}

function decode(pieces: readonly Buffer[]) {
  const received: Buffer[] = [];
  const decoder = new AwsChunkedDecoder((bytes) => received.push(bytes));
  for (const piece of pieces) decoder.push(piece);
  return { decoder, data: () => Buffer.concat(received) };
}
