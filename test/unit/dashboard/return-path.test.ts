import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { returnPath, signInPath } from '../../../lambda/dashboard/return-path.ts';

const ORIGIN = 'https://dashboard.example';
const PAGE = /^\/(?:errors|jobs(?:\/[A-Za-z0-9]+)*)?$/;

describe('returnPath', () => {
  it.each(['/', '/errors', '/jobs/17', '/jobs/17/outputs/4?files=2', '/?host=a%2Fb&since=7d'])(
    'keeps the page %s',
    (path) => {
      expect(returnPath(path)).toBe(path);
    },
  );

  it.each([
    ...['//evil.example', '/\\evil.example', '\\\\evil.example', 'https://evil.example/', '/\t/evil.example'],
    ...['/jobs/..//evil.example', '/.//evil.example', '/jobs/%2e%2e//evil.example', 'javascript:alert(1)'],
    ...[
      '/api/failures',
      '/sign-out',
      '/sign-in?next=/',
      '',
      'errors',
      '/@evil.example',
      `/?a=${'b'.repeat(2000)}`,
    ],
  ])('leads from %j to the overview', (text) => {
    expect(returnPath(text)).toBe('/');
  });

  it('leads to a page of the dashboard, whatever is given', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        '/',
        '//',
        '\\',
        '..',
        '.',
        '%2e',
        '%2f',
        '@',
        ':',
        '?',
        '#',
        '\t',
        '\n',
        ' ',
        'jobs',
        'errors',
      ),
      fc.constantFrom('evil.example', 'https:', 'javascript:', '\u2215', '\uff0f', '\ud800', '17'),
      fc.string({ unit: 'binary', maxLength: 4 }),
    );
    const text = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(fc.oneof(text, fc.webUrl()), fc.boolean(), (given, isRooted) => {
        const next = returnPath(isRooted ? `/${given}` : given);
        expect(next).toMatch(/^\/(?![/\\])[\x21-\x7e]*$/);
        const url = new URL(next, ORIGIN);
        expect(url.origin).toBe(ORIGIN);
        expect(url.pathname).toMatch(PAGE);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('signInPath', () => {
  it('stays far below the 10,240 bytes that API Gateway takes', () => {
    const queries = [1000, 1990, 1997, 5000].map((length) => `/?${'%'.repeat(length)}`);
    for (const path of queries) expect(signInPath(path).length).toBeLessThan(6_100);
    expect(signInPath(queries[1] ?? '').length).toBeGreaterThan(1_990);
  });

  it('carries the page as one parameter', () => {
    expect(signInPath('/?host=a&since=7d')).toBe('/sign-in?next=%2F%3Fhost%3Da%26since%3D7d');
    expect(signInPath('/nowhere')).toBe('/sign-in');
  });
});
