import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { Md5Mismatch, SizeMismatch } from './errors.ts';
import type { CompletionJob } from './types.ts';

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

/** MD5 of a file whose parts arrive in any order: a part waits with its buffer until those before it are in. */
export class OrderedMd5 {
  readonly #hash = createHash('md5');
  readonly #waiting = new Map<number, () => void>();
  #next = 1;
  #cancelled = false;

  /** Takes a part in when its turn comes; the bytes must stay as they are until then. Parts count from 1. */
  async add(part: number, bytes: Uint8Array): Promise<void> {
    if (part !== this.#next && !this.#cancelled) {
      await new Promise<void>((resolve) => this.#waiting.set(part, resolve));
    }
    if (this.#cancelled) return;
    this.#hash.update(bytes);
    this.#next = part + 1;
    this.#wake(this.#next);
  }

  /** Lets go of everything that waits; there will be no digest. */
  cancel(): void {
    this.#cancelled = true;
    for (const part of [...this.#waiting.keys()]) this.#wake(part);
  }

  /** Lower-case hex once all parts are in, else null. */
  digest(parts: number): string | null {
    return this.#cancelled || this.#next !== parts + 1 ? null : this.#hash.copy().digest('hex');
  }

  #wake(part: number): void {
    const resolve = this.#waiting.get(part);
    this.#waiting.delete(part);
    resolve?.();
  }
}

/** How a file compares with what the notification says about it. */
export interface Comparison {
  /** True when the notification says it and it is so. */
  readonly verified: boolean;
  readonly warnings: readonly string[];
}

const NOT_COMPARED: Comparison = { verified: false, warnings: [] };
const SAME: Comparison = { verified: true, warnings: [] };

/** @throws {SizeMismatch} unless the job accepts a file that differs. */
export function compareSize(job: CompletionJob, size: number): Comparison {
  if (job.expectedSize === null) return NOT_COMPARED;
  if (job.expectedSize === size) return SAME;
  const sentence = `the file has ${size} bytes, the notification announced ${job.expectedSize}`;
  if (job.acceptMismatch !== true) throw new SizeMismatch(sentence);
  return { verified: false, warnings: [sentence] };
}

/**
 * @param md5 lower-case hex; null when it could not be computed, because the file was not copied in one go.
 * @throws {Md5Mismatch} unless the job accepts a file that differs.
 */
export function compareMd5(job: CompletionJob, md5: string | null): Comparison {
  if (job.expectedMd5 === null || md5 === null) return NOT_COMPARED;
  if (job.expectedMd5 === md5) return SAME;
  const sentence = `the file has MD5 ${md5}, the notification announced ${job.expectedMd5}`;
  if (job.acceptMismatch !== true) throw new Md5Mismatch(sentence);
  return { verified: false, warnings: [sentence] };
}
