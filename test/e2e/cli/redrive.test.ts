import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { accessDenied } from '../../../infra/local/aws/s3/faults.ts';
import { runCli } from '../../support/run-cli.ts';
import { type RunningStack, startRunningStack } from '../../support/running-stack.ts';

let folder: string;
let running: RunningStack;
beforeAll(async () => {
  running = await startRunningStack({ apiAccess: 'full' });
  folder = await mkdtemp(join(tmpdir(), 'redrive-'));
  await mkdir(join(folder, '.local'));
  const { endpoints, outputs, credentials, region } = running.stack;
  await writeFile(
    join(folder, '.local/stack.json'),
    JSON.stringify({ endpoints, outputs, credentials, region }),
  );
});
afterAll(async () => {
  await running?.close();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(() => {
  running.standIn.storage.setFaults(undefined);
  running.destination.setFaults(undefined);
  running.standIn.zencoder.withholdNotifications = false;
});

async function json(command: string, ...args: string[]) {
  const { code, stdout, stderr } = await runCli(command, ['--local', '--json', ...args], { cwd: folder });
  return { code, response: JSON.parse(stdout), stderr };
}

describe('npm run redrive', () => {
  it('recovers a lost file that Zencoder still has, and waits for the result', async () => {
    running.standIn.storage.setFaults(({ operation }) =>
      operation === 'GetObject' ? { status: 403, code: 'AccessDenied' } : undefined,
    );
    const jobId = await running.failedJob();
    await running.recovery(jobId, ({ state }) => state === 'lost');
    running.standIn.storage.setFaults(undefined);

    const { code, response, stderr } = await json('redrive', '--job', jobId, '--wait', '--timeout', '1m');

    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(response).toMatchObject({
      matched: 1,
      sent: 1,
      ended: { recovered: 1, notRecovered: 0, open: 0 },
    });
    expect((await running.job(jobId)).recoveries).toMatchObject([{ state: 'recovered' }]);
  });

  it('recovers an output without a notification', async () => {
    running.standIn.zencoder.withholdNotifications = true;
    const jobId = await running.failedJob();
    const outputId = String(running.standIn.zencoder.jobs.at(-1)?.outputs[0]?.id);
    expect((await running.job(jobId)).failures).toEqual([]);

    const { response } = await json('redrive', '--job', jobId, '--output', outputId);

    expect(response).toMatchObject({ matched: 0, sent: 1 });
    await running.recovery(jobId, ({ state }) => state === 'recovered');
  });

  it('sends nothing for a recovered output', async () => {
    const jobId = await running.failedJob();
    await running.recovery(jobId, ({ state }) => state === 'recovered');
    expect(await json('redrive', '--job', jobId)).toMatchObject({
      code: 0,
      response: { matched: 0, sent: 0 },
    });
  });
});

describe('a bucket that denies access to the worker', () => {
  it('is reported by status and preflight; redrive then retries at once after the fix', async () => {
    running.destination.setFaults(({ operation }) =>
      operation === 'PutObject' ? accessDenied('s3:PutObject', 'arn:aws:s3:::acme') : undefined,
    );
    const jobId = await running.failedJob();
    // By then the next attempt is more than a minute away, which is longer than the commands take.
    await running.recovery(
      jobId,
      ({ lastError, attempts, state }) =>
        lastError?.errorClass === 'DestinationDenied' && attempts >= 5 && state === 'pending',
    );

    const status = await json('status');
    expect(status.code).toBe(3);
    expect(status.response.attention).toEqual([expect.stringContaining('npm run preflight')]);
    const preflight = await json('preflight');
    expect(preflight.code).toBe(3);
    expect(preflight.response).toMatchObject({ ok: false, role: expect.stringContaining('Role') });
    expect(preflight.response.checks[0]).toMatchObject({
      outcome: 'failed',
      errorClass: 'DestinationDenied',
      message: expect.stringContaining('grant the worker role s3:PutObject'),
      answer: expect.stringContaining('no identity-based policy allows the s3:PutObject action'),
    });

    running.destination.setFaults(undefined);
    expect((await json('status')).response.lastPreflight).toBeNull();
    expect((await json('preflight')).code).toBe(0);
    const { response } = await json('redrive', '--job', jobId, '--state', 'pending');
    expect(response).toMatchObject({ matched: 1, sent: 1 });
    await vi.waitFor(
      async () => expect((await running.job(jobId)).recoveries).toMatchObject([{ state: 'recovered' }]),
      { timeout: 20_000, interval: 100 },
    );
    expect((await json('status')).response.lastPreflight).toMatchObject({
      bucket: preflight.response.bucket,
    });
  });
});
