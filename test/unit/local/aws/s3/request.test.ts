import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { evaluateRead, parseRange } from '../../../../../infra/local/aws/s3/request.ts';

const ETAG = 'abc';
const MODIFIED = Date.parse('2026-05-01T12:00:00.500Z');
const BEFORE = 'Fri, 01 May 2026 11:00:00 GMT';
const SAME = 'Fri, 01 May 2026 12:00:00 GMT';
const evaluate = (conditions: Parameters<typeof evaluateRead>[0]) => evaluateRead(conditions, ETAG, MODIFIED);

describe('evaluateRead', () => {
  it('proceeds without conditions, or when If-Match lists the entity tag', () => {
    expect(evaluate({})).toBe('go-on');
    for (const ifMatch of ['"abc"', 'abc', '*', '"x", "abc"']) expect(evaluate({ ifMatch })).toBe('go-on');
  });

  it('fails when If-Match lists another entity tag, or the object was modified since', () => {
    expect(evaluate({ ifMatch: '"x"' })).toBe('precondition-failed');
    expect(evaluate({ ifUnmodifiedSince: BEFORE })).toBe('precondition-failed');
    expect(evaluate({ ifUnmodifiedSince: SAME })).toBe('go-on');
  });

  it('returns not modified when If-None-Match lists the entity tag, or the object is as old as stated', () => {
    expect(evaluate({ ifNoneMatch: '"abc"' })).toBe('not-modified');
    expect(evaluate({ ifModifiedSince: SAME })).toBe('not-modified');
    expect(evaluate({ ifModifiedSince: BEFORE })).toBe('go-on');
  });

  it('prefers entity tags to dates', () => {
    expect(evaluate({ ifMatch: '"abc"', ifUnmodifiedSince: BEFORE })).toBe('go-on');
    expect(evaluate({ ifNoneMatch: '"x"', ifModifiedSince: SAME })).toBe('go-on');
  });

  it('ignores invalid dates', () => {
    expect(evaluate({ ifModifiedSince: 'soon', ifUnmodifiedSince: 'later' })).toBe('go-on');
  });
});

const size = fc.nat({ max: 200 });

describe('parseRange', () => {
  it('selects the same bytes as a slice', () => {
    fc.assert(
      fc.property(size, fc.nat({ max: 250 }), fc.nat({ max: 250 }), (length, first, last) => {
        const bytes = Array.from({ length }, (_, index) => index);
        const range = parseRange(`bytes=${first}-${last}`, length);
        const expected = last < first ? bytes : bytes.slice(first, last + 1);
        expect(selected(range, bytes)).toEqual(expected);
      }),
    );
  });

  it('supports open and suffix ranges', () => {
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

  it('ignores all but a single range of bytes', () => {
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

  it('never selects outside the object, for any header', () => {
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

  it('rejects a range of an empty object', () => {
    expect(parseRange('bytes=0-', 0)).toBe('unsatisfiable');
    expect(parseRange('bytes=0-15', 0)).toBe('unsatisfiable');
  });
});

function selected(range: ReturnType<typeof parseRange>, bytes: readonly number[]): readonly number[] {
  if (range === 'whole') return bytes;
  if (range === 'unsatisfiable') return [];
  return bytes.slice(range.start, range.end + 1);
}
