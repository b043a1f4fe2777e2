import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { MINUTE_MS } from '../../lambda/shared/runtime/durations.ts';

let dir: string;
let started: ChildProcess;
let output = '';

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'start-'));
  started = spawn(process.execPath, ['infra/local/start/start.ts', '--port', '0', '--dir', dir]);
  for (const stream of [started.stdout, started.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  await says('Ctrl-C stops everything');
});

afterAll(async () => {
  started.kill('SIGKILL');
  await rm(dir, { recursive: true });
});

describe('npm start', () => {
  it('prints a curl command whose notification recovers a file into the printed folder', async () => {
    const [, sample = '', url = ''] = /curl -i .* -d @(\S+) '([^']+)'/.exec(output) ?? [];
    const { username, password, origin, pathname } = new URL(url);
    const response = await fetch(origin + pathname, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: `Basic ${btoa(`${username}:${password}`)}`,
      },
      body: await readFile(sample),
    });
    expect(response.status).toBe(202);
    await vi.waitFor(() => expect(recoveredFiles()).toBe(1), { timeout: 30_000 });
    const [path = ''] = /\S+\.mp4$/m.exec(/^recovered {2}.*$/m.exec(output)?.[0] ?? '') ?? [];
    expect(await readFile(path)).toEqual(await readFile('test/fixtures/media/clip.mp4'));
  });

  it('runs a job of the Zencoder stand-in when Enter is pressed', async () => {
    const before = recoveredFiles();
    started.stdin?.write('\n');
    await says('Zencoder did job');
    await vi.waitFor(() => expect(recoveredFiles()).toBe(before + 1), { timeout: 30_000 });
  });

  it('publishes its endpoints to the operator commands while it runs', async () => {
    const stateFile = join(dir, 'stack.json');
    const state: unknown = JSON.parse(await readFile(stateFile, 'utf8'));
    expect(state).toMatchObject({ region: 'us-east-1', outputs: { TableName: expect.any(String) } });
    const ended = once(started, 'exit');
    started.kill('SIGINT');
    expect(await ended).toEqual([0, null]);
    expect(existsSync(stateFile)).toBe(false);
  });
});

const says = (text: string) => vi.waitFor(() => expect(output).toContain(text), { timeout: MINUTE_MS });

const recoveredFiles = () => output.match(/^recovered {2}/gm)?.length ?? 0;
