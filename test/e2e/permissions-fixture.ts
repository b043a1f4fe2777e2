import { randomBytes } from 'node:crypto';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { DeleteMessageCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { vi } from 'vitest';
import { accessDenied } from '../../infra/local/aws/s3/faults.ts';
import type { RecoveryRecord } from '../../lambda/shared/ledger/records.ts';
import { HOUR_MS, MINUTE_MS } from '../../lambda/shared/runtime/durations.ts';
import type { Run } from '../support/run-cli.ts';
import { freshId, type RunningStack } from '../support/running-stack.ts';
import { outputOf } from '../support/stack.ts';

const MiB = 2 ** 20;

/** Settings under which {@link useEveryPermission} runs. */
export const SETTINGS = { segmentBytes: 16 * MiB };

/** Runs a command of the operators with `--local`. */
export type Cli = (command: string, ...args: string[]) => Promise<Run>;

/** What {@link useEveryPermission} breaks for a while. */
export interface Faults {
  topicIsDown: boolean;
}

/** Makes functions and operators do each thing that they have a permission for, and checks the outcome of each. */
export async function useEveryPermission(running: RunningStack, run: Cli, faults: Faults): Promise<void> {
  await refuseNotification(running);
  await copySegmentsAgain(running);
  await resumeAfterCrash(running);
  await meetAnotherFile(running);
  await reconcileAll(running, faults);
  await lookAtDashboard(running);
  await operate(running, run);
}

async function refuseNotification({ post }: RunningStack): Promise<void> {
  expectThat((await post('<hash/>')).status === 415, 'XML is refused');
}

/** A segmented copy whose first upload is gone. */
async function copySegmentsAgain(running: RunningStack): Promise<void> {
  const uploads = new Set<string>();
  running.destination.setFaults(({ operation, uploadId = '' }) => {
    if (operation !== 'UploadPart') return undefined;
    uploads.add(uploadId);
    return uploads.size > 1 ? undefined : { status: 404, code: 'NoSuchUpload' };
  });
  const { jobId } = await notify(running, randomBytes(40 * MiB));
  await running.recovery(jobId, ({ state }) => state === 'recovered');
  running.destination.setFaults(undefined);
  expectThat(uploads.size > 1, 'the upload is begun again');
}

/** A copy that another worker resumes from its parts. */
async function resumeAfterCrash(running: RunningStack): Promise<void> {
  const { storage } = running.standIn;
  const killed = Promise.withResolvers<void>();
  let held = 0;
  storage.setFaults(async ({ operation, count }) => {
    if (operation === 'GetObject' && count > 2) {
      held++;
      await killed.promise;
    }
    return undefined;
  });
  const { jobId } = await notify(running, randomBytes(15 * MiB));
  await vi.waitFor(() => expectThat(held > 0, 'a part is held'), 20_000);
  running.stack.functions.kill('worker');
  killed.resolve();
  storage.setFaults(undefined);
  await running.recovery(jobId, ({ state }) => state === 'recovered');
}

/** A file whose key another object has: the copy ends, and its upload is aborted. */
async function meetAnotherFile(running: RunningStack): Promise<void> {
  const { s3 } = running.stack.clients;
  const body = randomBytes(40 * MiB);
  const taken = Promise.withResolvers<void>();
  running.destination.setFaults(async ({ operation }) => {
    if (operation === 'CompleteMultipartUpload') await taken.promise;
    return undefined;
  });
  const { jobId, key } = await notify(running, body);
  await running.recovery(jobId, ({ bytesDone = 0 }) => bytesDone > 0);
  await s3.send(
    new PutObjectCommand({ Bucket: outputOf(running.stack, 'BucketName'), Key: key, Body: 'another' }),
  );
  taken.resolve();
  await running.recovery(jobId, ({ state }) => state === 'failed');
  running.destination.setFaults(undefined);
}

/** What reconcile does: owed events, recoveries without a message, outputs without a notification. */
async function reconcileAll(running: RunningStack, faults: Faults): Promise<void> {
  const { stack, clock, standIn } = running;
  faults.topicIsDown = true;
  const owed = await running.failedJob();
  await running.recovery(owed, ({ settledAt }) => settledAt !== undefined);
  // The worker publishes the failure, then the settled recovery: the record is settled before it has given up the second.
  const refusals = () =>
    stack.functions.logs('worker').filter((line) => line.includes('events not published'));
  await vi.waitFor(() => expectThat(refusals().length > 1, 'the event is left owed'), 20_000);
  faults.topicIsDown = false;
  clock.advance(HOUR_MS);
  await stack.schedules.run('reconcile');
  await vi.waitFor(async () => {
    const { recoveries } = await running.job(owed);
    expectThat(
      recoveries.every(({ eventOwedAt }) => eventOwedAt === undefined),
      'the event is published',
    );
  }, 20_000);

  const isWaiting = ({ nextAttemptAt = 0 }: RecoveryRecord) => nextAttemptAt > clock.now();
  running.destination.setFaults(({ operation }) =>
    operation === 'PutObject' ? accessDenied('s3:PutObject', 'arn:aws:s3:::bucket') : undefined,
  );
  const stalled = await running.failedJob();
  const { nextAttemptMessage } = await running.recovery(stalled, isWaiting);
  await stack.clients.sqs.send(
    new DeleteMessageCommand({
      QueueUrl: outputOf(stack, 'QueueUrl'),
      ReceiptHandle: nextAttemptMessage?.receiptHandle,
    }),
  );
  running.destination.setFaults(undefined);
  standIn.zencoder.withholdNotifications = true;
  const missed = await running.failedJob();
  standIn.zencoder.withholdNotifications = false;
  clock.advance(40 * MINUTE_MS);
  await stack.schedules.run('reconcile');
  for (const jobId of [stalled, missed]) await running.recovery(jobId, ({ state }) => state === 'recovered');
}

/** Pages, JSON API, a download and a retry. */
async function lookAtDashboard(running: RunningStack): Promise<void> {
  const lost = await lostFile(running);
  const recovered = await running.failedJob();
  const done = await running.recovery(recovered, ({ state }) => state === 'recovered');
  const record = `/jobs/${recovered}/outputs/${done.outputId}`;
  for (const path of ['/', '/errors', `/jobs/${recovered}`, record, '/api/failures', '/api/recoveries']) {
    expectThat((await dashboardRequest(running, path)).status === 200, `${path} is shown`);
  }
  const link = await dashboardRequest(running, `${record}/files/${done.role}/${done.fileId}/download`);
  const file = await fetch(link.headers.get('location') ?? '');
  expectThat(file.status === 200, `the download works: ${await file.text()}`);

  const page = await dashboardRequest(running, `/jobs/${lost.jobId}/outputs/${lost.outputId}`);
  const token = /name="token" value="([^"]+)"/.exec(await page.text())?.[1] ?? '';
  const retry = await dashboardRequest(running, `/jobs/${lost.jobId}/outputs/${lost.outputId}/retry`, {
    method: 'POST',
    body: new URLSearchParams({ token }),
  });
  expectThat(retry.status === 303, 'a retry is taken');
  await running.recovery(lost.jobId, ({ state }) => state === 'recovered');
}

