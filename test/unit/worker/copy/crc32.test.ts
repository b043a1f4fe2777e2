import { crc32 as zlibCrc32 } from 'node:zlib';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { combine, combineAll, crc32Of, fromBase64, toBase64 } from '../../../../lambda/worker/copy/crc32.ts';

it('of a whole is had from the checksums of its parts', () => {
  const parts = fc.array(fc.uint8Array({ maxLength: 5000 }), { maxLength: 12 });
  fc.assert(
    fc.property(parts, (pieces) => {
      const whole = zlibCrc32(Buffer.concat(pieces));
      const known = pieces.map((piece) => ({ crc32: crc32Of(piece), bytes: piece.length }));

      expect(combineAll(known)).toBe(whole);
    }),
  );
});

it('combines over distances beyond 32 bits', () => {
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

it('is written as S3 writes it, and read back', () => {
  expect(toBase64(zlibCrc32('123456789'))).toBe('y/Q5Jg==');
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0xffffffff }), (checksum) => {
      expect(fromBase64(toBase64(checksum))).toBe(checksum);
    }),
  );
  for (const text of ['', 'y/Q5Jg==-3', 'y/Q5', 'not base64!']) expect(fromBase64(text)).toBeNull();
});
