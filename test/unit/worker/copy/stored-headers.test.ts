import fc from 'fast-check';
import { expect, it } from 'vitest';
import { storedHeadersOf } from '../../../../lambda/worker/copy/stored-headers.ts';

const NAMES = ['content-encoding', 'content-language', 'content-disposition', 'cache-control'];

it('are such as can be signed and sent, within the 2 KB of S3 with their names and the type', () => {
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
])('keep the encoding %j as %j', (stored, kept) => {
  expect(storedHeadersOf(new Map([['content-encoding', stored]])).contentEncoding).toBe(kept);
});

it('are no other headers', () => {
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
