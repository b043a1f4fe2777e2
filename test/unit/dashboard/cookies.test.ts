import { Hono } from 'hono';
import { describe, expect, it } from 'vitest';
import { readCookie, SESSION_COOKIE, writeCookie } from '../../../lambda/dashboard/cookies.ts';

const app = new Hono();
app.get('/write', (context) => {
  writeCookie(context, SESSION_COOKIE, 'value', 60_000);
  return context.text('');
});
app.get('/read', (context) => context.text(readCookie(context, SESSION_COOKIE) ?? 'none'));

async function written(host: string): Promise<string> {
  return (await app.request(`https://${host}/write`)).headers.get('set-cookie') ?? '';
}

async function read(host: string, name: string): Promise<string> {
  return await (await app.request(`https://${host}/read`, { headers: { cookie: `${name}=value` } })).text();
}

describe('a cookie', () => {
  it.each(['localhost:3000', '127.0.0.1:3000', '127.1.2.3', '[::1]:3000'])(
    'is neither Secure nor prefixed on the loopback address %s, which has no TLS',
    async (host) => {
      expect(await written(host)).toBe(`${SESSION_COOKIE}=value; Max-Age=60; Path=/; HttpOnly; SameSite=Lax`);
      expect(await read(host, SESSION_COOKIE)).toBe('value');
    },
  );

  it.each([
    ...['abc.execute-api.eu-central-1.amazonaws.com', 'dashboard.example', '10.0.0.1', '192.0.2.127'],
    ...['localhost.evil.example', '127.0.0.1.evil.example', 'notlocalhost', '[::2]', '[::ffff:7f00:1]'],
  ])('is Secure and prefixed for the host %s, and not read without the prefix', async (host) => {
    expect(await written(host)).toBe(
      `__Host-${SESSION_COOKIE}=value; Max-Age=60; Path=/; HttpOnly; Secure; SameSite=Lax`,
    );
    expect(await read(host, SESSION_COOKIE)).toBe('none');
    expect(await read(host, `__Host-${SESSION_COOKIE}`)).toBe('value');
  });
});
