import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  checkResponse,
  errorOf,
  isEmptyFile,
  parseHead,
  parseRetryAfter,
  type RangeQuery,
  validateRange,
} from '../../../../lambda/worker/copy/source-response.ts';

function head(status: number, headers: Record<string, string> = {}) {
  return { version: '1.1' as const, status, headers: new Map(Object.entries(headers)) };
}

const ASKED: RangeQuery = { range: { from: 100, to: 200 }, etag: '"a"', size: 1000 };
const RIGHT = { 'content-range': 'bytes 100-199/1000', 'content-length': '100', etag: '"a"' };

describe('parseHead', () => {
  it('reads status and headers by lower-case name', () => {
    expect(parseHead('HTTP/1.1 206 Partial Content\r\nETag: "x"\r\nX-A:b\r\nx-a: c')).toEqual({
      version: '1.1',
      status: 206,
      headers: new Map([
        ['etag', '"x"'],
        ['x-a', 'b, c'],
      ]),
    });
  });

  it.each([
    '',
    'HTTP/2 200',
    'HTTP/1.1 99 x',
    'ICY 200 OK',
    'HTTP/1.1 200 OK\r\n folded',
    'HTTP/1.1 200 OK\r\nno colon',
    'HTTP/1.1 200 OK\r\nbad name: x',
  ])('returns null for %j', (text) => {
    expect(parseHead(text)).toBeNull();
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        parseHead(text);
        parseHead(`HTTP/1.1 206 x\r\n${text}`);
      }),
    );
  });
});

describe('checkResponse of a 200', () => {
  const START: RangeQuery = { range: { from: 0, to: 200 }, etag: null, size: null };
  const ALL = { 'content-length': '150', etag: '"a"' };

  it('returns the whole file where its beginning was requested and it fits', () => {
    const whole = { length: 150, size: 150, etag: '"a"', contentType: null, stored: {}, ignoredRange: true };
    expect(checkResponse(head(200, ALL), START, 150)).toEqual(whole);
    expect(checkResponse(head(200, ALL), { ...START, etag: '"a"', size: 150 }, 150)).toEqual(whole);
  });

  it.each<[string, Record<string, string>, RangeQuery]>([
    ['states no length', { etag: '"a"' }, START],
    ['has no ETag', { 'content-length': '150' }, START],
    ['has a weak ETag', { ...ALL, etag: 'W/"a"' }, START],
    ['is encoded', { ...ALL, 'content-encoding': 'gzip' }, START],
    ['a response for a later range', ALL, { ...START, range: { from: 1, to: 200 } }],
  ])('returns null when it %s', (_, headers, asked) => {
    expect(checkResponse(head(200, headers), asked, 200)).toBeNull();
  });

  it('throws with the size of a file that is too large to be received', () => {
    expect(() => checkResponse(head(200, ALL), START, 149)).toThrow(
      expect.objectContaining({ name: 'UnexpectedSourceResponse', wholeBytes: 150 }),
    );
  });

  it.each([
    ['size', { size: 151 }],
    ['ETag', { etag: '"b"' }],
  ])('throws SourceChanged for another %s', (_, known) => {
    expect(() => checkResponse(head(200, ALL), { ...START, ...known }, 200)).toThrow(
      expect.objectContaining({ name: 'SourceChanged' }),
    );
  });
});

