import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failuresOptions, selectFailures } from '../../../infra/cli/failures-selection.ts';
import { failureItemKey } from '../../../lambda/shared/ledger/table.ts';
import { HOUR_MS, MINUTE_MS } from '../../../lambda/shared/runtime/durations.ts';
import {
  aFailure,
  aFile,
  aLease,
  anError,
  anOutput,
  asRecovered,
  thumbnails,
} from '../../support/ledger-data.ts';
import { startLedger, type TestLedger } from '../../support/ledger-table.ts';
import { runCli } from '../../support/run-cli.ts';

const now = Date.now();

let ledger: TestLedger;
let folder: string;

beforeAll(async () => {
  ledger = await startLedger(() => now);
  folder = await mkdtemp(join(tmpdir(), 'failures-'));
  await mkdir(join(folder, '.local'));
  const state = {
    endpoints: { dynamodb: ledger.endpoint },
    outputs: { TableName: ledger.tableName },
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  };
  await writeFile(join(folder, '.local/stack.json'), JSON.stringify(state));
  await seed();
});
afterAll(async () => {
  await rm(folder, { recursive: true });
  await ledger.close();
});

/** Five failures: recovered, lost, copying thumbnails, without a backup file, and one of 40 days ago. */
async function seed(): Promise<void> {
  const fail = async (jobId: string, age: number, failure = aFailure()) => {
    const output = anOutput({ jobId, outputId: `${jobId}1`, failedAt: now - age });
    await ledger.failures.record({ ...output, failures: [failure] });
    return output;
  };
  const claim = async (output: ReturnType<typeof anOutput>, files = [aFile()]) => {
    const claims = await ledger.recoveries.claim(output, files, aLease('one', now + HOUR_MS));
    return claims.flatMap((one) => (one.outcome === 'claimed' ? [one.record] : []));
  };
  const recovered = await claim(await fail('1001', HOUR_MS));
  await ledger.recoveries.settle(recovered.map(asRecovered));
  const lost = await claim(
    await fail(
      '1002',
      2 * HOUR_MS,
      aFailure({ errorClass: 'UnableToResolveHostError', destinationHost: 'ftp.example' }),
    ),
  );
  const error = anError({ errorClass: 'SourceGone', category: 'lost', message: 'returns 404' });
  await ledger
    .at(now)
    .recoveries.settle(lost.map((record) => ({ record, settlement: { state: 'lost', error } })));
  const output = await fail(
    '1003',
    26 * HOUR_MS,
    aFailure({ role: 'thumbnail', errorClass: 'Evil\u001b[31mError' }),
  );
  const deadline = now + 5 * HOUR_MS + MINUTE_MS;
  const [first] = await claim(
    output,
    thumbnails(3).map((file) => ({ ...file, deadline })),
  );
  if (first !== undefined) await ledger.recoveries.settle([asRecovered(first)]);
  await fail('1004', 50 * HOUR_MS, aFailure({ destinationHost: null, message: null }));
  await fail('1005', 40 * 24 * HOUR_MS);
}

const run = (args: readonly string[], environment: NodeJS.ProcessEnv = {}) =>
  runCli('failures', args, { cwd: folder, environment });

/** What the options select, without a process for each. */
async function jobs(...args: string[]): Promise<string[]> {
  const found = selectFailures(ledger, failuresOptions(args, now));
  return await Array.fromAsync(found, ({ failure }) => failure.jobId);
}

describe('npm run failures with an unreadable record', () => {
  it('lists the other records and names it', async () => {
    const key = failureItemKey({ jobId: '1005', outputId: '10051', role: 'media' });
    await ledger.edit(key, 'role', 'caption');
    const { code, stdout, stderr } = await run(['--local', '--since', '60d']);
    await ledger.edit(key, 'role', 'media');
    expect(code).toBe(0);
    expect(stdout).toContain('1004');
    expect(stderr).toBe('1 record cannot be read: JOB#1005 / OUTPUT#10051#FAILURE#media\n');
  });
});

