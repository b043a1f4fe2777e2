import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { MINUTE_MS } from '../../lambda/shared/runtime/durations.ts';
import { digestOf, freshId, type RunningStack, startRunningStack } from '../support/running-stack.ts';

const MiB = 2 ** 20;
/** A restart makes two messages in a chain, of which Lambda stops the 17th invocation. */
const RESTARTS = 9;

const uploads = new Set<string>();
let running: RunningStack;

beforeAll(async () => {
  running = await startRunningStack({
    context: { segmentBytes: 16 * MiB },
    schedules: 'manual',
    bucket: {
      faults({ operation, uploadId = '' }) {
        if (operation !== 'UploadPart') return undefined;
        uploads.add(uploadId);
        return uploads.size > RESTARTS ? undefined : { status: 404, code: 'NoSuchUpload' };
      },
    },
  });
});
afterAll(() => running?.close());

it('a file is recovered although its upload was restarted more often than Lambda lets a chain of messages go on', {
  timeout: 3 * MINUTE_MS,
}, async () => {
  const [jobId, body] = [freshId(), randomBytes(40 * MiB)];
  const url = await running.keep(`o/${jobId}/media.mp4`, body);
  const output = { id: freshId(), state: 'finished', url, backup_server_used: true };
  const job = { id: jobId, state: 'finished' };
  expect((await running.post(JSON.stringify({ output, job }))).status).toBe(202);

  const settled = await vi.waitFor(
    async () => {
      // Fast through the waits, and slow enough for the last copy to end within its lease on a busy machine.
      running.clock.advance(uploads.size > RESTARTS ? 1000 : 20_000);
      const [record] = (await running.job(String(jobId))).recoveries;
      if (record?.settledAt === undefined) throw new Error(`not settled after ${uploads.size} uploads`);
      return record;
    },
    { timeout: 2 * MINUTE_MS, interval: 50 },
  );

  expect(uploads.size).toBeGreaterThan(RESTARTS);
  expect(settled).toMatchObject({ state: 'recovered', size: body.length });
  expect(await running.digest(settled.key ?? '')).toBe(digestOf(body));
  expect(running.stack.functions.metrics('worker').RecursiveInvocationsDropped).toBe(0);
});
