import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  BatchWriteItemCommand,
  CreateTableCommand,
  DescribeTableCommand,
  DynamoDBClient,
  paginateScan,
  UpdateTableCommand,
} from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LocalDynamoDb, startDynamoDb } from '../../infra/local/aws/dynamodb.ts';
import { runCli } from '../support/run-cli.ts';
import { type RunningStack, startRunningStack } from '../support/running-stack.ts';
import { outputOf } from '../support/stack.ts';

/**
 * The life of a ledger and a bucket beyond their stack: the first one goes, its table is restored under another name as
 * DynamoDB restores it (items, keys and indexes; neither time to live nor protection), and a second one takes both over.
 */
const RESTORED = 'restored-ledger';

let folder: string;
let dynamodb: LocalDynamoDb;
let client: DynamoDBClient;
let before: { readonly jobs: readonly [string, string]; readonly key: string; readonly digest: string };
let running: RunningStack;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'adoption-'));
  dynamodb = await startDynamoDb();
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  client = new DynamoDBClient({ endpoint: dynamodb.endpoint, region: 'us-east-1', credentials });
  const retained = { folder, dynamodb: dynamodb.endpoint };
  const first = await startRunningStack({ retained });
  const [tableName, bucketName] = [outputOf(first.stack, 'TableName'), outputOf(first.stack, 'BucketName')];
  try {
    before = await recoverTwo(first);
  } finally {
    await first.close();
  }
  await restore(tableName, RESTORED);
  running = await startRunningStack({
    retained,
    context: { existingTableName: RESTORED, bucketName },
    stateFile: join(folder, '.local/stack.json'),
  });
});

afterAll(async () => {
  await running?.close();
  client?.destroy();
  await dynamodb?.close();
  await rm(folder, { recursive: true, force: true });
});

describe('a stack that adopts a restored table and a retained bucket', () => {
  it('finds the records and files of the earlier stack', async () => {
    const { failures, recoveries } = await running.job(before.jobs[0]);
    expect(failures).toMatchObject([{ errorClass: 'UnableToResolveHostError' }]);
    expect(recoveries).toMatchObject([{ state: 'recovered', key: before.key }]);
    expect(await running.digest(before.key)).toBe(before.digest);
  });

  it('queries it by each index', async () => {
    const { queries } = running.ledger;
    const jobsOf = async (records: AsyncIterable<{ readonly jobId: string }>) =>
      (await Array.fromAsync(records, ({ jobId }) => jobId)).toSorted();
    const jobs = before.jobs.toSorted();
    expect(await jobsOf(queries.failuresByTime())).toEqual(jobs);
    expect(await jobsOf(queries.failuresByClass('UnableToResolveHostError'))).toEqual(jobs);
    expect(await jobsOf(queries.failuresByHost('media.acme.invalid'))).toEqual(jobs);
    expect(await jobsOf(queries.recoveriesByState('recovered'))).toEqual(jobs);
    expect(await running.ledger.outbox.countOwedBefore(running.clock.now())).toBe(0);
  });

  it('shows them on the dashboard', async () => {
    const url = new URL(running.stack.dashboardUrl ?? '');
    const authorization = `Basic ${Buffer.from(`${url.username}:${url.password}`).toString('base64')}`;
    const response = await fetch(`${url.origin}/jobs/${before.jobs[0]}`, { headers: { authorization } });
    expect(response.status).toBe(200);
    expect(await response.text()).toContain('UnableToResolveHostError');
  });

  it('claims and recovers new files into the same table and bucket', async () => {
    const jobId = await running.failedJob({});
    const { recoveries } = await running.settled(jobId, 1);
    expect(recoveries).toMatchObject([{ state: 'recovered' }]);
    expect(await running.keys()).toEqual(expect.arrayContaining([before.key, recoveries[0]?.key]));
  });

  it('passes preflight with a warning that the time to live is off', async () => {
    const { code, stdout } = await runCli('preflight', ['--local'], { cwd: folder });
    expect(code).toBe(0);
    expect(stdout).toContain(`Table ${RESTORED}:\n  ok      has the keys and indexes of the ledger\n`);
    expect(stdout).toContain(`table ${RESTORED} has no time to live by ttl`);
  });

  it('is refused by status and preflight while an index is missing', async () => {
    await client.send(
      new UpdateTableCommand({
        TableName: RESTORED,
        GlobalSecondaryIndexUpdates: [{ Delete: { IndexName: 'failures-by-host' } }],
      }),
    );
    const missing = `table ${RESTORED}: index failures-by-host is missing, restore the table with all of its indexes`;
    const status = await runCli('status', ['--local'], { cwd: folder });
    expect(status).toEqual({ code: 3, stdout: '', stderr: `To do: ${missing}\n` });
    const preflight = await runCli('preflight', ['--local', '--json'], { cwd: folder });
    expect(preflight).toMatchObject({ code: 3, stderr: `preflight: ${missing}\n` });
    expect(JSON.parse(preflight.stdout)).toMatchObject({ ok: true, ledger: { errors: [missing] } });
  });
});

/** Two jobs with a failed upload each, one file recovered for each. */
async function recoverTwo(stack: RunningStack): Promise<typeof before> {
  const jobs = [await stack.failedJob({}), await stack.failedJob({})] as const;
  const [{ recoveries }] = await Promise.all([stack.settled(jobs[0], 1), stack.settled(jobs[1], 1)]);
  await stack.idle();
  const key = recoveries[0]?.key ?? '';
  return { jobs, key, digest: await stack.digest(key) };
}

/** What `RestoreTableToPointInTime` makes: a table of another name with the items, the keys and the indexes. */
async function restore(from: string, to: string): Promise<void> {
  const { Table } = await client.send(new DescribeTableCommand({ TableName: from }));
  await client.send(
    new CreateTableCommand({
      TableName: to,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: Table?.AttributeDefinitions,
      KeySchema: Table?.KeySchema,
      GlobalSecondaryIndexes: Table?.GlobalSecondaryIndexes?.map(({ IndexName, KeySchema, Projection }) => ({
        IndexName,
        KeySchema,
        Projection,
      })),
    }),
  );
  for await (const { Items = [] } of paginateScan({ client, pageSize: 25 }, { TableName: from })) {
    if (Items.length === 0) continue;
    const requests = Items.map((Item) => ({ PutRequest: { Item } }));
    await client.send(new BatchWriteItemCommand({ RequestItems: { [to]: requests } }));
  }
}
