import { randomBytes } from 'node:crypto';
import { HeadObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { Decided } from '../../infra/local/aws/iam/gate.ts';
import type { StackPolicies } from '../../infra/local/aws/iam/template-policies.ts';
import type { LocalStackOptions } from '../../infra/local/stack.ts';
import { MiB } from '../../lambda/worker/copy/plan.ts';
import { grantsOf, without } from '../permissions/grants.ts';
import { digestOf, freshId, type RunningStack, startRunningStack } from '../support/running-stack.ts';
import { authorizationOf } from '../support/stack.ts';

const BUCKET = 'acme-video';
/** A key of another account than the stack's, as its own policy lets this one use it. */
const KEY = 'arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab';

const startWithKey = (options: Pick<LocalStackOptions, 'changePolicies' | 'onDecision'>) =>
  startRunningStack({
    ...options,
    buckets: [BUCKET],
    context: { bucketName: BUCKET, bucketKmsKeyArn: KEY },
  });

/** The policies of a stack in which a function may not do one thing with the key. */
function withoutKeyAction(policies: StackPolicies, holder: RegExp, action: string): StackPolicies {
  const grant = grantsOf(policies).find((each) => holder.test(each.holder) && each.action === action);
  if (grant === undefined) throw new Error(`no function ${holder} has ${action}`);
  return without(policies, grant);
}

/** Notifies of a file that only Zencoder's backup server has. */
async function failedUpload({ keep, post }: RunningStack, body: Uint8Array): Promise<string> {
  const [jobId, id] = [freshId(), freshId()];
  const url = await keep(`o/20261122/${jobId}/media.mp4`, body);
  const output = { id, state: 'finished', type: 'standard', url, backup_server_used: true };
  const response = await post(JSON.stringify({ output, job: { id: jobId, state: 'finished' } }));
  expect(response.status).toBe(202);
  return String(jobId);
}

/** Downloads the only file of a job by the link of its page. */
async function download({ job, stack }: RunningStack, jobId: string): Promise<Response> {
  const { recoveries } = await job(jobId);
  const [record] = recoveries;
  const url = new URL(stack.dashboardUrl ?? '');
  const path = `/jobs/${jobId}/outputs/${record?.outputId}/files/${record?.role}/${record?.fileId}/download`;
  const page = await fetch(`${url.origin}${path}`, {
    headers: { authorization: authorizationOf(url) },
    redirect: 'manual',
  });
  return await fetch(page.headers.get('location') ?? '');
}

/** Which function did what, e.g. `Dashboard kms:Decrypt`. */
function useOf({ caller, request }: Decided): string {
  const role = caller?.arn.split('/')[1] ?? '';
  return `${/^(Dashboard|RecoveryWorker)/.exec(role)?.[0] ?? role} ${request.action}`;
}

describe('a stack whose bucket has a KMS key', () => {
  const journal: Decided[] = [];
  let running: RunningStack;

  beforeAll(async () => {
    running = await startWithKey({ onDecision: (decided) => journal.push(decided) });
  });
  afterAll(() => running?.close());

  it.each([
    ['small', 1000, ['Dashboard kms:Decrypt', 'RecoveryWorker kms:GenerateDataKey']],
    [
      'multipart',
      20 * MiB,
      ['Dashboard kms:Decrypt', 'RecoveryWorker kms:Decrypt', 'RecoveryWorker kms:GenerateDataKey'],
    ],
  ])('recovers a %s file under the key and downloads it', async (_, size, uses) => {
    journal.length = 0;
    const body = randomBytes(size);
    const jobId = await failedUpload(running, body);
    const { key = '' } = await running.recovery(jobId, ({ state }) => state === 'recovered');
    const file = await download(running, jobId);

    expect(digestOf(new Uint8Array(await file.arrayBuffer()))).toBe(digestOf(body));
    await expect(
      running.stack.clients.s3.send(new HeadObjectCommand({ Bucket: BUCKET, Key: key })),
    ).resolves.toMatchObject({ ServerSideEncryption: 'aws:kms', SSEKMSKeyId: KEY });
    const asked = journal.filter(({ request }) => request.resource === KEY);
    expect([...new Set(asked.map(useOf))].toSorted()).toEqual(uses);
    expect(asked.every(({ verdict }) => verdict.allowed)).toBe(true);
  });
});

describe('a function that may not use the key of the bucket', () => {
  it.each([
    ['kms:GenerateDataKey', 1000],
    ['kms:GenerateDataKey', 20 * MiB],
    ['kms:Decrypt', 20 * MiB],
  ])('keeps a recovery pending without %s of the worker, for %i bytes', async (action, size) => {
    const running = await startWithKey({
      changePolicies: (policies) => withoutKeyAction(policies, /^RecoveryWorkerFunction/, action),
    });
    onTestFinished(() => running.close());
    const jobId = await failedUpload(running, randomBytes(size));
    const record = await running.recovery(jobId, (each) => each.attempts > 0 && each.state === 'pending');

    expect(record.lastError).toMatchObject({ errorClass: 'DestinationKeyDenied' });
    expect(record.lastError?.message).toContain(`KMS key ${KEY} cannot be used; set bucketKmsKeyArn to it`);
    expect(await running.keys()).toEqual([]);
  });

  it('makes a download link that S3 refuses without kms:Decrypt of the dashboard', async () => {
    const running = await startWithKey({
      changePolicies: (policies) => withoutKeyAction(policies, /^DashboardPagesFunction/, 'kms:Decrypt'),
    });
    onTestFinished(() => running.close());
    const jobId = await failedUpload(running, randomBytes(1000));
    await running.recovery(jobId, ({ state }) => state === 'recovered');
    const refused = await download(running, jobId);

    expect(refused.status).toBe(403);
    expect(await refused.text()).toContain(`is not authorized to perform: kms:Decrypt on resource: ${KEY}`);
  });
});
