import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NotJson, parseJson } from '../../../lambda/shared/json.ts';

describe('parseJson', () => {
  it('keeps every digit of whole numbers beyond 2^53, as text', () => {
    expect(parseJson('{"id":9007199254740993,"ids":[18446744073709551615,-9007199254740993]}')).toEqual({
      id: '9007199254740993',
      ids: ['18446744073709551615', '-9007199254740993'],
    });
    expect(parseJson('9007199254740993')).toBe('9007199254740993');
  });

  it('leaves all other numbers alone', () => {
    expect(parseJson('[9007199254740991, 0.1, 1e400, 1234567890123456.5]')).toEqual([
      9007199254740991,
      0.1,
      Number.POSITIVE_INFINITY,
      1234567890123456.5,
    ]);
  });

  it('reads any whole number without loss', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }),
        fc.constantFrom('', ' ', '\n'),
        (number, space) => {
          expect(String(parseJson(`${space}${number}`))).toBe(String(number));
          expect(parseJson(`{"a":[1,${space}${number}]}`)).toEqual({ a: [1, parseJson(String(number))] });
        },
      ),
    );
  });

  it('reads everything else as JSON.parse does', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        fc.pre(!/[0-9]{16}/.test(text));
        expect(parseJson(text)).toEqual(JSON.parse(text));
      }),
    );
  });

  it.each([
    '',
    '{',
    'x',
    '{"a":1,}',
    '<xml/>',
    `${'['.repeat(200_000)}9007199254740993${']'.repeat(200_000)}`,
  ])('refuses what is no JSON or nested too deep, without quoting it (case %#)', (text) => {
    expect(() => parseJson(text)).toThrow(NotJson);
  });

  it('does not give objects another prototype', () => {
    const parsed = parseJson('{"__proto__":{"polluted":9007199254740993}}');
    expect(Object.getPrototypeOf(parsed)).toBe(Object.prototype);
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
  });
});
