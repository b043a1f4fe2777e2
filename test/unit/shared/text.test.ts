import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { composed } from '../../../lambda/shared/text.ts';

describe('composed', () => {
  it('is the form C of Unicode for any text that people write', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(composed(text)).toBe(text.normalize('NFC'));
      }),
    );
    expect(composed('e\u0301\u0323')).toBe('\u1eb9\u0301');
  });

  it('keeps no more than 30 marks on one letter, and what follows them', () => {
    const marks = '\u0316'.repeat(30);
    expect(composed(`a${marks}${'\u0301\u0316'.repeat(1000)}b`)).toBe(`a${marks}b`);
  });

  it('has no half of a character', () => {
    expect(composed('a\ud83d')).toBe('a\ufffd');
  });
});
