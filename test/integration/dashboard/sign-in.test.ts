import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HOUR_MS, MINUTE_MS } from '../../../lambda/shared/runtime/durations.ts';
import {
  aDashboard,
  anAddress,
  basic,
  CREDENTIALS,
  type TestDashboard,
  VIEWER,
} from '../../support/dashboard.ts';
import { recovered, textOf, waiting } from '../../support/dashboard-data.ts';
import { NOW } from '../../support/ledger-data.ts';
import { startLedger, type TestLedger } from '../../support/ledger-table.ts';

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await startLedger();
});
afterAll(() => ledger.close());

/** A browser without a script: cookies and forms. */
function aBrowser(dashboard: TestDashboard, address = anAddress()) {
  const jar = new Map<string, string>();
  const send = async (
    path: string,
    init: {
      readonly headers?: Record<string, string>;
      readonly method?: string;
      readonly body?: URLSearchParams;
    } = {},
  ) => {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
    const headers = { 'sec-fetch-site': 'same-origin', origin: 'null', cookie, ...init.headers };
    const response = await dashboard.request(path, { ...init, headers }, address);
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (value === '') jar.delete(name);
      else jar.set(name, value);
    }
    return response;
  };
  const submit = (path: string, form: Record<string, string>, headers: Record<string, string> = {}) =>
    send(path, { method: 'POST', body: new URLSearchParams(form), headers });
  const signIn = async (
    { username, password } = CREDENTIALS,
    given: {
      readonly next?: string;
      readonly headers?: Record<string, string>;
      readonly token?: string;
    } = {},
  ) => {
    const { next = '/', headers = {} } = given;
    const page = await (await send(`/sign-in?next=${encodeURIComponent(next)}`)).text();
    const fields = { token: given.token ?? tokenIn(page, '/sign-in'), next: nextIn(page) };
    return await submit('/sign-in', { username, password, ...fields }, headers);
  };
  return { jar, send, submit, signIn };
}

function tokenIn(html: string, action: string): string {
  return (
    new RegExp(`action="${action}"[^>]*>\\s*<input type="hidden" name="token" value="([^"]*)"`).exec(
      html,
    )?.[1] ?? ''
  );
}

function nextIn(html: string): string {
  return (/name="next" value="([^"]*)"/.exec(html)?.[1] ?? '').replaceAll('&amp;', '&');
}

const SESSION = '__Host-zencoder-recovery-session';

