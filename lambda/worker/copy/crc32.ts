import { crc32 } from 'node:zlib';

/** The CRC-32 polynomial, bits reflected, as zlib and S3's `CRC32` use it. */
const POLYNOMIAL = 0xedb88320;

/** CRC32 of some bytes, unsigned. */
export function crc32Of(bytes: Uint8Array): number {
  return crc32(bytes);
}

/** A checksum as S3 writes it: base64 of four bytes, highest first. */
export function toBase64(checksum: number): string {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(checksum >>> 0);
  return bytes.toString('base64');
}

/** Reads a checksum as S3 writes it; null when the text is none (composite checksums end in `-<parts>`). */
export function fromBase64(text: string): number | null {
  return /^[A-Za-z0-9+/]{6}==$/.test(text) ? Buffer.from(text, 'base64').readUInt32BE() : null;
}

/**
 * CRC32 of two pieces put together, from their checksums alone.
 *
 * Appending n bytes multiplies the first checksum, taken as a polynomial over GF(2), by x^(8n) modulo the CRC polynomial.
 */
export function combine(first: number, second: number, secondBytes: number): number {
  return (multiply(powerOfX(secondBytes), first) ^ second) >>> 0;
}

/** CRC32 of a whole file from the checksums and lengths of its parts, in order. */
export function combineAll(parts: Iterable<{ readonly crc32: number; readonly bytes: number }>): number {
  let whole = 0;
  for (const part of parts) whole = combine(whole, part.crc32, part.bytes);
  return whole;
}

/** Product of two polynomials modulo the CRC polynomial; the highest bit is the coefficient of x^0. */
function multiply(a: number, b: number): number {
  let product = 0;
  let shifted = b;
  for (let bit = 31; bit >= 0; bit--) {
    if ((a >>> bit) & 1) product ^= shifted;
    shifted = shifted & 1 ? (shifted >>> 1) ^ POLYNOMIAL : shifted >>> 1;
  }
  return product >>> 0;
}

/** x^(8 * bytes) modulo the CRC polynomial, by squaring; `bytes` may be any safe integer. */
function powerOfX(bytes: number): number {
  let power = 0x80000000;
  // x^8: the square of the square of the square of x.
  let square = 0x00800000;
  for (let rest = bytes; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) power = multiply(square, power);
    square = multiply(square, square);
  }
  return power;
}
