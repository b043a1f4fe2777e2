import { describe, expect, it } from 'vitest';
import { MiB } from '../../../../lambda/worker/copy/plan.ts';
import { copyWhole, startCopying } from '../../../support/copying.ts';
import { contentOf } from '../../../support/source-server.ts';

/** Sources that ignore ranges, and sizes that were announced but cannot be. */

const WHOLE = 'the source sent the whole file in response to a request for a range';

describe('a source that departs from the protocol', () => {
  it.each([0, 1000, 200_000, 4 * MiB])(
    'may send all of a file of %i bytes with 200: it is kept, with a warning',
    async (size) => {
      const copying = await startCopying({ file: { size }, fault: () => 'whole' });

      const result = await copyWhole(copying.engine, copying.job({ filename: 'thumb.png' }));

      expect(result).toMatchObject({ size, verifiedBy: ['crc32'], warnings: [WHOLE] });
      expect((await copying.object()).body.equals(contentOf({ size }))).toBe(true);
    },
  );

  it.each([10, 70_000])(
    'may send 100,000 bytes with 200 although %i were announced, once the job accepts it',
    async (expectedSize) => {
      const copying = await startCopying({ file: { size: 100_000 }, fault: () => 'whole' });
      const job = copying.job({ expectedSize });

      await expect(copyWhole(copying.engine, job)).rejects.toMatchObject({ name: 'SizeMismatch' });
      const result = await copyWhole(copying.engine, { ...job, acceptMismatch: true });

      const mismatch = `the file has 100000 bytes, the notification announced ${expectedSize}`;
      expect(result).toMatchObject({ size: 100_000, warnings: [mismatch, WHOLE] });
    },
  );

  it('is named when it ignores the ranges of a large file', async () => {
    const file = { size: 12 * MiB };
    const copying = await startCopying({ file, fault: () => 'whole' });

    await expect(copyWhole(copying.engine, copying.job())).rejects.toMatchObject({
      name: 'UnexpectedSourceResponse',
      category: 'transient',
      message: `the source returned 200 to a request for a range: it sends all of its ${file.size} bytes`,
    });
  });

  it('is not believed when it sends a 200 in the middle of a file', async () => {
    const file = { size: 12 * MiB };
    const copying = await startCopying({ file, fault: ({ count }) => (count > 1 ? 'whole' : undefined) });

    await expect(copyWhole(copying.engine, copying.job())).rejects.toMatchObject({
      name: 'UnexpectedSourceResponse',
    });
  });

  it.each([60_000_000_000_000, Number.MAX_SAFE_INTEGER])(
    'is read although no file can have the %i bytes that were announced',
    async (expectedSize) => {
      for (const size of [1000, 12 * MiB]) {
        const copying = await startCopying({ file: { size } });
        const job = copying.job({ expectedSize });

        await expect(copyWhole(copying.engine, job)).rejects.toMatchObject({
          name: 'SizeMismatch',
          category: 'transient',
        });
        const result = await copyWhole(copying.engine, { ...job, acceptMismatch: true });

        expect(result).toMatchObject({
          size,
          warnings: [expect.stringContaining(`announced ${expectedSize}`)],
        });
      }
    },
  );

  it('has its empty file kept although 70,000 bytes were announced, once the job accepts it', async () => {
    const copying = await startCopying({ file: { size: 0 } });
    const job = copying.job({ expectedSize: 70_000 });

    await expect(copyWhole(copying.engine, job)).rejects.toMatchObject({ name: 'SizeMismatch' });
    const result = await copyWhole(copying.engine, { ...job, acceptMismatch: true });

    expect(result).toMatchObject({
      size: 0,
      warnings: ['the file has 0 bytes, the notification announced 70000'],
    });
  });
});
