import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import * as v from 'valibot';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { runCli } from '../../support/run-cli.ts';
import { digestOf, freshId, type RunningStack, startRunningStack } from '../../support/running-stack.ts';
import { outputOf } from '../../support/stack.ts';

const probeSchema = v.object({ key: v.string() });

let folder: string;
let running: RunningStack;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'operator-'));
  running = await startRunningStack({ stateFile: join(folder, '.local/stack.json'), schedules: 'manual' });
});
afterAll(async () => {
  await running?.close();
  await rm(folder, { recursive: true, force: true });
});

const run = (command: string, ...args: string[]) => runCli(command, ['--local', ...args], { cwd: folder });

/** A command with `--json`: its one object. */
async function json(command: string, ...args: string[]) {
  const { code, stdout, stderr } = await run(command, '--json', ...args);
  return { code, response: JSON.parse(stdout), stderr };
}

describe('npm run notification-url', () => {
  it('prints the URL that accepts notifications, and nothing else', async () => {
    expect(await run('notification-url')).toEqual({
      code: 0,
      stdout: `${running.stack.notificationUrl}\n`,
      stderr: '',
    });
  });
});

describe('npm run preflight', () => {
  it("tests the bucket with the worker's role, and removes its probe objects", async () => {
    const { code, response } = await json('preflight');
    expect(code).toBe(0);
    expect(response).toMatchObject({
      ok: true,
      bucket: outputOf(running.stack, 'BucketName'),
      role: outputOf(running.stack, 'WorkerRoleArn'),
      leftBehind: [],
    });
    expect(await running.keys('zencoder-recovery-preflight/')).toEqual([]);
  });

  it("downloads a probe object with the dashboard's role, which the worker removes", async () => {
    const { response } = await json('preflight');
    expect(response.checks.at(-1)).toMatchObject({ name: 'download', outcome: 'passed' });
    const [probe, foreign] = [await running.stack.functions.invoke('worker', { preflight: 'keep' }), 'mine'];
    await expect(
      running.stack.functions.invoke('worker', { preflight: 'remove', key: foreign }),
    ).rejects.toThrow();
    await running.stack.functions.invoke('worker', { preflight: 'remove', ...v.parse(probeSchema, probe) });
    expect(await running.keys('zencoder-recovery-preflight/')).toEqual([]);
  });

  it('lists each check with its permission', async () => {
    const { stdout } = await run('preflight');
    expect(stdout).toMatch(/ ok +create an object +s3:PutObject\n/);
    expect(stdout).toMatch(/Concurrency of the account:\n +ok +9 needed of \d+ unreserved/);
    expect(stdout).not.toContain('\u001b');
  });
});

