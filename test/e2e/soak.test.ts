import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const MAIN = new URL('../soak/main.ts', import.meta.url).pathname;

/** Runs a soak; a failed one rejects with its report in the message. */
async function soak(...options: string[]) {
  const { stdout } = await promisify(execFile)(process.execPath, [
    MAIN,
    '--json',
    '--timeout',
    '1.8',
    ...options,
  ]);
  return JSON.parse(stdout);
}

it('a burst with repetitions, killed workers and failing servers: every file once, every failure once', async () => {
  const report = await soak('--notifications', '120', '--kills', '0.1', '--errors', '0.1', '--seed', '4711');

  expect(report).toMatchObject({
    ok: true,
    jobs: 84,
    settling: { isDone: true },
    verification: { faults: [], heard: { events: { 'primary-failure': 84 } } },
  });
  expect(report.verification.recovered).toBe(report.verification.files);
  expect(report.injected['workers killed']).toBeGreaterThan(0);
  expect(report.injected['errors of DynamoDB']).toBeGreaterThan(0);
});

it('what cannot be understood ends with code 2, without a stack being started', async () => {
  await expect(soak('--kills', '2')).rejects.toMatchObject({
    code: 2,
    stderr: expect.stringContaining('--kills must be a number from 0 to 0.5'),
  });
});
