import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { freshId, type RunningStack, startRunningStack } from '../support/running-stack.ts';

const PATHS = ['/wp-login.php', '/.env', '/', '/api/failures', '/jobs/1', '/errors'];
const ROUNDS = 5;
const AT_ONCE = 60;

let running: RunningStack;

beforeAll(async () => {
  running = await startRunningStack();
});
afterAll(() => running?.close());

/** Requests without credentials to wrong paths and to the dashboard, all at once; their statuses. */
async function flood(): Promise<number[]> {
  const requests = Array.from({ length: AT_ONCE }, async (_, index) => {
    const response = await fetch(`${running.stack.apiOrigin}${PATHS[index % PATHS.length]}`);
    await response.arrayBuffer();
    return response.status;
  });
  return await Promise.all(requests);
}

const nothingFailed = () =>
  JSON.stringify({ output: { id: freshId(), state: 'finished' }, job: { id: freshId() } });

describe('a flood of requests in a new account', () => {
  it('is throttled, while notifications are not and are accepted', async () => {
    const flooded: number[] = [];
    const notified: number[] = [];
    // What is let through may take all ten executions for a moment: 503, and Zencoder sends again.
    const notify = () =>
      vi.waitFor(
        async () => {
          const { status } = await running.post(nothingFailed());
          notified.push(status);
          expect(status).toBe(200);
        },
        { timeout: 20_000 },
      );
    for (let round = 0; round < ROUNDS; round++) {
      const [statuses] = await Promise.all([flood(), notify()]);
      flooded.push(...statuses);
    }
    expect(notified).not.toContain(429);
    expect(flooded.filter((status) => status === 429).length).toBeGreaterThan(flooded.length / 2);
  });
});
