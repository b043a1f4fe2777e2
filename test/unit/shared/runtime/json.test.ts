import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { NotJson, parseJson } from '../../../../lambda/shared/runtime/json.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

describe('parseJson', () => {
  it('keeps every digit of whole numbers beyond 2^53, as text', () => {
    expect(parseJson('{"id":9007199254740993,"ids":[18446744073709551615,-9007199254740993]}')).toEqual({
      id: '9007199254740993',
      ids: ['18446744073709551615', '-9007199254740993'],
    });
    expect(parseJson('9007199254740993')).toBe('9007199254740993');
  });

  it('keeps all other numbers', () => {
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

  it('keeps strings and names with any content', () => {
    const content = fc.string({
      unit: fc.constantFrom('"', '\\', '[', '{', ':', ',', ' ', '9007199254740993', '-'),
    });
    fc.assert(
      fc.property(content, content, (name, value) => {
        expect(parseJson(JSON.stringify({ [name]: value }))).toEqual({ [name]: value });
      }),
    );
  });

  it('rejects exactly what JSON.parse rejects', () => {
    const piece = fc.constantFrom(
      '"',
      '\\',
      '[',
      ']',
      '{',
      '}',
      ':',
      ',',
      ' ',
      '12345678901234567',
      '0',
      '-',
      '.5',
      'e1',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const text = pieces.join('');
        expect(
          isRejected(() => parseJson(text)),
          text,
        ).toBe(isRejected(() => JSON.parse(text)));
      }),
      { numRuns: 2000 },
    );
  });

  it('passes JSON.parse the text alone, without a reviver that is called for each value', () => {
    const parse = vi.spyOn(JSON, 'parse');
    parseJson('[9007199254740993,1]');
    expect(parse.mock.calls).toEqual([['["9007199254740993",1]']]);
  });

  it('reads lists and objects a hundred levels deep, and rejects deeper ones before it parses', () => {
    const deep = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`;
    expect(parseJson(deep(100))).toEqual(JSON.parse(deep(100)));
    const parse = vi.spyOn(JSON, 'parse');
    expect(() => parseJson(deep(101))).toThrow('the text is nested deeper than 100 levels');
    expect(() => parseJson('{"a":'.repeat(101))).toThrow(NotJson);
    expect(parse).not.toHaveBeenCalled();
  });

  it('rejects more values than the limit before it parses', () => {
    expect(parseJson('{"a":[1,2],"b":{}}', { values: 5 })).toEqual({ a: [1, 2], b: {} });
    const parse = vi.spyOn(JSON, 'parse');
    expect(() => parseJson('[1,2,3,4,5,6]', { values: 5 })).toThrow('the text holds more than 5 values');
    expect(() => parseJson('[{},{},{}]', { values: 5 })).toThrow(NotJson);
    expect(parse).not.toHaveBeenCalled();
  });

  it.each([
    '',
    '{',
    'x',
    '{"a":1,}',
    '<xml/>',
    `${'['.repeat(200_000)}9007199254740993${']'.repeat(200_000)}`,
  ])('rejects text that is not JSON or nested too deep (case %#)', (text) => {
    expect(() => parseJson(text)).toThrow(NotJson);
  });

  it('does not change the prototype of objects', () => {
    const parsed = parseJson('{"__proto__":{"polluted":9007199254740993}}');
    expect(Object.getPrototypeOf(parsed)).toBe(Object.prototype);
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
  });
});

function isRejected(parse: () => unknown): boolean {
  try {
    parse();
    return false;
  } catch {
    return true;
  }
}
