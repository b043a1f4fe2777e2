import { describe, expect, it } from 'vitest';
import { evaluateRead } from '../../../../infra/local/s3/conditions.ts';

const ETAG = 'abc';
const MODIFIED = Date.parse('2026-05-01T12:00:00.500Z');
const BEFORE = 'Fri, 01 May 2026 11:00:00 GMT';
const SAME = 'Fri, 01 May 2026 12:00:00 GMT';
const evaluate = (conditions: Parameters<typeof evaluateRead>[0]) => evaluateRead(conditions, ETAG, MODIFIED);

describe('the conditions of a read', () => {
  it('go on when there are none, or when the entity tag is among those of If-Match', () => {
    expect(evaluate({})).toBe('go-on');
    for (const ifMatch of ['"abc"', 'abc', '*', '"x", "abc"']) expect(evaluate({ ifMatch })).toBe('go-on');
  });

  it('fail when If-Match names another, or it was modified since', () => {
    expect(evaluate({ ifMatch: '"x"' })).toBe('precondition-failed');
    expect(evaluate({ ifUnmodifiedSince: BEFORE })).toBe('precondition-failed');
    expect(evaluate({ ifUnmodifiedSince: SAME })).toBe('go-on');
  });

  it('find it not modified when If-None-Match names it, or it is as old as stated', () => {
    expect(evaluate({ ifNoneMatch: '"abc"' })).toBe('not-modified');
    expect(evaluate({ ifModifiedSince: SAME })).toBe('not-modified');
    expect(evaluate({ ifModifiedSince: BEFORE })).toBe('go-on');
  });

  it('let entity tags outweigh dates', () => {
    expect(evaluate({ ifMatch: '"abc"', ifUnmodifiedSince: BEFORE })).toBe('go-on');
    expect(evaluate({ ifNoneMatch: '"x"', ifModifiedSince: SAME })).toBe('go-on');
  });

  it('ignore dates that cannot be read', () => {
    expect(evaluate({ ifModifiedSince: 'soon', ifUnmodifiedSince: 'later' })).toBe('go-on');
  });
});
