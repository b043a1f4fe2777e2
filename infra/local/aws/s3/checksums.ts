import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { CRC32, CRC32C, CRC64NVME, type CrcShape, combineCrcs, TableCrc } from './crc.ts';
import { s3Error } from './errors.ts';

export const CHECKSUM_ALGORITHMS = ['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256'] as const;
export type ChecksumAlgorithm = (typeof CHECKSUM_ALGORITHMS)[number];

/** How the checksum of a multipart object follows from its parts: as if it were one, or as a checksum of checksums. */
export type ChecksumType = 'FULL_OBJECT' | 'COMPOSITE';

/** Something that bytes are fed into and that says in the end what they come to. */
export interface Digest {
  update(bytes: Uint8Array): void;
  digest(): Buffer;
}

const BYTES: Record<ChecksumAlgorithm, number> = { CRC32: 4, CRC32C: 4, CRC64NVME: 8, SHA1: 20, SHA256: 32 };
const CRCS: Partial<Record<ChecksumAlgorithm, CrcShape>> = { CRC32, CRC32C, CRC64NVME };

export function createDigest(algorithm: ChecksumAlgorithm): Digest {
  switch (algorithm) {
    case 'CRC32':
      return new NativeCrc32();
    case 'CRC32C':
      return new TableCrc(CRC32C);
    case 'CRC64NVME':
      return new TableCrc(CRC64NVME);
    case 'SHA1':
    case 'SHA256':
      return createHash(algorithm);
  }
}

class NativeCrc32 implements Digest {
  #crc = 0;

  update(bytes: Uint8Array): void {
    this.#crc = crc32(bytes, this.#crc);
  }

  digest(): Buffer {
    const out = Buffer.alloc(4);
    out.writeUInt32BE(this.#crc);
    return out;
  }
}

/** The header (or trailer) that carries a checksum, e.g. `x-amz-checksum-crc32`. */
export function checksumHeader(algorithm: ChecksumAlgorithm): string {
  return `x-amz-checksum-${algorithm.toLowerCase()}`;
}

/** The algorithm named by `x-amz-checksum-algorithm` and its kin, in any case; undefined for anything else. */
export function checksumAlgorithm(name: string | undefined): ChecksumAlgorithm | undefined {
  return CHECKSUM_ALGORITHMS.find((algorithm) => algorithm === name?.toUpperCase());
}

/** The algorithm of a checksum header's name; undefined when it is none. */
export function algorithmOfHeader(name: string): ChecksumAlgorithm | undefined {
  return CHECKSUM_ALGORITHMS.find((algorithm) => checksumHeader(algorithm) === name.toLowerCase());
}

/**
 * Returns a checksum that a client stated when it is base64 of the right length.
 * @throws S3Error InvalidRequest
 */
export function statedChecksum(algorithm: ChecksumAlgorithm, text: string): string {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length === BYTES[algorithm] && bytes.toString('base64') === text) return text;
  throw s3Error('InvalidRequest', {}, `Value for ${checksumHeader(algorithm)} header is invalid.`);
}

/** Whether an algorithm can make a multipart object's checksum of that type: only CRCs can be combined. */
export function supportsType(algorithm: ChecksumAlgorithm, type: ChecksumType): boolean {
  return type === 'FULL_OBJECT' ? algorithm in CRCS : algorithm !== 'CRC64NVME';
}

export function defaultType(algorithm: ChecksumAlgorithm): ChecksumType {
  return algorithm === 'CRC64NVME' ? 'FULL_OBJECT' : 'COMPOSITE';
}

/** A part as far as checksums go: its size in bytes and its checksum in base64. */
export interface CheckedPart {
  readonly size: number;
  readonly checksum: string;
}

/**
 * The checksum of a multipart object in S3's notation: base64 for FULL_OBJECT, base64 and `-<number of parts>` for
 * COMPOSITE.
 * @throws S3Error InvalidRequest when the algorithm has no such type
 */
export function multipartChecksum(
  algorithm: ChecksumAlgorithm,
  type: ChecksumType,
  parts: readonly CheckedPart[],
): string {
  if (type === 'COMPOSITE') {
    const whole = createDigest(algorithm);
    for (const part of parts) whole.update(Buffer.from(part.checksum, 'base64'));
    return `${whole.digest().toString('base64')}-${parts.length}`;
  }
  const shape = CRCS[algorithm];
  if (shape === undefined) throw typeMismatch(algorithm, type);
  const crcs = parts.map(({ size, checksum }) => ({ crc: Buffer.from(checksum, 'base64'), bytes: size }));
  return combineCrcs(shape, crcs).toString('base64');
}

export function typeMismatch(algorithm: ChecksumAlgorithm, type: ChecksumType) {
  const message = `The ${type} checksum type cannot be used with the ${algorithm.toLowerCase()} checksum algorithm.`;
  return s3Error('InvalidRequest', {}, message);
}
