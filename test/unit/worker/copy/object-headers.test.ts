import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  contentTypeOf,
  headerValue,
  isOfAnotherFile,
  isSameCopy,
  MAX_HEADER_VALUE,
  objectMetadata,
  storedHeadersOf,
} from '../../../../lambda/worker/copy/object-headers.ts';

const NOTHING = Buffer.alloc(0);
const ZIP = Buffer.from('PK\u0003\u0004rest', 'latin1');

describe('contentTypeOf', () => {
  it.each(['video/quicktime', 'text/plain; charset=utf-8'])(
    'is what the source says, when it says anything: %s',
    (stated) => {
      expect(contentTypeOf(stated, 'a.mp4', ZIP)).toBe(stated);
    },
  );

  it.each([
    null,
    '',
    'application/octet-stream',
    'binary/octet-stream',
    'Application/Octet-Stream; x=y',
    'nonsense',
  ])('returns the type of the extension when the source states %j', (stated) => {
    expect(contentTypeOf(stated, 'a.b.MP4', NOTHING)).toBe('video/mp4');
    expect(contentTypeOf(stated, 'index.m3u8', NOTHING)).toBe('application/vnd.apple.mpegurl');
  });

  it.each([
    ['bytes beyond ASCII', 'video/mp4; name="\u00e9"'],
    ['a tab', 'video/mp4; x=\ty'],
    ['a control character', 'video/mp4; a=b\u0001c'],
    ['the character DEL', 'video/mp4;\u007f'],
    ['no end', `video/mp4; ${'x'.repeat(9000)}`],
  ])('leaves out parameters that no header can hold: %s', (_, stated) => {
    expect(contentTypeOf(stated, 'a.mov', NOTHING)).toBe('video/mp4');
  });

  it('does not return the stated type when it is longer than a header may be', () => {
    expect(contentTypeOf(`video/${'x'.repeat(9000)}`, 'a.mov', NOTHING)).toBe('video/quicktime');
  });

  it('returns that of a ZIP for a packaged output, whatever its name', () => {
    expect(contentTypeOf('binary/octet-stream', 'playlist.m3u8', ZIP)).toBe('application/zip');
  });

  it('reads the type from the first bytes when the name has no known extension', () => {
    const mp4 = Buffer.from('\0\0\0\u0018ftypmp42', 'latin1');
    expect(contentTypeOf(null, 'c3ed6591fac35a5b', mp4)).toBe('video/mp4');
    expect(contentTypeOf(null, 'c3ed.constructor', Buffer.from('WEBVTT\n'))).toBe('text/vtt');
  });

  it('returns application/octet-stream when neither name nor bytes are known', () => {
    expect(contentTypeOf(null, 'c3ed6591fac35a5b', NOTHING)).toBe('application/octet-stream');
  });
});

describe('headerValue', () => {
  it('returns visible ASCII and spaces within a bound, or null', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 2 * MAX_HEADER_VALUE }), (text) => {
        const value = headerValue(text);
        if (value === null) return;
        expect(value).toMatch(/^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/);
        expect(value.length).toBeLessThanOrEqual(MAX_HEADER_VALUE);
        expect(headerValue(value)).toBe(value);
      }),
    );
  });

  it.each([
    ['max-age=60', 'max-age=60'],
    [' a  b\r\n', 'a  b'],
    ['', null],
    ['   ', null],
    [null, null],
    [undefined, null],
    ['a\tb', null],
    ['a\u0001b', null],
    ['a\u007fb', null],
    ['a\r\nx: y', null],
    ['caf\u00e9', null],
  ])('makes of %j the value %j', (text, value) => {
    expect(headerValue(text)).toBe(value);
  });

  it('returns null for a value above the maximum length', () => {
    const longest = 'x'.repeat(MAX_HEADER_VALUE);
    expect(headerValue(longest)).toBe(longest);
    expect(headerValue(`${longest}x`)).toBeNull();
  });
});

const IDENTITY = {
  'zencoder-job': '1',
  'zencoder-output': '2',
  'zencoder-role': 'media',
  'zencoder-file': 'abcdef',
};

