import { randomBytes } from 'node:crypto';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { queueDepth } from '../../infra/cli/lib/queues.ts';
import type { StackPolicies } from '../../infra/local/aws/iam/template-policies.ts';
import { freshId, type RunningStack, startRunningStack } from '../support/running-stack.ts';
import { authorizationOf, outputOf } from '../support/stack.ts';

/** The policies of a stack in which no statement of one function allows an action. */
function without(policies: StackPolicies, logicalId: RegExp, action: string): StackPolicies {
  const functions = [...policies.functions].map(([id, caller]) => {
    if (!logicalId.test(id)) return [id, caller] as const;
    const rest = caller.policies.map((policy) => ({
      ...policy,
      statements: policy.statements.map((statement) =>
        statement.effect === 'Deny'
          ? statement
          : { ...statement, actions: statement.actions.filter((each) => each !== action) },
      ),
    }));
    return [id, { ...caller, policies: rest }] as const;
  });
  return { ...policies, functions: new Map(functions) };
}

async function stackWithout(logicalId: RegExp, action: string): Promise<RunningStack> {
  const running = await startRunningStack({
    changePolicies: (policies) => without(policies, logicalId, action),
  });
  onTestFinished(() => running.close());
  return running;
}

/** Notifies of one failed upload. */
async function failedUpload({ keep, post }: RunningStack): Promise<string> {
  const [jobId, id] = [freshId(), freshId()];
  const url = await keep(`o/20261122/${jobId}/media.mp4`, randomBytes(1000));
  const output = {
    id,
    label: 'web',
    state: 'finished',
    url,
    backup_server_used: true,
    primary_upload_error_link: 'https://app.zencoder.com/docs/errors/UploadAccessDeniedError',
    primary_upload_error_message: 'Access was denied.',
  };
  const job = { id: jobId, state: 'finished', test: false };
  expect((await post(JSON.stringify({ output, job, input: {} }))).status).toBe(202);
  return String(jobId);
}

describe('a function that AWS denies an action', () => {
  it('keeps a recovery pending and asks for action when the worker may not put objects', async () => {
    const running = await stackWithout(/^RecoveryWorkerFunction/, 's3:PutObject');
    const jobId = await failedUpload(running);
    const record = await running.recovery(jobId, (each) => each.attempts > 0 && each.state === 'pending');

    expect(record.lastError).toMatchObject({ errorClass: 'DestinationDenied' });
    // Metrics are written when the invocation ends.
    await vi.waitFor(() => {
      expect(running.metric('worker', 'actionRequired', 'DestinationDenied')).not.toEqual([]);
    });
    expect(await running.keys()).toEqual([]);
  });

  it('leaves a copied file unsettled and its message on the queue when the worker may not update the ledger', async () => {
    const running = await stackWithout(/^RecoveryWorkerFunction/, 'dynamodb:UpdateItem');
    const jobId = await failedUpload(running);
    await vi.waitFor(
      () => {
        expect(running.lines().join('\n')).toContain('is not authorized to perform: dynamodb:UpdateItem');
      },
      { timeout: 30_000 },
    );

    const { recoveries } = await running.job(jobId);
    expect(recoveries.map(({ state }) => state)).toEqual(['copying']);
    const depth = await queueDepth(running.sqs, outputOf(running.stack, 'QueueUrl'));
    expect(depth.waiting + depth.hidden + depth.delayed).toBe(1);
  });

  it('makes a download link of which S3 refuses to serve the file when the dashboard may not get objects', async () => {
    const running = await stackWithout(/^DashboardPagesFunction/, 's3:GetObject');
    const jobId = await failedUpload(running);
    const { recoveries } = await running.settled(jobId, 1);
    const [record] = recoveries;
    if (record === undefined) throw new Error('no recovery');
    const url = new URL(running.stack.dashboardUrl ?? '');
    const path = `jobs/${jobId}/outputs/${record.outputId}/files/${record.role}/${record.fileId}/download`;
    const page = await fetch(new URL(path, `${url.origin}${url.pathname.replace(/\/?$/, '/')}`), {
      headers: { authorization: authorizationOf(url) },
      redirect: 'manual',
    });
    const refused = await fetch(page.headers.get('location') ?? '');

    expect(page.status).toBe(303);
    expect(refused.status).toBe(403);
    expect(await refused.text()).toContain('is not authorized to perform: s3:GetObject');
  });
});
