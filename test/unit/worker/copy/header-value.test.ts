import fc from 'fast-check';
import { expect, it } from 'vitest';
import { headerValue, LONGEST_HEADER_VALUE } from '../../../../lambda/worker/copy/header-value.ts';

it('is visible ASCII and spaces within a bound, or nothing', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 2 * LONGEST_HEADER_VALUE }), (text) => {
      const value = headerValue(text);
      if (value === null) return;
      expect(value).toMatch(/^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/);
      expect(value.length).toBeLessThanOrEqual(LONGEST_HEADER_VALUE);
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
])('of %j is %j', (text, value) => {
  expect(headerValue(text)).toBe(value);
});

it('is bounded in length', () => {
  const longest = 'x'.repeat(LONGEST_HEADER_VALUE);
  expect(headerValue(longest)).toBe(longest);
  expect(headerValue(`${longest}x`)).toBeNull();
});
