import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RetryNotQueued } from '../../../lambda/dashboard/actions.ts';
import { aDashboard, basic, ORIGIN, type TestDashboard } from '../../support/dashboard.ts';
import { gone, recovered, textOf, waiting } from '../../support/dashboard-data.ts';
import { NOW } from '../../support/ledger-data.ts';
import { startLedger, type TestLedger } from '../../support/ledger-table.ts';

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await startLedger();
});
afterAll(() => ledger.close());

/** By the operator of the tests, at the time at which their clock stands. */
const REQUESTED = { by: 'operator dashboard', at: NOW };

type Output = { readonly jobId: string; readonly outputId: string };

function recordOf({ jobId, outputId }: Output): string {
  return `/jobs/${jobId}/outputs/${outputId}`;
}

/** The fields of the first *Retry now* form of a record. */
async function formOf(dashboard: TestDashboard, output: Output): Promise<Record<string, string>> {
  const html = await (await dashboard.get(recordOf(output))).text();
  const form = /<form class="actions" method="post"[\s\S]*?<\/form>/.exec(html)?.[0] ?? '';
  return Object.fromEntries(
    [...form.matchAll(/name="(\w+)" value="([^"]*)"/g)].map(([, name = '', value = '']) => [name, value]),
  );
}

describe('Retry now', () => {
  it.each(['lost', 'failed'] as const)('queues a retry of a %s file', async (state) => {
    const record = await gone(ledger, state);
    const dashboard = aDashboard(ledger);
    const form = await formOf(dashboard, record);
    const response = await dashboard.post(`${recordOf(record)}/retry`, form);
    const { jobId, outputId, role, fileId } = record;
    expect(dashboard.retries).toEqual([{ jobId, outputId, role, fileId, requested: REQUESTED }]);
    expect(response.status).toBe(303);
    const next = await dashboard.get(response.headers.get('location') ?? '');
    expect(textOf(await next.text())).toContain('Retry requested');
  });

  it('is shown in the history of the file and in the API, by whom and when', async () => {
    const record = await gone(ledger, 'lost');
    await ledger.recoveries.noteRetry(record, { by: 'operator <b>', at: NOW });
    const { get } = aDashboard(ledger);
    const page = textOf(await (await get(recordOf(record))).text());
    const time = new Date(NOW).toISOString();
    expect(page).toContain(`Retried by operator <b> at ${time.slice(0, 16).replace('T', ' ')} UTC`);
    const job: unknown = await (await get(`/api/jobs/${record.jobId}`)).json();
    expect(job).toMatchObject({
      outputs: [{ recoveries: [{ retries: [{ by: 'operator <b>', at: time }] }] }],
    });
  });

  it('is offered for a file that waits for its next attempt', async () => {
    const record = await waiting(ledger);
    const dashboard = aDashboard(ledger);
    await dashboard.post(`${recordOf(record)}/retry`, await formOf(dashboard, record));
    expect(dashboard.retries).toHaveLength(1);
  });

  it.each(['/retry', '/sign-in'])('refuses a broken multipart form at %s as a bad request', async (path) => {
    const record = await gone(ledger, 'lost');
    const { request, retries } = aDashboard(ledger);
    const response = await request(path === '/retry' ? `${recordOf(record)}/retry` : path, {
      method: 'POST',
      body: '--b\r\ncontent-disposition: form-data; name="token"\r\n\r\nwithout an end',
      headers: { authorization: basic(), 'content-type': 'multipart/form-data; boundary=b' },
    });
    expect(response.status).toBe(400);
    expect(retries).toEqual([]);
  });

  it('queues the whole output when no file is given', async () => {
    const record = await gone(ledger, 'lost', { file: { name: 'a.mp4' } });
    await gone(ledger, 'lost', { ...record, file: { name: 'b.mp4' } });
    const dashboard = aDashboard(ledger);
    const form = await formOf(dashboard, record);
    expect(Object.keys(form)).toEqual(['token']);
    await dashboard.post(`${recordOf(record)}/retry`, form);
    expect(dashboard.retries).toEqual([
      { jobId: record.jobId, outputId: record.outputId, requested: REQUESTED },
    ]);
  });

  it('does nothing for a recovered file', async () => {
    const done = await recovered(ledger);
    const lost = await gone(ledger, 'lost', { ...done, file: { name: 'lost.mp4' } });
    const { token } = await formOf(aDashboard(ledger), lost);
    const dashboard = aDashboard(ledger);
    const { role, fileId } = done;
    const response = await dashboard.post(`${recordOf(done)}/retry`, { token: token ?? '', role, fileId });
    expect(dashboard.retries).toEqual([]);
    expect(response.headers.get('location')).toBe(`${recordOf(done)}?retry=nothing`);
  });

  it('is offered only for waiting files without an API key to get fresh URLs', async () => {
    const without = aDashboard(ledger, { hasApiKey: false });
    const lost = await gone(ledger, 'lost');
    const page = textOf(await (await without.get(recordOf(lost))).text());
    expect(page).not.toContain('Retry now');
    expect(page).toContain('no API key is configured: set zencoderApiKeySecretArn');
    const { token = '' } = await formOf(aDashboard(ledger), lost);
    await without.post(`${recordOf(lost)}/retry`, { token });
    expect(without.retries).toEqual([]);
    const open = await waiting(ledger);
    await without.post(`${recordOf(open)}/retry`, await formOf(without, open));
    expect(without.retries).toHaveLength(1);
  });

  it('returns 503 when the queue does not accept the message', async () => {
    const record = await gone(ledger, 'lost');
    const request = async () => {
      throw new RetryNotQueued('no');
    };
    const dashboard = aDashboard(ledger, { retries: { request } });
    const response = await dashboard.post(`${recordOf(record)}/retry`, await formOf(dashboard, record));
    expect(response.status).toBe(503);
    expect(textOf(await response.text())).toContain('Try again in a moment');
  });
});

describe('a form of another site with the browser’s credentials', () => {
  it.each([
    ['has no token', { token: '' }, {}],
    ['has a token that is made up', { token: 'a'.repeat(43) }, {}],
    ['names its own origin', {}, { origin: 'https://evil.example' }],
    ['comes cross-site, as the browser says', {}, { 'sec-fetch-site': 'cross-site' }],
  ])('is rejected when it %s', async (_, fields, headers) => {
    const record = await gone(ledger, 'lost');
    const dashboard = aDashboard(ledger);
    const form = { ...(await formOf(dashboard, record)), ...fields };
    const response = await dashboard.post(`${recordOf(record)}/retry`, form, headers);
    expect(response.status).toBe(403);
    expect(dashboard.retries).toEqual([]);
  });

  it('is rejected with the token of another output', async () => {
    const [one, other] = [await gone(ledger, 'lost'), await gone(ledger, 'lost')];
    const dashboard = aDashboard(ledger);
    const response = await dashboard.post(`${recordOf(other)}/retry`, await formOf(dashboard, one));
    expect(response.status).toBe(403);
  });

  it('is rejected when it is not form data', async () => {
    const record = await gone(ledger, 'lost');
    const dashboard = aDashboard(ledger);
    const response = await dashboard.request(`${recordOf(record)}/retry`, {
      method: 'POST',
      body: JSON.stringify(await formOf(dashboard, record)),
      headers: { authorization: basic(), origin: ORIGIN, 'content-type': 'text/plain' },
    });
    expect(response.status).toBe(403);
  });
});