describe('objectMetadata', () => {
  it('fits into headers and into the 2 KB of S3, whatever the values', () => {
    const values = fc.dictionary(
      fc.stringMatching(/^[a-z-]{1,20}$/),
      fc.string({ unit: 'binary', maxLength: 3000 }),
    );
    fc.assert(
      fc.property(values, (given) => {
        const made = objectMetadata({ ...given, ...IDENTITY });

        const characters = Object.entries(made).reduce(
          (sum, [name, value]) => sum + name.length + value.length,
          0,
        );
        expect(characters).toBeLessThanOrEqual(2048);
        for (const value of Object.values(made))
          expect(value).toMatch(/^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/);
        expect(made).toMatchObject(IDENTITY);
      }),
    );
  });

  it('can be read back by percent-decoding', () => {
    const made = objectMetadata({ 'zencoder-label': 'Größe 100% 🎬' });
    expect(decodeURIComponent(made['zencoder-label'] ?? '')).toBe('Größe 100% 🎬');
  });
});

describe('isSameCopy', () => {
  it('compares the identity alone', () => {
    expect(
      isSameCopy({ ...IDENTITY, 'zencoder-label': 'old' }, { ...IDENTITY, 'zencoder-label': 'new' }),
    ).toBe(true);
    for (const key of Object.keys(IDENTITY))
      expect(isSameCopy({ ...IDENTITY, [key]: 'x' }, IDENTITY)).toBe(false);
    expect(isSameCopy({}, IDENTITY)).toBe(false);
    expect(isSameCopy(undefined, IDENTITY)).toBe(false);
  });

  it('is false without an identity', () => {
    expect(isSameCopy({}, { 'zencoder-label': 'x' })).toBe(false);
  });
});

describe('isOfAnotherFile', () => {
  it('is true of a whole identity that differs', () => {
    for (const key of Object.keys(IDENTITY)) {
      expect(isOfAnotherFile({ ...IDENTITY, [key]: 'x' }, IDENTITY)).toBe(true);
      expect(isOfAnotherFile({ ...IDENTITY, [key]: '' }, IDENTITY)).toBe(false);
    }
    expect(isOfAnotherFile({ ...IDENTITY, 'zencoder-label': 'x' }, IDENTITY)).toBe(false);
    expect(isOfAnotherFile({ 'zencoder-job': '2' }, IDENTITY)).toBe(false);
    expect(isOfAnotherFile({}, IDENTITY)).toBe(false);
    expect(isOfAnotherFile(undefined, IDENTITY)).toBe(false);
  });
});

const NAMES = ['content-encoding', 'content-language', 'content-disposition', 'cache-control'];

describe('storedHeadersOf', () => {
  it('returns values that can be signed and sent, within the 2 KB of S3 with their names and the type', () => {
    const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 500 }), fc.stringMatching(/^[ -~]{0,500}$/));
    const given = fc.dictionary(fc.constantFrom(...NAMES), text);
    fc.assert(
      fc.property(given, (headers) => {
        const values = Object.values(storedHeadersOf(new Map(Object.entries(headers))));
        for (const value of values) expect(value).toMatch(/^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/);
        const names = NAMES.join('').length + 'content-type'.length;
        const longest = Math.max(0, ...values.map(({ length }) => length));
        expect(values.join('').length + longest + names).toBeLessThanOrEqual(2048);
      }),
    );
  });

  it.each([
    ['gzip', 'gzip'],
    ['GZip', 'GZip'],
    ['gzip, aws-chunked', 'gzip'],
    ['AWS-Chunked', undefined],
    ['deflate ,gzip', 'deflate,gzip'],
    ['utf-8', 'utf-8'],
    ['not a token', undefined],
    [',', undefined],
  ])('keeps the encoding %j as %j', (stored, kept) => {
    expect(storedHeadersOf(new Map([['content-encoding', stored]])).contentEncoding).toBe(kept);
  });

  it('returns no other headers', () => {
    expect(
      storedHeadersOf(
        new Map([
          ['expires', 'x'],
          ['x-amz-meta-a', 'b'],
          ['server', 'y'],
        ]),
      ),
    ).toEqual({});
  });
});
