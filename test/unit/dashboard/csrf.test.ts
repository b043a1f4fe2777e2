import { describe, expect, it } from 'vitest';
import { formToken, isFormToken, isFromElsewhere } from '../../../lambda/dashboard/csrf.ts';
import { HOUR_MS } from '../../../lambda/shared/runtime/durations.ts';

const NOW = Date.parse('2026-03-15T12:00:00Z');
const BASIC = Buffer.from('dashboard:secret');
const PATH = '/jobs/1/outputs/2';

describe('a form token', () => {
  const token = formToken(BASIC, PATH, NOW);

  it('is valid for its credentials and path, for at least twelve hours', () => {
    expect(isFormToken(token, BASIC, PATH, NOW)).toBe(true);
    expect(isFormToken(token, BASIC, PATH, NOW + 12 * HOUR_MS)).toBe(true);
  });

  it.each([
    ['other credentials', Buffer.from('dashboard:other'), PATH, NOW],
    ['another output', BASIC, '/jobs/1/outputs/3', NOW],
    ['another day', BASIC, PATH, NOW + 24 * HOUR_MS],
  ])('is invalid for %s', (_, basic, path, now) => {
    expect(isFormToken(token, basic, path, now)).toBe(false);
  });

  it.each(['', 'x', `${token}x`, token.slice(1)])('is invalid as %j', (wrong) => {
    expect(isFormToken(wrong, BASIC, PATH, NOW)).toBe(false);
  });

  it('does not contain the credentials', () => {
    expect(token).toMatch(/^[\w-]{43}$/);
    expect(Buffer.from(token, 'base64url').includes('secret')).toBe(false);
  });
});

describe('isFromElsewhere', () => {
  const HOST = '127.0.0.1:3000';

  it.each([
    ['of a browser, from a page without referrer', 'null', 'same-origin'],
    ['of a browser, from a page of the same host', `http://${HOST}`, 'same-origin'],
    ['of an old browser', `https://${HOST}`, undefined],
    ['of a script', undefined, undefined],
  ])('is false for %s', (_, origin, fetchSite) => {
    expect(isFromElsewhere({ origin, fetchSite }, HOST)).toBe(false);
  });

  it.each([
    ['of another site', 'https://evil.example', 'cross-site'],
    ['of another site in an old browser', 'https://evil.example', undefined],
    ['of a sandboxed frame', 'null', 'cross-site'],
    ['of a neighbour', 'null', 'same-site'],
    ['with an origin that is none', 'nonsense', undefined],
  ])('is true for %s', (_, origin, fetchSite) => {
    expect(isFromElsewhere({ origin, fetchSite }, HOST)).toBe(true);
  });
});
