import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matchesArn, matchesWildcard } from '../../../../../infra/local/aws/iam/wildcard.ts';

const letters = fc.string({ unit: fc.constantFrom('a', 'b', ':', '/', '.'), maxLength: 12 });
const patterns = fc.string({ unit: fc.constantFrom('a', 'b', ':', '/', '.', '*', '?'), maxLength: 12 });

describe('matchesWildcard', () => {
  it('says what a regular expression of the same meaning says', () => {
    fc.assert(
      fc.property(patterns, letters, (pattern, text) => {
        const source = pattern
          .split('')
          .map((each) => (each === '*' ? '.*' : each === '?' ? '.' : each.replace(/[./]/, '\\$&')))
          .join('');
        expect(matchesWildcard(pattern, text)).toBe(new RegExp(`^${source}$`).test(text));
      }),
    );
  });

  it('matches any text with an asterisk in place of any piece of it', () => {
    fc.assert(
      fc.property(letters, letters, letters, (before, piece, after) => {
        expect(matchesWildcard(`${before}*${after}`, before + piece + after)).toBe(true);
      }),
    );
  });

  it('distinguishes upper and lower case', () => {
    expect(matchesWildcard('arn:aws:s3:::Bucket', 'arn:aws:s3:::bucket')).toBe(false);
  });

  it('needs no time that grows with a power of the length', () => {
    // A backtracking expression of this pattern would not end.
    expect(matchesWildcard(`${'*a'.repeat(500)}b`, 'a'.repeat(5000))).toBe(false);
  });
});

describe('matchesArn', () => {
  it('compares each part on its own', () => {
    expect(matchesArn('arn:aws:sns:*:1:topic', 'arn:aws:sns:eu-west-1:1:topic')).toBe(true);
    expect(matchesArn('arn:aws:sns:*:topic', 'arn:aws:sns:eu-west-1:1:topic')).toBe(false);
    expect(matchesArn('arn:aws:cloudwatch:r:1:alarm:*', 'arn:aws:cloudwatch:r:1:alarm:a:b')).toBe(true);
  });
});
