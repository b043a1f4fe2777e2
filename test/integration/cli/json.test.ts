import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HOUR_MS } from '../../../lambda/shared/runtime/durations.ts';
import { aDashboard } from '../../support/dashboard.ts';
import { copying, gone, recovered, refusedByBucket } from '../../support/dashboard-data.ts';
import { NOW } from '../../support/ledger-data.ts';
import { startLedger, type TestLedger } from '../../support/ledger-table.ts';
import { runCli } from '../../support/run-cli.ts';

let ledger: TestLedger;
let folder: string;

beforeAll(async () => {
  ledger = await startLedger();
  folder = await mkdtemp(join(tmpdir(), 'json-'));
  await mkdir(join(folder, '.local'));
  const state = {
    endpoints: { dynamodb: ledger.endpoint },
    outputs: { TableName: ledger.tableName },
  };
  await writeFile(join(folder, '.local/stack.json'), JSON.stringify(state));
  await recovered(ledger, { jobId: '500', outputId: '600', failedAt: NOW - HOUR_MS, test: true });
  await gone(ledger, 'lost', { jobId: '501', outputId: '601', failedAt: NOW - 2 * HOUR_MS });
  await copying(ledger, { jobId: '502', outputId: '602', failedAt: NOW - 3 * HOUR_MS, bytesDone: 400 });
  await refusedByBucket(ledger, { jobId: '503', outputId: '603', failedAt: NOW - 4 * HOUR_MS });
});
afterAll(async () => {
  await rm(folder, { recursive: true });
  await ledger.close();
});

interface Failure {
  readonly jobId: string;
  readonly recoveries: readonly unknown[];
}

interface Output {
  readonly failures: readonly object[];
  readonly recoveries: readonly unknown[];
}

/** What `npm run failures -- --json` prints of the job. */
async function printed(jobId: string): Promise<Failure> {
  const { stdout } = await runCli('failures', ['--local', '--json', '--job', jobId], { cwd: folder });
  return JSON.parse(stdout);
}

/** What the dashboard's API responds with. */
async function served(path: string): Promise<{ readonly items: Failure[]; readonly outputs: Output[] }> {
  const response = await aDashboard(ledger).get(path);
  return JSON.parse(await response.text());
}

describe('failures --json', () => {
  it.each(['500', '501', '502', '503'])('agrees with /api on the failure of job %s', async (jobId) => {
    const { recoveries, ...failure } = await printed(jobId);
    const { items } = await served('/api/failures');
    expect(recoveries).toHaveLength(1);
    expect(failure).toEqual(items.find((item) => item.jobId === jobId));
  });

  it.each(['500', '501', '502', '503'])('agrees with /api on the recovery of job %s', async (jobId) => {
    const { recoveries, ...failure } = await printed(jobId);
    const { outputs } = await served(`/api/jobs/${jobId}`);
    expect(outputs).toMatchObject([{ failures: [{ jobId }], recoveries: [{ jobId }] }]);
    expect(recoveries).toEqual(outputs[0]?.recoveries);
    expect(failure).toMatchObject(outputs[0]?.failures[0] ?? {});
  });
});
