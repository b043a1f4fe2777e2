/**
 * Cyclic redundancy checks that Node has no native code for (CRC-32C and CRC-64/NVME), and the algebra by which the
 * checksum of a whole follows from those of its parts. All are reflected CRCs whose register begins and ends inverted.
 */
export interface CrcShape {
  /** The reflected polynomial. */
  readonly polynomial: bigint;
  readonly bits: 32 | 64;
}

export const CRC32: CrcShape = { polynomial: 0xedb88320n, bits: 32 };
export const CRC32C: CrcShape = { polynomial: 0x82f63b78n, bits: 32 };
export const CRC64NVME: CrcShape = { polynomial: 0x9a6c9329ac4bc9b5n, bits: 64 };

interface Tables {
  readonly low: Int32Array;
  readonly high: Int32Array;
}

const LANES = 8;
const tablesOf = new Map<CrcShape, Tables>();

/**
 * Slicing by eight, with the register as two 32-bit halves: BigInt would allocate for every byte. A 32-bit CRC is the
 * same computation whose upper half stays zero.
 */
export class TableCrc {
  readonly #shape: CrcShape;
  readonly #tables: Tables;
  #low = -1;
  #high: number;

  constructor(shape: CrcShape) {
    this.#shape = shape;
    this.#tables = tables(shape);
    this.#high = shape.bits === 64 ? -1 : 0;
  }

  update(bytes: Uint8Array): void {
    const { low: tl, high: th } = this.#tables;
    let low = this.#low;
    let high = this.#high;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const whole = bytes.length - (bytes.length % LANES);
    for (let at = 0; at < whole; at += LANES) {
      const x = low ^ view.getInt32(at, true);
      const y = high ^ view.getInt32(at + 4, true);
      const a = 0x700 | (x & 255);
      const b = 0x600 | ((x >>> 8) & 255);
      const c = 0x500 | ((x >>> 16) & 255);
      const d = 0x400 | (x >>> 24);
      const e = 0x300 | (y & 255);
      const f = 0x200 | ((y >>> 8) & 255);
      const g = 0x100 | ((y >>> 16) & 255);
      const h = y >>> 24;
      low =
        at8(tl, a) ^ at8(tl, b) ^ at8(tl, c) ^ at8(tl, d) ^ at8(tl, e) ^ at8(tl, f) ^ at8(tl, g) ^ at8(tl, h);
      high =
        at8(th, a) ^ at8(th, b) ^ at8(th, c) ^ at8(th, d) ^ at8(th, e) ^ at8(th, f) ^ at8(th, g) ^ at8(th, h);
    }
    for (let at = whole; at < bytes.length; at += 1) {
      const index = (low ^ at8(bytes, at)) & 255;
      low = ((low >>> 8) | (high << 24)) ^ at8(tl, index);
      high = (high >>> 8) ^ at8(th, index);
    }
    this.#low = low;
    this.#high = high;
  }

  /** The checksum, big-endian, 4 or 8 bytes. */
  digest(): Buffer {
    const out = Buffer.alloc(8);
    out.writeInt32BE(~this.#high, 0);
    out.writeInt32BE(~this.#low, 4);
    return this.#shape.bits === 64 ? out : out.subarray(4);
  }
}

function at8(table: Int32Array | Uint8Array, index: number): number {
  return table[index] ?? 0;
}

function tables(shape: CrcShape): Tables {
  const known = tablesOf.get(shape);
  if (known !== undefined) return known;
  const mask = (1n << BigInt(shape.bits)) - 1n;
  const made: Tables = { low: new Int32Array(LANES * 256), high: new Int32Array(LANES * 256) };
  const first: bigint[] = [];
  for (let byte = 0; byte < 256; byte += 1) {
    let value = BigInt(byte);
    for (let bit = 0; bit < 8; bit += 1) value = timesX(value, shape);
    first.push(value);
    let lane = value;
    for (let number = 0; number < LANES; number += 1) {
      if (number > 0) lane = zeroByte(lane, shape);
      made.low[number * 256 + byte] = Number(BigInt.asIntN(32, lane & mask));
      made.high[number * 256 + byte] = Number(BigInt.asIntN(32, lane >> 32n));
    }
  }
  tablesOf.set(shape, made);
  return made;
}

function zeroByte(value: bigint, shape: CrcShape): bigint {
  let next = value;
  for (let bit = 0; bit < 8; bit += 1) next = timesX(next, shape);
  return next;
}

function timesX(value: bigint, shape: CrcShape): bigint {
  return (value & 1n) === 1n ? (value >> 1n) ^ shape.polynomial : value >> 1n;
}

/**
 * Combines the checksums of consecutive parts into that of the whole: appending `n` bytes multiplies what came before
 * by x to the power of 8n in the field of the polynomial. Powers are kept per length, since parts have few sizes.
 */
export function combineCrcs(shape: CrcShape, parts: Iterable<{ crc: Buffer; bytes: number }>): Buffer {
  const powers = new Map<number, bigint>();
  let whole = 0n;
  for (const { crc, bytes } of parts) {
    const power = powers.get(bytes) ?? powerOfX(bytes, shape);
    powers.set(bytes, power);
    whole = multiply(power, whole, shape) ^ BigInt(`0x${crc.toString('hex')}`);
  }
  return Buffer.from(whole.toString(16).padStart(shape.bits / 4, '0'), 'hex');
}

function powerOfX(bytes: number, shape: CrcShape): bigint {
  const one = 1n << BigInt(shape.bits - 1);
  let power = one;
  let square = one >> 8n;
  for (let rest = BigInt(bytes); rest > 0n; rest >>= 1n) {
    if ((rest & 1n) === 1n) power = multiply(square, power, shape);
    square = multiply(square, square, shape);
  }
  return power;
}

function multiply(a: bigint, b: bigint, shape: CrcShape): bigint {
  let product = 0n;
  let shifted = b;
  for (let bit = 1n << BigInt(shape.bits - 1); bit > 0n; bit >>= 1n) {
    if ((a & bit) !== 0n) product ^= shifted;
    shifted = timesX(shifted, shape);
  }
  return product;
}