describe('the sign-in', () => {
  it('leads to the page that was asked for, with its query', async () => {
    const browser = aBrowser(aDashboard(ledger));
    const first = await browser.send('/?host=a.example&since=7d');
    const form = await (await browser.send(first.headers.get('location') ?? '')).text();
    const response = await browser.signIn(CREDENTIALS, { next: nextIn(form) });
    expect(response.status).toBe(303);
    expect(response.headers.get('location')).toBe('/?host=a.example&since=7d');
    expect((await browser.send('/?host=a.example&since=7d')).status).toBe(200);
    expect((await browser.send('/api/failures')).status).toBe(200);
  });

  it('leads to no other host', async () => {
    const browser = aBrowser(aDashboard(ledger));
    const response = await browser.signIn(CREDENTIALS, { next: '//evil.example/' });
    expect(response.headers.get('location')).toBe('/');
    const page = await (await browser.send('/sign-in')).text();
    const fields = { token: tokenIn(page, '/sign-in'), next: 'https://evil.example/', ...CREDENTIALS };
    expect((await browser.submit('/sign-in', fields)).headers.get('location')).toBe('/');
  });

  it('sets cookies for this host alone, out of reach of scripts and forms of other sites', async () => {
    const response = await aBrowser(aDashboard(ledger)).signIn();
    const cookie = response.headers.getSetCookie().find((line) => line.startsWith(`${SESSION}=`)) ?? '';
    const attributes = cookie.split('; ').slice(1).toSorted();
    expect(attributes).toEqual(['HttpOnly', 'Max-Age=28800', 'Path=/', 'SameSite=Lax', 'Secure']);
    expect(cookie).not.toContain(CREDENTIALS.password);
  });

  it('shows name and role on every page', async () => {
    const browser = aBrowser(aDashboard(ledger));
    await browser.signIn(VIEWER);
    for (const path of ['/', '/errors', '/jobs/1']) {
      expect(textOf(await (await browser.send(path)).text())).toContain('Signed in as viewer (viewer)');
    }
  });

  it('refuses a wrong password on the form, keeping the page that was asked for', async () => {
    const browser = aBrowser(aDashboard(ledger));
    const response = await browser.signIn({ ...CREDENTIALS, password: 'wrong' }, { next: '/errors' });
    expect(response.status).toBe(403);
    expect(response.headers.get('www-authenticate')).toBeNull();
    const html = await response.text();
    expect(textOf(html)).toContain('The user name or the password is wrong');
    expect(nextIn(html)).toBe('/errors');
    expect(html).not.toContain('value="wrong"');
    expect(browser.jar.has(SESSION)).toBe(false);
  });

  it.each([
    ['without the token of its page', { token: '' }],
    ['from another site', { headers: { 'sec-fetch-site': 'cross-site' } }],
    ['with the origin of another site', { headers: { origin: 'https://evil.example' } }],
    ['without the cookie of its page', { headers: { cookie: '' } }],
    [
      'with the cookie of another browser',
      { headers: { cookie: `__Host-zencoder-recovery-browser=${'a'.repeat(22)}` } },
    ],
  ])('refuses a form %s', async (_, given) => {
    const browser = aBrowser(aDashboard(ledger));
    const response = await browser.signIn(CREDENTIALS, given);
    expect(response.status).toBe(403);
    expect(browser.jar.has(SESSION)).toBe(false);
  });

  it('refuses a large form unread', async () => {
    const browser = aBrowser(aDashboard(ledger));
    const response = await browser.signIn(
      { username: 'a'.repeat(20_000), password: 'b' },
      {
        headers: { 'content-length': '20100' },
      },
    );
    expect(response.status).toBe(413);
  });

  it('needs no look at the ledger or the secret to show its form', async () => {
    const fails = async () => {
      throw new Error('the secret cannot be read');
    };
    const dashboard = aDashboard(ledger, { credentials: { validVersions: fails, reload: fails } });
    expect((await dashboard.request('/sign-in')).status).toBe(200);
    expect((await aBrowser(dashboard).signIn()).status).toBe(500);
    expect(dashboard.errors).toHaveLength(1);
  });
});

describe('a session', () => {
  it('ends by the form in the header of each page', async () => {
    const browser = aBrowser(aDashboard(ledger));
    await browser.signIn();
    const token = tokenIn(await (await browser.send('/errors')).text(), '/sign-out');
    expect((await browser.submit('/sign-out', { token: 'wrong' })).status).toBe(403);
    expect((await browser.send('/errors')).status).toBe(200);
    const response = await browser.submit('/sign-out', { token });
    expect(response.headers.get('location')).toBe('/sign-in');
    expect((await browser.send('/errors')).status).toBe(303);
  });

  it('ends after eight hours, and with the version of the secret', async () => {
    const browser = aBrowser(aDashboard(ledger));
    await browser.signIn();
    const cookie = { cookie: `${SESSION}=${browser.jar.get(SESSION)}` };
    const later = aDashboard(ledger, { now: () => NOW + 8 * HOUR_MS });
    expect((await later.request('/errors', { headers: cookie })).status).toBe(303);
    const next = { operator: { ...CREDENTIALS, password: 'the-next-password' }, viewer: null };
    const rotated = aDashboard(ledger, {
      credentials: { validVersions: async () => [next], reload: async () => [next] },
    });
    expect((await rotated.request('/errors', { headers: cookie })).status).toBe(303);
  });

  it.each(['x', 'operator.1.x', `operator.${NOW + HOUR_MS}.${'a'.repeat(43)}`, 'a'.repeat(9000), '%00', '"'])(
    'is none in the cookie %j',
    async (value) => {
      const response = await aDashboard(ledger).request('/errors', {
        headers: { cookie: `${SESSION}=${value}` },
      });
      expect(response.status).toBe(303);
    },
  );

  it('is not taken without the prefix of its name', async () => {
    const browser = aBrowser(aDashboard(ledger));
    await browser.signIn();
    const cookie = `zencoder-recovery-session=${browser.jar.get(SESSION)}`;
    expect((await aDashboard(ledger).request('/errors', { headers: { cookie } })).status).toBe(303);
  });

  it('is offered no sign-out with Basic credentials, which a browser would send again', async () => {
    expect(await (await aDashboard(ledger).get('/errors')).text()).not.toContain('/sign-out');
  });
});

