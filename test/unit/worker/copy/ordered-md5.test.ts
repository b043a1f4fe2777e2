import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { OrderedMd5 } from '../../../../lambda/worker/copy/ordered-md5.ts';

it('is the MD5 of the whole, in whatever order the parts come', async () => {
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

it('lets go of those who wait when it is cancelled', async () => {
  const md5 = new OrderedMd5();
  const waiting = md5.add(2, Buffer.from('b'));
  md5.cancel();
  await waiting;
  await md5.add(1, Buffer.from('a'));
  expect(md5.digest(2)).toBeNull();
});
