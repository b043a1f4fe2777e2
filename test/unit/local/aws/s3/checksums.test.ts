import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CHECKSUM_ALGORITHMS,
  type ChecksumAlgorithm,
  createDigest,
  multipartChecksum,
  statedChecksum,
} from '../../../../../infra/local/aws/s3/checksums.ts';
import { CRC32, TableCrc } from '../../../../../infra/local/aws/s3/crc.ts';

const bytes = fc.uint8Array({ maxLength: 300 });
const parts = fc.array(bytes, { minLength: 1, maxLength: 6 });
const crc = fc.constantFrom<ChecksumAlgorithm>('CRC32', 'CRC32C', 'CRC64NVME');

describe('checksums', () => {
  it('match the published check values of "123456789"', () => {
    const check = (algorithm: ChecksumAlgorithm) => of(algorithm, Buffer.from('123456789')).toString('hex');
    expect(check('CRC32')).toBe('cbf43926');
    expect(check('CRC32C')).toBe('e3069283');
    expect(check('CRC64NVME')).toBe('ae8b14860a799888');
  });

  it('match the native CRC-32 when computed from tables', () => {
    fc.assert(
      fc.property(bytes, (data) => {
        const table = new TableCrc(CRC32);
        table.update(data);
        expect(table.digest().readUInt32BE()).toBe(crc32(data));
      }),
    );
  });

  it('are independent of chunk boundaries', () => {
    fc.assert(
      fc.property(fc.constantFrom(...CHECKSUM_ALGORITHMS), parts, (algorithm, pieces) => {
        const digest = createDigest(algorithm);
        for (const piece of pieces) digest.update(piece);
        expect(digest.digest()).toEqual(of(algorithm, Buffer.concat(pieces)));
      }),
    );
  });

  it('combine CRCs of parts into that of the full object', () => {
    fc.assert(
      fc.property(crc, parts, (algorithm, pieces) => {
        const combined = multipartChecksum(algorithm, 'FULL_OBJECT', pieces.map(checked(algorithm)));
        expect(combined).toBe(of(algorithm, Buffer.concat(pieces)).toString('base64'));
      }),
    );
  });

  it('digest those of parts into a composite checksum with the part count', () => {
    const pieces = [Buffer.from('one'), Buffer.from('two')];
    const sha256 = (data: Buffer) => createHash('sha256').update(data).digest();
    const expected = sha256(Buffer.concat(pieces.map(sha256))).toString('base64');
    expect(multipartChecksum('SHA256', 'COMPOSITE', pieces.map(checked('SHA256')))).toBe(`${expected}-2`);
  });

  it('reject full-object hashes of multipart uploads', () => {
    expect(() => multipartChecksum('SHA256', 'FULL_OBJECT', [])).toThrow(
      expect.objectContaining({ code: 'InvalidRequest' }),
    );
  });

  it('reject stated values that are not base64 of the right length', () => {
    expect(statedChecksum('CRC32', 'AAAAAA==')).toBe('AAAAAA==');
    for (const text of ['', 'AAAA', 'AAAAAA', '!!!!!!==', 'AAAAAAAAAAA=']) {
      expect(() => statedChecksum('CRC32', text), text).toThrow(
        expect.objectContaining({ code: 'InvalidRequest' }),
      );
    }
  });
});

function of(algorithm: ChecksumAlgorithm, data: Uint8Array): Buffer {
  const digest = createDigest(algorithm);
  digest.update(data);
  return digest.digest();
}

function checked(algorithm: ChecksumAlgorithm) {
  return (piece: Uint8Array) => ({ size: piece.length, checksum: of(algorithm, piece).toString('base64') });
}
