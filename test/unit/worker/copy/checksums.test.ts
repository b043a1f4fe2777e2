import { createHash } from 'node:crypto';
import { crc32 as zlibCrc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  combine,
  combineAll,
  crc32Of,
  fromBase64,
  OrderedMd5,
  toBase64,
} from '../../../../lambda/worker/copy/checksums.ts';

describe('combine', () => {
  it('returns the CRC32 of the whole from the CRC32s of its parts', () => {
    const parts = fc.array(fc.uint8Array({ maxLength: 5000 }), { maxLength: 12 });
    fc.assert(
      fc.property(parts, (pieces) => {
        const whole = zlibCrc32(Buffer.concat(pieces));
        const known = pieces.map((piece) => ({ crc32: crc32Of(piece), bytes: piece.length }));

        expect(combineAll(known)).toBe(whole);
      }),
    );
  });

  it('combines parts of more than 2^32 bytes', () => {
    // Appending a GiB of zero bytes eight times is the same as appending eight GiB at once.
    const eighth = 2 ** 30;
    const zeros = (bytes: number): number => {
      let checksum = zlibCrc32(Buffer.alloc(1024));
      for (let length = 1024; length < bytes; length *= 2) checksum = combine(checksum, checksum, length);
      return checksum;
    };
    const steps = Array.from({ length: 8 }, () => ({ crc32: zeros(eighth), bytes: eighth }));
    const start = { crc32: zlibCrc32('start'), bytes: 5 };

    expect(combineAll([start, ...steps])).toBe(combine(start.crc32, zeros(8 * eighth), 8 * eighth));
  });
});

describe('toBase64', () => {
  it('writes a checksum as S3 writes it, and fromBase64 reads it back', () => {
    expect(toBase64(zlibCrc32('123456789'))).toBe('y/Q5Jg==');
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffffffff }), (checksum) => {
        expect(fromBase64(toBase64(checksum))).toBe(checksum);
      }),
    );
    for (const text of ['', 'y/Q5Jg==-3', 'y/Q5', 'not base64!']) expect(fromBase64(text)).toBeNull();
  });
});

describe('OrderedMd5', () => {
  it('digests the whole file in whatever order its parts arrive', async () => {
    const parts = fc.array(fc.uint8Array({ minLength: 1, maxLength: 50 }), { minLength: 1, maxLength: 10 });
    const shuffled = parts.chain((given) =>
      fc.tuple(fc.constant(given), fc.shuffledSubarray([...given.keys()], { minLength: given.length })),
    );
    await fc.assert(
      fc.asyncProperty(shuffled, async ([given, order]) => {
        const md5 = new OrderedMd5();
        expect(md5.digest(given.length)).toBeNull();

        await Promise.all(order.map((index) => md5.add(index + 1, given[index] ?? Buffer.alloc(0))));

        expect(md5.digest(given.length)).toBe(createHash('md5').update(Buffer.concat(given)).digest('hex'));
        expect(md5.digest(given.length + 1)).toBeNull();
      }),
    );
  });

  it('ends every waiting part when it is cancelled', async () => {
    const md5 = new OrderedMd5();
    const waiting = md5.add(2, Buffer.from('b'));
    md5.cancel();
    await waiting;
    await md5.add(1, Buffer.from('a'));
    expect(md5.digest(2)).toBeNull();
  });
});
