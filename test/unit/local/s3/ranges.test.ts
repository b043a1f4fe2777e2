import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRange } from '../../../../infra/local/s3/ranges.ts';

const size = fc.nat({ max: 200 });

describe('a Range header', () => {
  it('selects what slicing the bytes would select', () => {
    fc.assert(
      fc.property(size, fc.nat({ max: 250 }), fc.nat({ max: 250 }), (length, first, last) => {
        const bytes = Array.from({ length }, (_, index) => index);
        const range = parseRange(`bytes=${first}-${last}`, length);
        const expected = last < first ? bytes : bytes.slice(first, last + 1);
        expect(selected(range, bytes)).toEqual(expected);
      }),
    );
  });

  it('selects to the end when it is open, and from the end when it is a suffix', () => {
    fc.assert(
      fc.property(size, fc.nat({ max: 250 }), (length, count) => {
        const bytes = Array.from({ length }, (_, index) => index);
        expect(selected(parseRange(`bytes=${count}-`, length), bytes)).toEqual(bytes.slice(count));
        expect(selected(parseRange(`bytes=-${count}`, length), bytes)).toEqual(
          count === 0 ? [] : bytes.slice(-count),
        );
      }),
    );
  });

  it('is ignored when it is not a single range of bytes', () => {
    for (const header of [
      undefined,
      '',
      'bytes=',
      'bytes=-',
      'bytes=0-1,3-4',
      'lines=0-1',
      'bytes=a-b',
      'bytes=5-4',
    ]) {
      expect(parseRange(header, 10), header).toBe('whole');
    }
  });

  it('never selects outside the object, whatever it says', () => {
    fc.assert(
      fc.property(fc.string(), size, (text, length) => {
        const range = parseRange(`bytes=${text}`, length);
        if (typeof range === 'string') return;
        expect(range.start).toBeGreaterThanOrEqual(0);
        expect(range.end).toBeLessThan(length);
        expect(range.start).toBeLessThanOrEqual(range.end);
      }),
    );
  });

  it('cannot be satisfied by an empty object', () => {
    expect(parseRange('bytes=0-', 0)).toBe('unsatisfiable');
    expect(parseRange('bytes=0-15', 0)).toBe('unsatisfiable');
  });
});

function selected(range: ReturnType<typeof parseRange>, bytes: readonly number[]): readonly number[] {
  if (range === 'whole') return bytes;
  if (range === 'unsatisfiable') return [];
  return bytes.slice(range.start, range.end + 1);
}