/** Every command of the operators. */
async function operate(running: RunningStack, run: Cli): Promise<void> {
  const succeeds = async (command: string, ...args: string[]) => {
    const { code, stdout, stderr } = await run(command, ...args);
    expectThat(code === 0, `npm run ${command} -- ${args.join(' ')}: ${stdout}${stderr}`);
  };
  await succeeds('notification-url');
  await succeeds('preflight');
  await succeeds('send-test');
  await succeeds('failures', '--since', '2d');
  const lost = await lostFile(running);
  await succeeds('redrive', '--job', lost.jobId, '--wait', '--timeout', '1m');
  await running.stack.clients.sqs.send(
    new SendMessageCommand({ QueueUrl: outputOf(running.stack, 'QueueUrl'), MessageBody: 'nonsense' }),
  );
  await vi.waitFor(async () => {
    const { stdout } = await run('status', '--json');
    const { deadLetters, refusedNotifications } = JSON.parse(stdout);
    expectThat(deadLetters.count === 1, 'status counts the dead letter');
    expectThat(refusedNotifications[0]?.status === 415, 'and the refused notification');
  }, 30_000);
  await succeeds('redrive', '--dead-letters');
}

async function lostFile(running: RunningStack): Promise<RecoveryRecord> {
  const { storage } = running.standIn;
  storage.setFaults(({ operation }) =>
    operation === 'GetObject' ? { status: 403, code: 'AccessDenied' } : undefined,
  );
  const jobId = await running.failedJob();
  const record = await running.recovery(jobId, ({ state }) => state === 'lost');
  storage.setFaults(undefined);
  return record;
}

async function notify(running: RunningStack, body: Uint8Array) {
  const [job, output] = [freshId(), freshId()];
  const url = await running.keep(`o/20261122/${job}/media.mp4`, body);
  const response = await running.post(
    JSON.stringify({
      output: { id: output, state: 'finished', type: 'standard', url, backup_server_used: true },
      job: { id: job, state: 'finished' },
    }),
  );
  expectThat(response.status === 202, 'the notification is taken');
  return { jobId: String(job), key: `zencoder-recovery/${job}/${output}/media/media.mp4` };
}

async function dashboardRequest(
  { stack }: RunningStack,
  path: string,
  init: RequestInit = {},
): Promise<Response> {
  const { origin, username, password } = new URL(stack.dashboardUrl ?? '');
  const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  return await fetch(`${origin}${path}`, {
    ...init,
    redirect: 'manual',
    headers: { authorization, 'sec-fetch-site': 'same-origin' },
  });
}

function expectThat(isSo: boolean, what: string): void {
  if (!isSo) throw new Error(`not so: ${what}`);
}
