import { expect, test } from 'vitest';
import { type ApiState, RateLimit, respond } from '../../../../infra/local/zencoder/api.ts';
import type { Job } from '../../../../infra/local/zencoder/job.ts';
import { newJob } from '../../../../infra/local/zencoder/job.ts';

const NOW = Date.parse('2026-03-14T10:00:00Z');
const FULL = 'full-key';
const READ_ONLY = 'read-only-key';

test('respond lists jobs newest first, at most 50 per page', () => {
  const state = account(jobs(120));

  const first = ids(get('/api/v2/jobs?per_page=100', state));
  const third = ids(get('/api/v2/jobs?page=3', state));

  expect(first).toHaveLength(50);
  expect(first.slice(0, 2)).toEqual([120_000, 119_000]);
  expect(third).toHaveLength(20);
  expect(third.at(-1)).toBe(1_000);
});

test('respond rejects a missing or wrong key and accepts it as header or parameter', () => {
  const state = account(jobs(1));

  expect(respond({ method: 'GET', target: '/api/v2/jobs', key: undefined }, state).status).toBe(401);
  expect(respond({ method: 'GET', target: '/api/v2/jobs', key: 'no' }, state).status).toBe(401);
  expect(
    respond({ method: 'GET', target: `/api/v2/jobs?api_key=${FULL}`, key: undefined }, state).status,
  ).toBe(200);
  expect(respond({ method: 'GET', target: '/api/v2/jobs', key: FULL }, state).status).toBe(200);
});

test('respond returns 404 for unknown paths and ids', () => {
  const state = account(jobs(1));

  expect(get('/api/v2/jobs/999', state)).toMatchObject({
    status: 404,
    body: { errors: [expect.any(String)] },
  });
  expect(get('/api/v2/outputs/999', state).status).toBe(404);
  expect(get('/api/v2/notifications', state).status).toBe(404);
});

test('respond hides URLs and exact error messages from a read-only key', () => {
  const [job] = jobs(1);
  if (job === undefined) throw new Error('no job');
  fail(job);
  const state = account([job]);
  const target = `/api/v2/outputs/${job.outputs[0]?.id}`;

  const full = JSON.stringify(respond({ method: 'GET', target, key: FULL }, state).body);
  const readOnly = JSON.stringify(respond({ method: 'GET', target, key: READ_ONLY }, state).body);

  expect(full).toContain('"url":"https://signed.example/"');
  expect(full).toContain('Access was denied');
  expect(readOnly).not.toContain('signed.example');
  expect(readOnly).not.toContain('Access was denied');
  expect(readOnly).toContain('"backup_server_used":true');
});

test('respond allows 60 calls a minute over all keys, then returns 403 with the time to retry', () => {
  let now = NOW;
  const state = account(jobs(2), () => now);

  const responses = Array.from({ length: 60 }, (_, index) =>
    respond({ method: 'GET', target: '/api/v2/jobs/1000', key: index % 2 === 0 ? FULL : READ_ONLY }, state),
  );
  now += 20_000;
  const over = get('/api/v2/outputs/1', state);
  const progress = get('/api/v2/jobs/1000/progress', state);
  now += 40_000;
  const later = get('/api/v2/jobs/1000', state);

  expect(responses.every(({ status }) => status === 200)).toBe(true);
  expect(responses.at(-1)?.headers['x-zencoder-rate-remaining']).toBe('0');
  expect(over).toMatchObject({
    status: 403,
    headers: { 'retry-after': '40' },
    body: { errors: ['Rate Limit Exceeded'] },
  });
  expect(progress.status).toBe(200);
  expect(later).toMatchObject({ status: 200, headers: { 'x-zencoder-rate-remaining': '59' } });
});

function account(known: readonly Job[], now = () => NOW): ApiState {
  return {
    jobs: known,
    keys: [
      { key: FULL, access: 'full' },
      { key: READ_ONLY, access: 'read-only' },
    ],
    limit: new RateLimit(now),
    urlOf: () => 'https://signed.example/',
  };
}

function jobs(count: number): Job[] {
  return Array.from({ length: count }, (_, index) => {
    let id = (index + 1) * 1000;
    return newJob({ outputs: [{ file: Buffer.from('x') }] }, NOW, () => id++);
  });
}

function fail(job: Job): void {
  const [output] = job.outputs;
  if (output === undefined) throw new Error('no output');
  output.backupServerUsed = true;
  output.file = { name: 'a.mp4', place: { kind: 'storage', key: 'o/a.mp4' }, size: 1, md5: '', sha256: '' };
  output.mediaFailure = {
    errorClass: 'UploadAccessDeniedError',
    message: 'Access was denied while uploading to s3://a/b.',
    link: 'https://app.zencoder.com/docs/errors/UploadAccessDeniedError',
  };
}

function get(target: string, state: ApiState) {
  return respond({ method: 'GET', target, key: FULL }, state);
}

function ids(response: { readonly body: unknown }): unknown[] {
  if (!Array.isArray(response.body)) throw new Error('not a list');
  return response.body.map((entry: { job: { id: number } }) => entry.job.id);
}