describe('npm run failures', () => {
  it('prints a table of failed uploads, destinations and outcomes of files', async () => {
    const { code, stdout, stderr } = await run(['--local']);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split(/ {2,}/).slice(1));
    expect(lines).toEqual([
      ['job', 'output', 'role', 'error class', 'destination', 'recovery'],
      ['1001', '10011 hd', 'media', 'UploadAccessDeniedError', 'acme-video-out', 'recovered'],
      ['1002', '10021 hd', 'media', 'UnableToResolveHostError', 'ftp.example', 'lost'],
      [
        '1003',
        '10031 hd',
        'thumbnail',
        'Evil\uFFFD[31mError',
        'acme-video-out',
        '2 copying, 1 recovered, 5h left',
      ],
      ['1004', '10041 hd', 'media', 'UploadAccessDeniedError', '-', 'none'],
    ]);
    expect(stdout).not.toContain('\u001b');
  });

  it('prints one JSON object per line with --json', async () => {
    const { stdout } = await run(['--local', '--json', '--job', '1002']);
    expect(
      stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toMatchObject([
      {
        jobId: '1002',
        outputId: '10021',
        role: 'media',
        errorClass: 'UnableToResolveHostError',
        destinationHost: 'ftp.example',
        failedAt: new Date(now - 2 * HOUR_MS).toISOString(),
        passThrough: '{"show":"ep-103"}',
        recoveries: [
          {
            state: 'lost',
            filename: 'video.mp4',
            settledAt: new Date(now).toISOString(),
            lastError: { errorClass: 'SourceGone', category: 'lost', message: 'returns 404' },
            object: null,
          },
        ],
      },
    ]);
  });

  it('combines filters by time, class, host, job and state', async () => {
    expect(await jobs('--since', '24h')).toEqual(['1001', '1002']);
    expect(await jobs('--since', '90d', '--until', '30h')).toEqual(['1004', '1005']);
    expect(await jobs('--error', 'UploadAccessDeniedError')).toEqual(['1001', '1004', '1005']);
    expect(await jobs('--host', 'FTP.example')).toEqual(['1002']);
    expect(
      await jobs('--host', 'acme-video-out', '--error', 'UploadAccessDeniedError', '--since', '2d'),
    ).toEqual(['1001']);
    expect(await jobs('--state', 'copying')).toEqual(['1003']);
    expect(await jobs('--state', 'none')).toEqual(['1004']);
    expect(await jobs('--job', '1001', '--state', 'lost')).toEqual([]);
  });

  it('continues from the cursor of the previous page', async () => {
    const seen: string[] = [];
    let more: string[] = [];
    do {
      const { stdout, stderr } = await run(['--local', '--json', '--limit', '3', '--since', '90d', ...more]);
      seen.push(
        ...stdout
          .trimEnd()
          .split('\n')
          .map((line) => JSON.parse(line).jobId),
      );
      const cursor = /--cursor (\S+)/.exec(stderr)?.[1];
      more = cursor === undefined ? [] : ['--cursor', cursor];
    } while (more.length > 0);
    expect(seen).toEqual(['1001', '1002', '1003', '1004', '1005']);
  });

  it('reads the table named by --table at AWS_ENDPOINT_URL_DYNAMODB', async () => {
    const environment = {
      AWS_ENDPOINT_URL_DYNAMODB: ledger.endpoint,
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'local',
      AWS_SECRET_ACCESS_KEY: 'local',
    };
    const found = await run(['--table', ledger.tableName, '--since', '90m'], environment);
    expect(found.stdout.split('\n')).toHaveLength(3);
    const missing = await run(['--table', 'no-such-table'], environment);
    expect(missing).toMatchObject({ code: 1, stdout: '' });
    expect(missing.stderr).toBe(
      'failures: table no-such-table in us-east-1 does not exist in this account\n',
    );
  });

  it('reports invalid arguments and exits with code 2', async () => {
    const usage = await run(['--state', 'gone']);
    expect(usage).toMatchObject({ code: 2, stdout: '' });
    expect(usage.stderr).toContain('--state must be one of');
  });

  it('exits with code 0 without matches, and names the table', async () => {
    const { code, stdout, stderr } = await run(['--local', '--error', 'NoSuchError', '--since', '1h']);
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
    expect(stderr).toMatch(/^No failed uploads since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\.\n$/);
  });

  it('prints help with examples', async () => {
    const { code, stdout } = await run(['--help']);
    expect(code).toBe(0);
    expect(stdout).toContain('npm run failures -- --since 24h');
  });
});
