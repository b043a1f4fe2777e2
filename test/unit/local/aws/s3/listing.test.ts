import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareUtf8, listPage } from '../../../../../infra/local/aws/s3/listing.ts';

const keys = fc
  .uniqueArray(
    fc.string({
      unit: fc.constantFrom('a', 'b', '/', 'é', '日', '😀', '\ufffd'),
      minLength: 1,
      maxLength: 6,
    }),
  )
  .map((list) => list.sort(compareUtf8));
const text = fc.string({ unit: 'binary', maxLength: 8 });
const query = fc.record({
  prefix: fc.constantFrom('', 'a', 'a/', 'é'),
  delimiter: fc.constantFrom('', '/', 'b'),
  limit: fc.integer({ min: 1, max: 4 }),
});

describe('listPage', () => {
  it('orders keys by their UTF-8 bytes', () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(Math.sign(compareUtf8(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
      }),
    );
  });

  it('lists every key and common prefix once over all pages, in order', () => {
    fc.assert(
      fc.property(keys, query, (sorted, { prefix, delimiter, limit }) => {
        const found = { keys: [] as string[], commonPrefixes: [] as string[] };
        let after: string | undefined = '';
        while (after !== undefined) {
          const page = listPage(sorted, { prefix, delimiter, limit, after });
          expect(page.keys.length + page.commonPrefixes.length).toBeLessThanOrEqual(limit);
          expect(page.next, 'every page leads on').not.toBe(after);
          found.keys.push(...page.keys);
          found.commonPrefixes.push(...page.commonPrefixes);
          after = page.next;
        }
        expect(found).toEqual(grouped(sorted, prefix, delimiter));
      }),
    );
  });
});

function grouped(sorted: readonly string[], prefix: string, delimiter: string) {
  const matching = sorted.filter((key) => key.startsWith(prefix));
  const end = (key: string) => (delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length));
  const common = matching
    .filter((key) => end(key) !== -1)
    .map((key) => key.slice(0, end(key) + delimiter.length));
  return { keys: matching.filter((key) => end(key) === -1), commonPrefixes: [...new Set(common)] };
}
