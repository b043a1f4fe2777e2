import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isAuthentic, presentedCredentials } from '../../../lambda/ingest/authenticate.ts';

const current = { username: 'zencoder', password: 'new:secret', notificationSecret: 'account-new' };
const previous = { username: 'zencoder', password: 'old-secret', notificationSecret: null };

function basic(text: string): string {
  return `Basic ${Buffer.from(text).toString('base64')}`;
}

describe('isAuthentic', () => {
  it.each([
    ['the current password', { authorization: basic('zencoder:new:secret') }],
    ['the previous password', { authorization: basic('zencoder:old-secret') }],
    ['a header name in any case', { Authorization: basic('zencoder:old-secret') }],
    ['a scheme in any case', { authorization: basic('zencoder:old-secret').replace('Basic', 'bAsIc') }],
    ["the account's own secret", { 'X-Zencoder-Notification-Secret': 'account-new' }],
    ['the secret in front of other headers', { 'x-zencoder-notification-secret': 'account-new', host: 'x' }],
    [
      'a wrong password beside the right secret',
      { authorization: basic('a:b'), 'x-zencoder-notification-secret': 'account-new' },
    ],
  ])('accepts %s', (_, headers) => {
    expect(isAuthentic(presentedCredentials(headers), [current, previous])).toBe(true);
  });

  it.each([
    ['a request without credentials', {}],
    ['an absent header', { authorization: undefined }],
    ['a wrong password', { authorization: basic('zencoder:wrong') }],
    ['a wrong user', { authorization: basic('someone:old-secret') }],
    ['the password alone', { authorization: basic('old-secret') }],
    ['the right password with an empty user', { authorization: basic(':new:secret') }],
    ['an empty account secret', { 'x-zencoder-notification-secret': '' }],
    ['the text "null" as account secret', { 'x-zencoder-notification-secret': 'null' }],
    ['the secret in another header', { 'x-secret': 'account-new' }],
    ['a bearer token', { authorization: 'Bearer account-new' }],
    ['credentials that are not Base64', { authorization: 'Basic zencoder:old-secret' }],
  ])('rejects %s', (_, headers) => {
    expect(isAuthentic(presentedCredentials(headers), [current, previous])).toBe(false);
  });

  it('rejects every request when no credentials are configured', () => {
    expect(isAuthentic(presentedCredentials({ authorization: basic(':') }), [])).toBe(false);
  });

  it('accepts exactly the configured user and password, in any characters', () => {
    const word = fc.string({ minLength: 1, unit: 'binary' }).filter((text) => text.isWellFormed());
    const username = word.filter((text) => !text.includes(':'));
    fc.assert(
      fc.property(username, word, word, (user, password, other) => {
        const accepted = [{ username: user, password, notificationSecret: null }];
        expect(
          isAuthentic(presentedCredentials({ authorization: basic(`${user}:${password}`) }), accepted),
        ).toBe(true);
        expect(
          isAuthentic(presentedCredentials({ authorization: basic(`${user}:${other}`) }), accepted),
        ).toBe(other === password);
      }),
    );
  });
});
