import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keyIn } from '../../../../lambda/shared/zencoder/api-key.ts';

describe('keyIn', () => {
  it('reads a secret that is the key itself or JSON with "apiKey"', () => {
    expect(keyIn('f00dbabe')).toBe('f00dbabe');
    expect(keyIn('f00dbabe\n')).toBe('f00dbabe');
    expect(keyIn('{"apiKey": "f00dbabe"}')).toBe('f00dbabe');
  });

  it.each([
    '',
    ' ',
    '{}',
    '{"key": "f00dbabe"}',
    '{"apiKey": ""}',
    '{"apiKey": 1}',
    'two words',
    'line\nbreak',
  ])('returns null for %j', (text) => {
    expect(keyIn(text)).toBeNull();
  });

  it('returns only keys that can be sent as a header', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const key = keyIn(text);
        if (key !== null) expect(() => new Headers({ 'zencoder-api-key': key })).not.toThrow();
      }),
    );
  });
});