describe('validateRange of a 206', () => {
  it('accepts exactly the range that was requested', () => {
    expect(validateRange(head(206, RIGHT), ASKED)).toEqual({
      length: 100,
      size: 1000,
      etag: '"a"',
      contentType: null,
      stored: {},
      ignoredRange: false,
    });
  });

  it('returns the type and the headers that the file is stored with', () => {
    const headers = { ...RIGHT, 'content-type': 'text/vtt', 'content-encoding': 'gzip' };
    expect(validateRange(head(206, headers), ASKED)).toMatchObject({
      contentType: 'text/vtt',
      stored: { contentEncoding: 'gzip' },
    });
  });

  it('accepts a range that the end of the file cuts', () => {
    const asked = { range: { from: 900, to: 1100 }, etag: null, size: null };
    const response = validateRange(
      head(206, { 'content-range': 'bytes 900-999/1000', 'content-length': '100' }),
      asked,
    );
    expect(response.length).toBe(100);
  });

  it.each([
    ['begins elsewhere', { 'content-range': 'bytes 101-199/1000' }],
    ['ends early', { 'content-range': 'bytes 100-198/1000' }],
    ['ends late', { 'content-range': 'bytes 100-200/1000' }],
    ['has another length', { 'content-length': '99' }],
    ['does not tell the size', { 'content-range': 'bytes 100-199/*' }],
    ['has several ranges', { 'content-range': '' }],
    ['was compressed on the way', { 'content-encoding': 'gzip', 'content-length': '40' }],
  ])('throws UnexpectedSourceResponse when it %s', (_, headers) => {
    expect(() => validateRange(head(206, { ...RIGHT, ...headers }), ASKED)).toThrow(
      expect.objectContaining({ name: 'UnexpectedSourceResponse' }),
    );
  });

  it.each([
    ['another ETag', { etag: '"b"' }],
    ['no ETag any more', { etag: '' }],
    ['another size', { 'content-range': 'bytes 100-199/1001' }],
  ])('throws SourceChanged when it has %s', (_, headers) => {
    expect(() => validateRange(head(206, { ...RIGHT, ...headers }), ASKED)).toThrow(
      expect.objectContaining({ name: 'SourceChanged' }),
    );
  });

  it('returns no weak ETag', () => {
    expect(validateRange(head(206, { ...RIGHT, etag: 'W/"a"' }), { ...ASKED, etag: null }).etag).toBeNull();
  });
});

describe('errorOf', () => {
  it.each([
    [404, '', 'SourceNotFound'],
    [410, '', 'SourceNotFound'],
    [403, '<Code>AccessDenied</Code><Message>Request has expired</Message>', 'SourceExpired'],
    [403, '<Code>AccessDenied</Code><Message>Access Denied</Message>', 'SourceRefused'],
    [400, '<Code>ExpiredToken</Code>', 'SourceExpired'],
    [401, '', 'SourceRefused'],
    [412, '', 'SourceChanged'],
    [416, '', 'SourceChanged'],
    [429, '', 'SourceUnavailable'],
    [500, '', 'SourceUnavailable'],
    [400, '<Code>RequestTimeout</Code>', 'SourceUnavailable'],
    [400, '<Code>InvalidArgument</Code>', 'SourceRefused'],
    [400, '<Code>AuthorizationQueryParametersError</Code>', 'SourceRefused'],
    [400, '', 'SourceRefused'],
    [200, '', 'UnexpectedSourceResponse'],
    [301, '', 'SourceRedirected'],
  ])('turns %i %s into %s', (status, body, name) => {
    expect(errorOf(head(status), body).name).toBe(name);
  });
});

describe('isEmptyFile', () => {
  it('is true of a 416 only when the first byte was requested', () => {
    const first = { range: { from: 0, to: 10 }, etag: null, size: null };
    expect(isEmptyFile(head(416, { 'content-range': 'bytes */0' }), first)).toBe(true);
    expect(isEmptyFile(head(416), first)).toBe(true);
    expect(isEmptyFile(head(416, { 'content-range': 'bytes */5' }), first)).toBe(false);
    expect(isEmptyFile(head(416, { 'content-range': 'bytes */0' }), ASKED)).toBe(false);
    expect(isEmptyFile(head(404), first)).toBe(false);
  });
});

describe('parseRetryAfter', () => {
  const now = Date.parse('2026-03-15T12:00:00Z');
  it.each<[string | undefined, number | null]>([
    ['120', 120_000],
    ['0', 0],
    ['Sun, 15 Mar 2026 12:00:30 GMT', 30_000],
    ['Sun, 15 Mar 2026 11:00:00 GMT', 0],
    ['soon', null],
    ['-5', null],
    [undefined, null],
  ])('reads %j as %j ms', (text, expected) => {
    expect(parseRetryAfter(text, now)).toBe(expected);
  });
});