describe('npm run send-test', () => {
  it('verifies URL, credentials, queue, worker and ledger together, and deletes its records', async () => {
    const { code, response } = await json('send-test');
    expect(code).toBe(0);
    expect(response).toMatchObject({
      ok: true,
      response: { status: 202 },
      recorded: 'UploadFailureError',
      removed: 1,
    });
    expect(await running.job(response.jobId)).toEqual({ failures: [], recoveries: [] });
  });

  it('keeps the record of its job with --keep', async () => {
    const { response } = await json('send-test', '--keep');
    expect((await running.job(response.jobId)).failures).toMatchObject([{ test: true }]);
  });

  it('copies the file of a signed URL given by --url', async () => {
    const body = randomBytes(5000);
    const url = await running.keep(`o/20261122/${freshId()}/clip.mp4`, body);
    const { code, response } = await json('send-test', '--url', url);
    expect(code).toBe(0);
    expect(response.recovery).toMatchObject({ state: 'recovered', object: { size: 5000 } });
    expect(await running.digest(response.recovery.object.key)).toBe(digestOf(body));
  });

  it('reports a URL outside Zencoder storage', async () => {
    const { code, stderr } = await run(
      'send-test',
      '--url',
      'https://files.example.com/clip.mp4?Signature=secret',
    );
    expect(code).toBe(3);
    expect(stderr).toContain('zencoderStorage');
    expect(stderr).not.toContain('secret');
  });

  it('fails when the source denies the URL', async () => {
    const { code, response } = await json('send-test', '--url', refusedUrl());
    expect(code).toBe(3);
    expect(response).toMatchObject({ ok: false, recovery: { state: 'lost' } });
  });

  it('times out while the file is missing, and reports the cause', async () => {
    const url = running.sign(`o/20261122/${freshId()}/late.mp4`);
    const { code, stdout, stderr } = await run('send-test', '--url', url, '--timeout', '8s');
    expect(code).toBe(3);
    expect(stdout).toContain('The recovery is pending: SourceNotFound: the source returned 404 NoSuchKey');
    expect(stderr).toContain('taken, but not done after 8 s (the recovery is pending)');
    // A file that is there at last is recovered: nothing of this test stays open for the next one.
    const jobId = /Posted test job (\d+)/.exec(stdout)?.[1] ?? '';
    await running.keep(new URL(url).pathname.replace(/^\/[^/]+\//, ''), randomBytes(100));
    const { recoveries } = await running.settled(jobId, 1);
    expect(recoveries).toMatchObject([{ state: 'recovered', size: 100 }]);
  });
});

describe('npm run status', () => {
  it('reports settled recoveries and no action required', async () => {
    await running.idle();
    const { code, response, stderr } = await json('status');
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(response).toMatchObject({
      open: { total: 0, atRisk: 0, next: [] },
      lastDay: { failed: 0 },
      queue: { waiting: 0, hidden: 0, delayed: 0 },
      deadLetters: { count: 0 },
      lastNotification: null,
      lastPreflight: { bucket: outputOf(running.stack, 'BucketName') },
      attention: [],
    });
  });

  it('lists open recoveries by deadline, and requires action for those at risk', async () => {
    running.standIn.storage.setFaults(() => ({ status: 503, code: 'SlowDown' }));
    const [late, soon] = [await openRecovery(80_000), await openRecovery(3000)];
    const { code, response } = await json('status', '--at-risk', '1h');
    expect(response.lastNotification).toMatch(/^\d{4}-.*Z$/);
    expect(code).toBe(3);
    expect(response.open).toMatchObject({ total: 2, atRisk: 1, next: [{ jobId: soon }, { jobId: late }] });
    const { stdout } = await run('status', '--limit', '1');
    expect(stdout).toMatch(new RegExp(`\\d+m( \\d+s)? left +${soon} `));
    expect(stdout).toContain('… and 1 more (--limit)');
    running.standIn.storage.setFaults(undefined);
  });
});

describe('dead letters', () => {
  it('are counted with their reasons by status, and requeued by redrive', async () => {
    await running.stack.clients.sqs.send(
      new SendMessageCommand({ QueueUrl: outputOf(running.stack, 'QueueUrl'), MessageBody: 'nonsense' }),
    );
    const dead = () =>
      vi.waitFor(async () => {
        const { response } = await json('status');
        expect(response.deadLetters.count).toBe(1);
        return response;
      }, 30_000);
    expect((await dead()).deadLetters.reasons).toEqual([
      { reason: 'MessageNotUnderstood: queue message is not JSON', count: 1 },
    ]);
    expect(await json('redrive', '--dead-letters', '--dry-run')).toMatchObject({
      response: { deadLetters: 1, moved: 0 },
    });
    expect(await json('redrive', '--dead-letters')).toMatchObject({ code: 0, response: { moved: 1 } });
    // Its cause is still there: it dies again, and is not lost.
    await dead();
  });
});

describe('npm run redrive', () => {
  it('lists what it would retry with --dry-run, and sends nothing', async () => {
    const { response: lost } = await json('send-test', '--url', refusedUrl());
    const { code, response } = await json('redrive', '--job', lost.jobId, '--dry-run');
    expect(code).toBe(0);
    expect(response).toMatchObject({
      matched: 1,
      messages: 1,
      sent: 0,
      recoveries: [{ jobId: lost.jobId, state: 'lost', filename: 'gone.mp4' }],
    });
  });
});

describe('refused notifications', () => {
  it('are counted by status, which names the action required', async () => {
    expect((await running.post('<hash/>')).status).toBe(415);
    expect((await running.post('{}', { authorization: `Basic ${btoa('zencoder:wrong')}` })).status).toBe(401);
    const { code, response } = await json('status');
    expect(code).toBe(3);
    expect(response.refusedNotifications).toEqual([
      { status: 401, count: 1 },
      { status: 415, count: 1 },
    ]);
    expect(response.attention.join()).toContain('npm run notification-url');
  });
});

/** The URL of a file that the source refuses, since its signature is another one's. */
function refusedUrl(): string {
  const url = new URL(running.sign(`o/20261122/${freshId()}/gone.mp4`));
  url.searchParams.set('X-Amz-Signature', '0'.repeat(64));
  return url.href;
}

/** A recovery that cannot continue, whose URL expires after the given seconds. */
async function openRecovery(seconds: number): Promise<string> {
  const [job, output] = [freshId(), freshId()];
  const path = `o/20261122/${job}/clip.mp4`;
  const response = await running.post(
    JSON.stringify({
      output: {
        id: output,
        state: 'finished',
        type: 'standard',
        url: running.sign(path, seconds),
        backup_server_used: true,
      },
      job: { id: job, state: 'finished' },
    }),
  );
  expect(response.status).toBe(202);
  await vi.waitFor(
    async () =>
      expect((await running.job(String(job))).recoveries).toMatchObject([{ state: 'pending', attempts: 1 }]),
    { timeout: 30_000, interval: 100 },
  );
  return String(job);
}
