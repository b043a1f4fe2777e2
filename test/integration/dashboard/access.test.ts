import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aDashboard, basic, CREDENTIALS, SECRET } from '../../support/dashboard.ts';
import { waiting } from '../../support/dashboard-data.ts';
import { startLedger, type TestLedger } from '../../support/ledger-table.ts';

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await startLedger();
});
afterAll(() => ledger.close());

const PREVIOUS = { operator: { username: 'dashboard', password: 'the-one-before' }, viewer: null };
const PAGES = ['/', '/errors', '/jobs/1', '/nowhere'];
const PATHS = [...PAGES, '/api/failures', '/api/nothing', '/assets/x.css'];
const WRONG = [
  'Bearer abc',
  'Basic !!!',
  basic({ ...CREDENTIALS, password: 'wrong' }),
  basic({ ...CREDENTIALS, username: 'zencoder' }),
  basic({ ...CREDENTIALS, password: `${CREDENTIALS.password}x` }),
];

describe('the dashboard without valid credentials', () => {
  it.each([...PAGES, '/api/failures', '/api/nothing'])(
    'returns 401 with a challenge for wrong ones at %s',
    async (path) => {
      const { request } = aDashboard(ledger);
      for (const authorization of WRONG) {
        const response = await request(path, { headers: { authorization } });
        expect(response.status).toBe(401);
        expect(response.headers.get('www-authenticate')).toMatch(/^Basic realm=/);
      }
    },
  );

  it.each([
    ['/', '/sign-in'],
    ['/errors', '/sign-in?next=%2Ferrors'],
    ['/?host=a.example&since=7d', '/sign-in?next=%2F%3Fhost%3Da.example%26since%3D7d'],
    ['/jobs/1/outputs/2', '/sign-in?next=%2Fjobs%2F1%2Foutputs%2F2'],
    ['/nowhere', '/sign-in'],
  ])('leads from the page %s to %s', async (path, location) => {
    const response = await aDashboard(ledger).request(path);
    expect(response.status).toBe(303);
    expect(response.headers.get('location')).toBe(location);
  });

  it('accepts no retry', async () => {
    const { jobId, outputId } = await waiting(ledger);
    const { request, retries } = aDashboard(ledger);
    const response = await request(`/jobs/${jobId}/outputs/${outputId}/retry`, { method: 'POST' });
    expect(response.headers.get('location')).toBe(
      `/sign-in?next=${encodeURIComponent(`/jobs/${jobId}/outputs/${outputId}`)}`,
    );
    expect(retries).toEqual([]);
  });

  it('returns a problem document from the API', async () => {
    const response = await aDashboard(ledger).request('/api/failures');
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    expect(await response.json()).toMatchObject({ status: 401, title: 'Unauthorized' });
  });
});

describe('the dashboard during a rotation of its secret', () => {
  it('accepts the current and the previous version', async () => {
    const validVersions = async () => [SECRET, PREVIOUS];
    const { get } = aDashboard(ledger, { credentials: { validVersions, reload: async () => null } });
    expect((await get('/errors')).status).toBe(200);
    expect((await get('/errors', { authorization: basic(PREVIOUS.operator) })).status).toBe(200);
  });

  it('reloads once for a version newer than the cached ones', async () => {
    let asked = 0;
    const reload = async () => {
      asked += 1;
      return [SECRET];
    };
    const { get } = aDashboard(ledger, {
      credentials: { validVersions: async () => [PREVIOUS], reload },
    });
    expect((await get('/errors')).status).toBe(200);
    expect(asked).toBe(1);
  });
});

describe('every response of the dashboard', () => {
  const responses = async () => {
    const { get, request } = aDashboard(ledger);
    return await Promise.all([...PATHS.map((path) => get(path)), request('/')]);
  };

  it('forbids inline scripts, inline styles and other sites', async () => {
    for (const response of await responses()) {
      const policy = response.headers.get('content-security-policy') ?? '';
      expect(policy).toMatch(/^default-src 'none';/);
      expect(policy).not.toMatch(/unsafe|\*|https?:/);
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).toContain("form-action 'self'");
      expect(response.headers.get('x-content-type-options')).toBe('nosniff');
      expect(response.headers.get('referrer-policy')).toBe('no-referrer');
      expect(response.headers.get('strict-transport-security')).toMatch(/^max-age=\d{8}/);
    }
  });

  it('is never cached', async () => {
    for (const response of await responses()) expect(response.headers.get('cache-control')).toBe('no-store');
  });
});

describe('assets of the dashboard', () => {
  it('are named by their content hash and cached as immutable', async () => {
    const { get } = aDashboard(ledger);
    const page = await (await get('/errors')).text();
    const paths = [...page.matchAll(/(?:href|src)="(\/assets\/[^"]+)"/g)].map(([, path = '']) => path);
    expect(paths).toHaveLength(2);
    for (const path of paths) {
      const response = await get(path);
      expect(response.status).toBe(200);
      expect(response.headers.get('cache-control')).toBe('private, max-age=31536000, immutable');
      expect(response.headers.get('content-type')).toMatch(/^text\/(css|javascript); charset=utf-8$/);
    }
  });

  it('are all that a page loads, nothing inline and nothing from other sites', async () => {
    const page = await (await aDashboard(ledger).get('/')).text();
    expect(page.match(/<script[^>]*>/g)).toEqual([expect.stringContaining('src="/assets/')]);
    expect(page).not.toMatch(/<style|<img|<iframe|\son\w+=|\sstyle=/);
    expect(page).not.toMatch(/<link[^>]*href="(?!\/assets\/|data:image\/svg)/);
  });
});

it('the dashboard logs an internal error and does not show it', async () => {
  const broken = ledger.with({ tableName: 'no-such-table' });
  const { get, errors } = aDashboard(broken);
  const page = await get('/');
  expect(page.status).toBe(500);
  expect(await page.text()).not.toMatch(/no-such-table|ResourceNotFound/);
  const api = await get('/api/errors');
  expect(await api.json()).toMatchObject({ status: 500, title: 'Something went wrong' });
  expect(errors).toHaveLength(2);
});
