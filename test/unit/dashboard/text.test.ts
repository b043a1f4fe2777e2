import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { revealInvisible, s3Console, withQuery } from '../../../lambda/dashboard/text.ts';

describe('s3Console', () => {
  it('encodes a key with any characters as one parameter', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (key) => {
        const link = new URL(s3Console('eu-central-1', 'my-bucket', key));
        expect(link.host).toBe('eu-central-1.console.aws.amazon.com');
        expect(link.searchParams.get('prefix')).toBe(key.toWellFormed());
      }),
    );
  });
});

describe('s3Console in another partition', () => {
  it.each([
    ['us-east-1', 'us-east-1.console.aws.amazon.com'],
    ['cn-northwest-1', 'cn-northwest-1.console.amazonaws.cn'],
    ['us-gov-west-1', 'us-gov-west-1.console.amazonaws-us-gov.com'],
  ])('leads from %s to %s', (region, host) => {
    expect(new URL(s3Console(region, 'my-bucket', 'a/b.mp4')).host).toBe(host);
  });
});

describe('withQuery', () => {
  it('omits parameters without a value', () => {
    expect(withQuery('/', { error: undefined, host: '', state: 'lost', since: '7d' })).toBe(
      '/?state=lost&since=7d',
    );
    expect(withQuery('/', {})).toBe('/');
  });
});

describe('revealInvisible', () => {
  it.each([
    ['an override that turns the rest around', 'evil\u202egpj.exe', 'evil[U+202E]gpj.exe'],
    ['an isolate', 'a\u2066b\u2069c', 'a[U+2066]b[U+2069]c'],
    ['a zero-width space', 'pay\u200bpal', 'pay[U+200B]pal'],
    ['a control character', 'a\u0007b\u001b[31m', 'a[U+0007]b[U+001B][31m'],
    ['a line separator', 'a\u2028b', 'a[U+2028]b'],
    ['half a character', 'a\ud800b', 'a[U+D800]b'],
    ['a tag character', 'a\u{e0041}b', 'a[U+E0041]b'],
    ['a blank letter', 'a\u3164b', 'a[U+3164]b'],
  ])('spells out %s', (_, text, expected) => {
    expect(revealInvisible(text)).toBe(expected);
  });

  it.each(['Größe 日本語 עברית 🎬', 'two\nlines\tand a tab', 's3://acme/ep-1/hd.mp4'])(
    'leaves %j as it is',
    (text) => {
      expect(revealInvisible(text)).toBe(text);
    },
  );

  it('leaves no invisible character and is idempotent', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const shown = revealInvisible(text);
        expect(shown).not.toMatch(/[\p{Cf}\p{Cs}]|(?![\t\n])\p{Cc}/u);
        expect(revealInvisible(shown)).toBe(shown);
      }),
    );
  });
});
