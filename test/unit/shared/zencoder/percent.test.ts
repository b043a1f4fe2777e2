import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeBytes, decodeText } from '../../../../lambda/shared/zencoder/percent.ts';

/** Text, whole escapes of any byte, and what only looks like an escape. */
const paths = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.string({ unit: 'grapheme' }).map(encodeURIComponent),
      fc.nat(255).map((byte) => `%${byte.toString(16).padStart(2, '0')}`),
      fc.constantFrom('%', '%2', '%g0', '%F', '%25', '%C3', '%A9', '/'),
    ),
  )
  .map((pieces) => pieces.join(''));

/** The expected text, by the language's own decoding of each run of escapes. */
function decodeRuns(path: string): string {
  return path.replace(/(?:%[0-9a-f]{2})+/gi, (escapes) => {
    try {
      return decodeURIComponent(escapes);
    } catch {
      return escapes;
    }
  });
}

describe('decodeBytes', () => {
  it('returns the bytes that a path was escaped from', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const path = Array.from(bytes, (byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
        expect([...decodeBytes(path)]).toEqual([...bytes]);
      }),
    );
  });

  it.each(['%', '%2', '%zz', '100%/a', '%%', 'a+b'])('leaves %s as it is', (path) => {
    expect(decodeBytes(path).toString()).toBe(path);
  });
});

describe('decodeText', () => {
  it('decodes each run of escapes that is UTF-8, and leaves the others', () => {
    fc.assert(
      fc.property(paths, (path) => {
        expect(decodeText(path)).toBe(decodeRuns(path));
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    ['%E2%82%AC', '€'],
    ['%ffa%2Fb', '%ffa/b'],
    ['%C3%A9%C3', '%C3%A9%C3'],
    ['%EF%BB%BFa', '\ufeffa'],
  ])('decodes %s to %j', (path, text) => {
    expect(decodeText(path)).toBe(text);
  });
});
