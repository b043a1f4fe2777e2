import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { QueryCommand } from '@aws-sdk/client-dynamodb';
import * as v from 'valibot';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseConfig } from '../../infra/config.ts';
import type { Decided } from '../../infra/local/aws/iam/gate.ts';
import { alarmsOf, seriesOf } from '../infra/alarms.ts';
import { templateOf } from '../infra/template.ts';
import {
  COUNTED_PARTS,
  type Counted,
  type Counts,
  costTables,
  type Fixed,
  ITEM_KB,
  idleUsd,
  LOG_KB,
  PART_BYTES,
  quietUsd,
  terabyteUsd,
} from '../support/cost.ts';
import { freshId, type RunningStack, startRunningStack } from '../support/running-stack.ts';
import { outputOf } from '../support/stack.ts';

/** A line by which CloudWatch gets metrics. */
const metricLine = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({
    _aws: v.object({
      CloudWatchMetrics: v.array(v.object({ Metrics: v.array(v.object({ Name: v.string() })) })),
    }),
  }),
);

const BY_TIME = new Set([
  'worker sqs:ReceiveMessage',
  'worker sqs:DeleteMessage',
  'ingest dynamodb:UpdateItem',
]);

const journal: Decided[] = [];

let running: RunningStack;
let counted: Counted;
/** Of the file of several parts. */
let largestJob: string;

beforeAll(async () => {
  running = await startRunningStack({ schedules: 'manual', onDecision: (decided) => journal.push(decided) });
  // The first requests of a function read secrets, which warm ones keep.
  await recover(1000);
  await running.stack.schedules.run('reconcile');
  counted = {
    quiet: await countsOf(() => notify(undefined)),
    small: await countsOf(() => recover(300_000)),
    parts: await countsOf(async () => {
      largestJob = await recover(COUNTED_PARTS * PART_BYTES);
    }),
    reconcile: await countsOf(() => running.stack.schedules.run('reconcile')),
  };
});
afterAll(() => running?.close());

describe('the costs', () => {
  it('in COST.md are the requests counted here at list prices', () => {
    const tables = costTables(counted, fixed());
    const written = /<!-- tables -->\n\n(.*)\n\n<!-- end of tables -->/s.exec(
      documentOf('.github/COST.md'),
    )?.[1];
    expect(written, `paste these tables:\n\n${tables}\n`).toBe(tables);
  });

  it('in the README are those of COST.md', () => {
    const readme = documentOf('README.md');
    expect(readme).toContain(`${idleUsd(counted, fixed()).toFixed(2)} USD a month`);
    expect(readme).toContain(`${quietUsd(counted).toFixed(2)} USD per million`);
    expect(readme).toContain(`${terabyteUsd(counted).toFixed(2)} USD per TB`);
  });

  it('are for logs and items that are not larger than assumed', async () => {
    const { stack } = running;
    const { Items = [] } = await stack.clients.dynamodb.send(
      new QueryCommand({
        TableName: outputOf(stack, 'TableName'),
        KeyConditionExpression: 'pk = :pk',
        ExpressionAttributeValues: { ':pk': { S: `JOB#${largestJob}` } },
      }),
    );
    // The JSON of an item is longer than what DynamoDB counts.
    const sizes = Items.map((item) => Buffer.byteLength(JSON.stringify(item)));
    expect(sizes).toHaveLength(2);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(ITEM_KB * 1024);
    for (const [name, invocations] of [
      ['ingest', 4],
      ['worker', 3],
      ['reconcile', 2],
    ] as const) {
      const bytes = Buffer.byteLength(stack.functions.logs(name).join('\n'));
      expect(bytes, name).toBeGreaterThan(0);
      expect(bytes / invocations, name).toBeLessThanOrEqual(LOG_KB * 1000);
    }
  });
});

/** What the idle stack has with default settings: by its template, and by what reconcile wrote. */
function fixed(): Fixed {
  const template = templateOf();
  const made = (type: string) => Object.keys(template.findResources(type)).length;
  const metrics = running.stack.functions.logs('reconcile').flatMap(metricsOf);
  return {
    alarmMetrics: alarmsOf(template).flatMap(seriesOf).length,
    secrets: made('AWS::SecretsManager::Secret'),
    keys: made('AWS::KMS::Key'),
    customMetrics: new Set(metrics).size,
    reconcileMinutes: parseConfig({}).reconcileMinutes,
  };
}

/** Names of the metrics in a line of a log. */
function metricsOf(line: string): string[] {
  const parsed = v.safeParse(metricLine, line);
  if (!parsed.success) return [];
  return parsed.output._aws.CloudWatchMetrics.flatMap(({ Metrics }) => Metrics.map(({ Name }) => Name));
}

function documentOf(path: string): string {
  return readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
}

/** Posts a notification of one output, with a backup file or without; the job's id. */
async function notify(url: string | undefined): Promise<string> {
  const [jobId, id] = [freshId(), freshId()];
  const failed = url !== undefined && {
    url,
    backup_server_used: true,
    primary_upload_error_link: 'https://app.zencoder.com/docs/errors/UploadAccessDeniedError',
    primary_upload_error_message: 'Access was denied while uploading to s3://acme-video-out/web.mp4.',
  };
  const output = {
    id,
    label: 'web',
    state: 'finished',
    type: 'standard',
    url: 's3://acme-video-out/web.mp4',
    ...failed,
  };
  const job = { id: jobId, state: 'finished', pass_through: 'asset:1', test: false };
  const response = await running.post(JSON.stringify({ output, job, input: {} }));
  expect(response.ok).toBe(true);
  return String(jobId);
}

/** Keeps a file, notifies of it and waits until it is recovered and its message is gone. */
async function recover(bytes: number): Promise<string> {
  const url = await running.keep(`o/20261122/${freshId()}/media.mp4`, randomBytes(bytes));
  const jobId = await notify(url);
  await running.settled(jobId, 1);
  await running.idle();
  return jobId;
}

/**
 * Requests of the functions meanwhile, as the gate has seen them. Left out is what goes by time: Lambda's polls, and the
 * time of the last notification, which ingest notes at most once a minute.
 */
async function countsOf(scenario: () => Promise<unknown>): Promise<Counts> {
  const from = journal.length;
  await scenario();
  const kinds = journal.slice(from).flatMap(({ caller, request: { action } }) => {
    const name = /(Ingest|Worker|Reconcile|Dashboard)Role/.exec(caller?.arn ?? '')?.[1]?.toLowerCase();
    return name === undefined ? [] : `${name} ${action}`;
  });
  const counts: Record<string, number> = {};
  for (const kind of kinds.filter((each) => !BY_TIME.has(each))) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}
