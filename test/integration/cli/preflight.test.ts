import { LambdaClient } from '@aws-sdk/client-lambda';
import { expect, it, onTestFinished } from 'vitest';
import { CommandFailure } from '../../../infra/cli/lib/command.ts';
import { readConcurrency } from '../../../infra/cli/lib/concurrency.ts';
import { checkDownload, concurrencyText, invokePreflight, textOf } from '../../../infra/cli/preflight.ts';
import { startLambdaApi } from '../../../infra/local/aws/lambda/invoke-api.ts';
import { FunctionError } from '../../../infra/local/aws/lambda/protocol.ts';
import { CHECKS, type PreflightReport } from '../../../lambda/shared/runtime/preflight.ts';

const REPORT: PreflightReport = {
  ok: false,
  bucket: 'acme',
  region: 'eu-west-1',
  leftBehind: [],
  checks: [
    {
      name: 'create',
      ...CHECKS.create,
      outcome: 'failed',
      errorClass: 'DestinationDenied',
      message: 'bucket acme returned 403',
      answer: 'an explicit deny \u001b[31min a resource-based policy',
    },
    { name: 'read', ...CHECKS.read, outcome: 'skipped', errorClass: null, message: null, answer: null },
  ],
};

async function invoked(invoke: (event: unknown) => Promise<unknown>, name = 'worker') {
  const server = await startLambdaApi(new Map([['worker', { invoke, submit: () => undefined }]]));
  onTestFinished(() => server.close());
  const target = {
    name: 'the stack',
    outputs: {},
    clientConfig: () => ({
      endpoint: server.endpoint,
      region: 'us-east-1',
      credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    }),
  };
  return await invokePreflight(target, name);
}

it('preflight invokes the worker with its event and returns the report', async () => {
  const events: unknown[] = [];
  const report = await invoked(async (event) => {
    events.push(event);
    return REPORT;
  });
  expect(events).toEqual([{ preflight: true }]);
  expect(report).toEqual(REPORT);
});

it('preflight reports a worker that cannot run, with the cause', async () => {
  const broken = invoked(async () => {
    throw new FunctionError('worker', {
      errorType: 'InvalidEnvironment',
      errorMessage: 'QUEUE_URL is missing',
    });
  });
  await expect(broken).rejects.toThrow(CommandFailure);
  await expect(broken).rejects.toThrow('InvalidEnvironment: QUEUE_URL is missing');
});

it('preflight recognises a worker version without preflight, and a missing function', async () => {
  await expect(invoked(async () => ({ batchItemFailures: [] }))).rejects.toThrow('deploy this version');
  await expect(invoked(async () => REPORT, 'other')).rejects.toThrow('the stack has no function other');
});

it('preflight prints each check, and each error once with the message of AWS, without control sequences', () => {
  const text = textOf({ paint: (_, words) => words }, REPORT, 'arn:aws:iam::1:role/worker');
  expect(text).toContain('Bucket acme, tried from eu-west-1 as arn:aws:iam::1:role/worker');
  expect(text).toMatch(/FAILED +create an object +s3:PutObject/);
  expect(text).toMatch(/skipped +look an object up/);
  expect(text).toContain('DestinationDenied: bucket acme returned 403');
  expect(text).toContain('AWS says: an explicit deny \uFFFD[31min a resource-based policy');
});

async function downloaded(
  report: PreflightReport,
  dashboard: () => Promise<unknown>,
  remove: () => Promise<null> = async () => null,
) {
  const events: unknown[] = [];
  const worker = async (event: unknown) => {
    events.push(event);
    if (JSON.stringify(event).includes('remove')) return remove();
    return JSON.stringify(event).includes('keep') ? { key: PROBE } : null;
  };
  const submit = () => undefined;
  const functions = new Map([
    ['worker', { invoke: worker, submit }],
    ['dashboard', { invoke: dashboard, submit }],
  ]);
  const server = await startLambdaApi(functions);
  onTestFinished(() => server.close());
  const target = {
    name: 'the stack',
    outputs: { WorkerFunctionName: 'worker', DashboardFunctionName: 'dashboard' },
    clientConfig: () => ({
      endpoint: server.endpoint,
      region: 'us-east-1',
      credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    }),
  };
  const result = await checkDownload(target, report).catch((error: unknown) => error);
  return { events, result };
}