describe('wrong passwords', () => {
  const WRONG = { ...CREDENTIALS, password: 'wrong' };

  it('are not looked at after ten from an address in a quarter of an hour, nor is the right one', async () => {
    const dashboard = aDashboard(ledger);
    const browser = aBrowser(dashboard);
    for (let tried = 0; tried < 10; tried += 1) expect((await browser.signIn(WRONG)).status).toBe(403);
    const response = await browser.signIn();
    expect(response.status).toBe(429);
    expect(Number(response.headers.get('retry-after'))).toBeLessThanOrEqual(900);
    expect(textOf(await response.text())).toContain('Too many wrong passwords');
    expect(dashboard.counted).toEqual([
      ...Array.from({ length: 10 }, () => ['refusedSignIns', 'wrong']),
      ['refusedSignIns', 'throttled'],
    ]);
    expect((await aBrowser(dashboard).signIn()).status).toBe(303);
  });

  it('are counted by Basic as by the form', async () => {
    const dashboard = aDashboard(ledger);
    const authorization = basic(WRONG);
    for (let tried = 0; tried < 10; tried += 1) await dashboard.get('/api/failures', { authorization });
    const response = await dashboard.get('/api/failures');
    expect(response.status).toBe(429);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    expect(response.headers.has('retry-after')).toBe(true);
  });

  it('end no session', async () => {
    const dashboard = aDashboard(ledger);
    const address = anAddress();
    const [owner, other] = [aBrowser(dashboard, address), aBrowser(dashboard, address)];
    await owner.signIn();
    for (let tried = 0; tried < 11; tried += 1) await other.signIn(WRONG);
    expect((await owner.send('/errors')).status).toBe(200);
  });

  it('of others at an address keep no browser out that has signed in before', async () => {
    const dashboard = aDashboard(ledger);
    const address = anAddress();
    const [owner, other] = [aBrowser(dashboard, address), aBrowser(dashboard, address)];
    await owner.signIn();
    for (let tried = 0; tried < 11; tried += 1) await other.signIn(WRONG);
    expect((await other.signIn()).status).toBe(429);
    expect((await owner.signIn()).status).toBe(303);
  });

  it('are forgotten with the next quarter of an hour', async () => {
    const address = anAddress();
    for (let tried = 0; tried < 11; tried += 1) await aBrowser(aDashboard(ledger), address).signIn(WRONG);
    const now = () => NOW + 15 * MINUTE_MS;
    const later = aDashboard(ledger.at(now()), { now });
    expect((await aBrowser(later, address).signIn()).status).toBe(303);
  });
});

describe('a viewer', () => {
  it('sees every page and the API, without forms to retry and links to download', async () => {
    const { jobId, outputId } = await waiting(ledger);
    const done = await recovered(ledger);
    const dashboard = aDashboard(ledger);
    const get = async (path: string, user = VIEWER) =>
      await dashboard.get(path, { authorization: basic(user) });
    for (const path of ['/', '/errors', `/jobs/${jobId}`, '/api/failures', `/api/jobs/${jobId}`]) {
      expect((await get(path)).status).toBe(200);
    }
    const records = [`/jobs/${jobId}/outputs/${outputId}`, `/jobs/${done.jobId}/outputs/${done.outputId}`];
    for (const path of records) {
      const html = await (await get(path)).text();
      expect(html).not.toMatch(/\/retry"|\/download"/);
      expect(textOf(html)).toContain('Sign in as an operator');
      expect(await (await get(path, CREDENTIALS)).text()).toMatch(/\/retry"|\/download"/);
    }
  });

  it('gets a 403 with the reason for a retry and for a download', async () => {
    const { jobId, outputId } = await waiting(ledger);
    const { role, fileId, ...done } = await recovered(ledger);
    const dashboard = aDashboard(ledger);
    const authorization = basic(VIEWER);
    const responses = [
      await dashboard.post(`/jobs/${jobId}/outputs/${outputId}/retry`, { token: 'x' }, { authorization }),
      await dashboard.get(`/jobs/${done.jobId}/outputs/${done.outputId}/files/${role}/${fileId}/download`, {
        authorization,
      }),
    ];
    for (const response of responses) {
      expect(response.status).toBe(403);
      expect(textOf(await response.text())).toContain('viewer is a viewer, who sees every page');
    }
    expect(dashboard.retries).toEqual([]);
  });
});
