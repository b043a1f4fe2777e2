import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { digestOf, freshId, type RunningStack, startRunningStack } from '../support/running-stack.ts';

const MiB = 2 ** 20;

let running: RunningStack;
beforeAll(async () => {
  // The message of a worker that died is back after the visibility timeout of 11 seconds.
  running = await startRunningStack({ context: { workerTimeoutSeconds: 10 } });
});
afterAll(() => running?.close());

it('a redelivered message completes the copy of a killed worker: whole, once, and without leftovers', async () => {
  const jobId = freshId();
  const body = randomBytes(60 * MiB);
  const path = `o/20261122/${jobId}/media.mp4`;
  const url = await running.keep(path, body);
  // Parts after the second are held back until the kill, so that it is in the middle whatever the machine's speed.
  let held = 0;
  const killed = Promise.withResolvers<void>();
  running.standIn.storage.setFaults(async ({ operation, count }) => {
    if (operation === 'GetObject' && count > 2) {
      held += 1;
      await killed.promise;
    }
    return undefined;
  });

  await running.post(
    JSON.stringify({
      output: { id: 1, state: 'finished', url, backup_server_used: true },
      job: { id: jobId, state: 'finished' },
    }),
  );
  await vi.waitFor(() => expect(held).toBeGreaterThan(0), 20_000);
  await vi.waitFor(async () => expect(await running.uploads()).toBe(1), 20_000);
  const wasRunning = running.stack.functions.kill('worker');
  killed.resolve();
  running.standIn.storage.setFaults(undefined);
  const { recoveries } = await running.settled(String(jobId), 1);

  expect(wasRunning).toBe(true);
  expect(recoveries).toMatchObject([{ state: 'recovered', attempts: 2, size: body.length }]);
  const keys = await running.keys();
  expect(keys).toHaveLength(1);
  expect(await running.digest(keys[0] ?? '')).toBe(digestOf(body));
  expect(await running.uploads()).toBe(0);
});