const PROBE = 'zencoder-recovery-preflight/1/download';
const CREATED: PreflightReport = {
  ...REPORT,
  checks: REPORT.checks.map((check) => ({ ...check, outcome: 'passed' })),
};

it('preflight has the worker remove the probe that the dashboard was to download, whatever became of it', async () => {
  const kept = [{ preflight: 'keep' }, { preflight: 'remove', key: PROBE }];
  const result = { ...CREATED.checks[0], ...CHECKS.download, name: 'download' };
  expect(await downloaded(CREATED, async () => result)).toEqual({
    events: kept,
    result: { check: result, leftBehind: [] },
  });
  const broken = await downloaded(CREATED, async () => ({ nothing: true }));
  expect(broken.events).toEqual(kept);
  expect(String(broken.result)).toContain('deploy this version of the stack first');
});

it('preflight reports the download where its probe cannot be removed, and names the probe', async () => {
  const check = { ...CREATED.checks[0], ...CHECKS.download, name: 'download' };
  const refused = async () => {
    throw new FunctionError('worker', { errorType: 'DestinationDenied', errorMessage: 'Object Lock' });
  };
  const { result } = await downloaded(CREATED, async () => check, refused);
  expect(result).toEqual({ check, leftBehind: [PROBE] });
});

it('preflight tries no download where the worker could create no object', async () => {
  const { events, result } = await downloaded(REPORT, async () => null);
  expect(events).toEqual([]);
  expect(result).toMatchObject({ check: { name: 'download', outcome: 'skipped' } });
});

async function concurrencyOf(
  outputs: Readonly<Record<string, string>>,
  limits: { concurrentExecutions: number; unreserved: number },
) {
  const server = await startLambdaApi(new Map(), limits);
  onTestFinished(() => server.close());
  const clientConfig = () => ({
    endpoint: server.endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
  });
  const lambda = new LambdaClient(clientConfig());
  onTestFinished(() => lambda.destroy());
  return await readConcurrency({ name: 'the stack', outputs, clientConfig }, lambda);
}

it('preflight compares the concurrency of the account with that of the stack', async () => {
  const outputs = { MaxConcurrency: '5', DashboardUrl: 'https://api.example/' };
  const inNewAccount = await concurrencyOf(outputs, { concurrentExecutions: 10, unreserved: 10 });
  expect(inNewAccount).toMatchObject({ limit: 10, unreserved: 10, needed: 9, fits: true });
  const reserved = { ...outputs, MaxConcurrency: '9', IngestReservedConcurrency: '5' };
  const tooMany = await concurrencyOf(reserved, { concurrentExecutions: 15, unreserved: 10 });
  expect(tooMany).toMatchObject({ needed: 11, fits: false });
  expect(concurrencyText({ paint: (_, words) => words }, tooMany)).toContain(
    'FAILED  11 needed of 10 unreserved (15 in all)',
  );
});

it('preflight says why the concurrency was not compared', async () => {
  const older = await concurrencyOf({}, { concurrentExecutions: 10, unreserved: 10 });
  expect(concurrencyText({ paint: (_, words) => words }, older)).toMatch(
    /skipped +not checked: .* older version/,
  );
  const lambda = new LambdaClient({
    endpoint: 'http://127.0.0.1:1',
    region: 'us-east-1',
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    maxAttempts: 1,
  });
  onTestFinished(() => lambda.destroy());
  const target = { name: 'the stack', outputs: { MaxConcurrency: '5' }, clientConfig: () => ({}) };
  await expect(readConcurrency(target, lambda)).resolves.toEqual({
    notChecked: expect.stringContaining('ECONNREFUSED'),
  });
});
