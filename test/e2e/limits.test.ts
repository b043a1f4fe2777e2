import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { MINUTE_MS } from '../../lambda/shared/runtime/durations.ts';
import { aFailure, anOutput } from '../support/ledger-data.ts';
import { freshId, type RunningStack, startRunningStack } from '../support/running-stack.ts';
import { authorizationOf } from '../support/stack.ts';

/** As the stack is deployed by default into a new account: five copies at once, ten invocations in all. */
const COPIES = 5;

const released = Promise.withResolvers<void>();
let reading = 0;
let running: RunningStack;

beforeAll(async () => {
  running = await startRunningStack({
    schedules: 'manual',
    storageFaults: async ({ operation }) => {
      if (operation !== 'GetObject') return undefined;
      reading++;
      await released.promise;
      return undefined;
    },
  });
});
afterAll(async () => {
  released.resolve();
  await running?.close();
});

/** Notifies of a kept file; gives the status. */
async function notify(jobId: number): Promise<number> {
  const url = await running.keep(`o/${jobId}/media.mp4`, randomBytes(10_000));
  const output = { id: freshId(), state: 'finished', url, backup_server_used: true };
  const response = await running.post(JSON.stringify({ output, job: { id: jobId, state: 'finished' } }));
  return response.status;
}

describe('a new account', () => {
  it('takes every notification while five long copies run and more wait', async () => {
    const jobs = Array.from({ length: 2 * COPIES }, freshId);
    for (const jobId of jobs) expect(await notify(jobId)).toBe(202);
    await vi.waitFor(() => expect(reading).toBe(COPIES), { timeout: MINUTE_MS });

    const more = Array.from({ length: 10 }, freshId);
    for (const jobId of more) expect(await notify(jobId)).toBe(202);
    // As many at once as the copies leave of the account.
    const together = Array.from({ length: 10 - COPIES }, freshId);
    expect(new Set(await Promise.all(together.map(notify)))).toEqual(new Set([202]));

    expect(reading).toBe(COPIES);
    expect(running.stack.functions.metrics('ingest').Throttles).toBe(0);
    released.resolve();
    for (const jobId of [...jobs, ...more, ...together]) {
      const { recoveries } = await running.settled(String(jobId), 1);
      expect(recoveries).toMatchObject([{ state: 'recovered' }]);
    }
  });
});

describe('a response over 6 MB', () => {
  it('is an error of the gateway, and the next one is served', async () => {
    const jobId = String(freshId());
    const failures = [aFailure({ message: 'a'.repeat(300_000) })];
    for (let output = 0; output < 21; output++) {
      await running.ledger.failures.record({ ...anOutput({ jobId, failedAt: Date.now() }), failures });
    }
    const url = new URL(running.stack.dashboardUrl ?? '');
    const get = (path: string) =>
      fetch(new URL(path, url.origin), { headers: { authorization: authorizationOf(url) } });
    const response = await get(`/api/jobs/${jobId}`);
    expect([response.status, await response.text()]).toEqual([500, '{"message":"Internal Server Error"}']);
    expect(running.stack.functions.logs('dashboard').join('\n')).toContain(
      'exceeded maximum allowed payload size (6291556 bytes)',
    );
    expect((await get('/api/errors')).status).toBe(200);
  });
});
