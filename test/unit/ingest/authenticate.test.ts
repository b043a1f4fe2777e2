import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isAuthentic, presentedCredentials } from '../../../lambda/ingest/authenticate.ts';

const current = { username: 'zencoder', password: 'new:secret', notificationSecret: 'account-new' };
const previous = { username: 'zencoder', password: 'old-secret', notificationSecret: null };

function basic(text: string): string {
  return `Basic ${Buffer.from(text).toString('base64')}`;
}

describe('who is let in', () => {
  it.each([
    ['the current password', { authorization: basic('zencoder:new:secret') }],
    ['the previous password', { authorization: basic('zencoder:old-secret') }],
    ['a header name in any case', { Authorization: basic('zencoder:old-secret') }],
    ['a scheme in any case', { authorization: basic('zencoder:old-secret').replace('Basic', 'bAsIc') }],
    ["the account's own secret", { 'X-Zencoder-Notification-Secret': 'account-new' }],
    ['the secret, whatever header follows', { 'x-zencoder-notification-secret': 'account-new', host: 'x' }],
    ['one of both', { authorization: basic('a:b'), 'x-zencoder-notification-secret': 'account-new' }],
  ])('%s', (_, headers) => {
    expect(isAuthentic(presentedCredentials(headers), [current, previous])).toBe(true);
  });

  it.each([
    ['nothing', {}],
    ['an absent header', { authorization: undefined }],
    ['a wrong password', { authorization: basic('zencoder:wrong') }],
    ['a wrong user', { authorization: basic('someone:old-secret') }],
    ['the password alone', { authorization: basic('old-secret') }],
    ['the password of one with the user of none', { authorization: basic(':new:secret') }],
    ['an empty account secret', { 'x-zencoder-notification-secret': '' }],
    ['the text "null" as account secret', { 'x-zencoder-notification-secret': 'null' }],
    ['the secret in another header', { 'x-secret': 'account-new' }],
    ['a token', { authorization: 'Bearer account-new' }],
    ['no Base64', { authorization: 'Basic zencoder:old-secret' }],
  ])('not %s', (_, headers) => {
    expect(isAuthentic(presentedCredentials(headers), [current, previous])).toBe(false);
  });

  it('nobody when there are no credentials', () => {
    expect(isAuthentic(presentedCredentials({ authorization: basic(':') }), [])).toBe(false);
  });

  it('whoever has exactly the user and the password, in any characters', () => {
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
