import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cursorAt, InvalidCursor, sortKeyOf, takePage } from '../../../../lambda/shared/ledger/paging.ts';
import { failedAtKey, stateKey } from '../../../../lambda/shared/ledger/table.ts';

const key = fc.record({
  failedAt: fc.nat({ max: Date.UTC(9999, 11, 31) }),
  jobId: fc.stringMatching(/^[0-9]{1,20}$/),
  outputId: fc.stringMatching(/^[0-9]{1,20}$/),
  role: fc.constantFrom('media' as const, 'thumbnail' as const),
  fileId: fc.stringMatching(/^[0-9a-f]{16}$/),
});

describe('cursorAt and sortKeyOf', () => {
  it('round-trip a sort key', () => {
    fc.assert(
      fc.property(key, (record) => {
        for (const sortKey of [failedAtKey(record), stateKey(record.failedAt, record)]) {
          expect(cursorAt(sortKey)).toMatch(/^[A-Za-z0-9_-]+$/);
          expect(sortKeyOf(cursorAt(sortKey))).toBe(sortKey);
        }
      }),
    );
  });

  it('reject a forged cursor', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(() => sortKeyOf(text)).toThrow(InvalidCursor);
        expect(() => sortKeyOf(cursorAt(text))).toThrow(InvalidCursor);
      }),
    );
    expect(() => sortKeyOf(cursorAt('2026-99-99T00:00:00.000Z#1#2#media'))).toThrow(InvalidCursor);
  });
});

describe('takePage', () => {
  it('returns a cursor only when there is more, and reads one more record to decide', async () => {
    let read = 0;
    async function* numbers(count: number) {
      for (let n = 1; n <= count; n++) {
        read++;
        yield n;
      }
    }
    expect(await takePage(numbers(3), 3, String)).toEqual({ items: [1, 2, 3] });
    read = 0;
    expect(await takePage(numbers(100), 3, String)).toEqual({ items: [1, 2, 3], cursor: cursorAt('3') });
    expect(read).toBe(4);
  });
});
