import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import * as v from 'valibot';
import type { LedgerTable } from '../../../lambda/shared/ledger/ledger-table.ts';
import type { JobRecords } from '../../../lambda/shared/ledger/read-items.ts';
import { placeOf, type RecoveryRecord } from '../../../lambda/shared/ledger/records.ts';
import { type CommandContext, NeedsAttention } from '../command.ts';
import { notificationAccess } from '../notification-secret.ts';
import { progressOn } from '../progress.ts';
import { explained, outputOf, resolveTarget } from '../target.ts';
import { harmless } from '../terminal.ts';
import { followJob, removeRecords } from './follow.ts';
import { testNotification } from './notification.ts';
import { type SendTestOptions, sendTestOptions } from './options.ts';
import { adviceFor, postNotification } from './post.ts';

/** Publishing takes the worker less than a second, and a few more where it tries again. */
const EVENT_PATIENCE_MS = 10_000;

const OWED =
  'Its event is still owed: the topic did not take it. The record stays, and reconcile publishes the event once the ' +
  'topic takes it (see npm run status)';

/** `npm run send-test`: see its help in `options.ts`. */
export async function sendTest(context: CommandContext): Promise<void> {
  const options = sendTestOptions(context.argv);
  const target = await resolveTarget(options.target);
  const tableName = outputOf(target, 'TableName');
  const access = await notificationAccess(target);
  const job = testNotification(options.url, context.now);
  const say = sayer(context, options);

  const answer = await postNotification(access, job.body, options.byHeader);
  const { status, milliseconds } = answer;
  await say.line(`Posted test job ${job.jobId} to ${access.url}: ${status} after ${milliseconds} ms`);
  if (status < 200 || status > 299) {
    await say.json({ ok: false, jobId: job.jobId, answer });
    throw new NeedsAttention(`send-test: ${status} ${harmless(answer.body)}\n${adviceFor(status)}`);
  }
  if (options.url !== undefined && filesIn(answer.body) === 0) {
    await say.json({ ok: false, jobId: job.jobId, answer });
    throw new NeedsAttention(
      'send-test: the stack does not take the URL for a file of Zencoder: its storage is not on the allow-list (setting zencoderStorage)',
    );
  }
  const client = new DynamoDBClient(target.clientConfig('dynamodb'));
  try {
    await follow({ client, tableName, recordTtlDays: 0 }, job.jobId, answer, options, context);
  } catch (error) {
    throw explained(error);
  } finally {
    client.destroy();
  }
}

async function follow(
  table: LedgerTable,
  jobId: string,
  answer: object,
  { url, timeout, keep, json }: SendTestOptions,
  context: CommandContext,
): Promise<void> {
  const say = sayer(context, { json });
  const progress = progressOn(context.err);
  const { records, isDone, owedEvents, milliseconds } = await followJob(table, {
    jobId,
    untilRecovered: url !== undefined,
    timeout,
    eventPatience: EVENT_PATIENCE_MS,
    onLook: (seen, elapsed) => progress.show(`${stateOf(seen)}, ${Math.round(elapsed / 1000)} s`),
  });
  await progress.clear();
  const [failure] = records.failures;
  const [recovery] = records.recoveries;
  if (failure !== undefined) await say.line(`Recorded in the ledger as ${failure.errorClass}, a test`);
  if (recovery !== undefined) await say.line(sentenceOf(recovery));
  if (isDone && owedEvents > 0) await say.line(OWED);
  // An event is published from its record.
  const isToGo = isDone && owedEvents === 0 && url === undefined && !keep;
  const removed = isToGo ? await removeRecords(table, jobId) : 0;
  if (removed > 0) await say.line('Removed its record from the ledger again');
  const ok = isDone && (recovery === undefined || recovery.state === 'recovered');
  await say.json({ ok, jobId, answer, milliseconds, ...outcomeOf(records), owedEvents, removed });
  if (!isDone) {
    throw new NeedsAttention(
      `send-test: taken, but not done after ${Math.round(milliseconds / 1000)} s (${stateOf(records)}): see npm run status and the logs of the worker`,
    );
  }
  if (!ok) throw new NeedsAttention('send-test: the file did not reach the bucket');
  const verdict = owedEvents === 0 ? 'All is well' : 'All but the event is well';
  await say.line(`${verdict} after ${(milliseconds / 1000).toFixed(1)} s.`);
}

/** How many backup files the stack found in the notification; undefined when it does not say. */
function filesIn(body: string): number | undefined {
  const { success, output } = v.safeParse(
    v.pipe(v.string(), v.parseJson(), v.object({ files: v.number() })),
    body,
  );
  return success ? output.files : undefined;
}

function outcomeOf({ failures, recoveries }: JobRecords): object {
  const [failure] = failures;
  const [recovery] = recoveries;
  return {
    recorded: failure?.errorClass ?? null,
    recovery:
      recovery === undefined
        ? null
        : {
            state: recovery.state,
            bucket: placeOf(recovery)?.bucket ?? null,
            key: placeOf(recovery)?.key ?? null,
            size: recovery.size ?? null,
            verifiedBy: recovery.verifiedBy ?? [],
            lastError: recovery.lastError ?? null,
          },
  };
}

function stateOf({ failures, recoveries }: JobRecords): string {
  if (recoveries[0] !== undefined) return `the recovery is ${recoveries[0].state}`;
  return failures.length > 0 ? 'recorded' : 'nothing is in the ledger yet';
}

function sentenceOf({ state, bucket, key, size, verifiedBy = [], lastError }: RecoveryRecord): string {
  if (state === 'recovered') {
    return `Copied ${size ?? 0} bytes to s3://${bucket}/${key}, verified by ${verifiedBy.join(', ')}`;
  }
  const reason = lastError === undefined ? '' : `: ${lastError.errorClass}: ${lastError.message}`;
  return `The recovery is ${state}${reason}`;
}

/** Lines for people as they come, or one object at the end. */
function sayer({ out }: CommandContext, { json }: Pick<SendTestOptions, 'json'>) {
  return {
    line: async (text: string) => {
      if (!json) await out.write(`${harmless(text)}\n`);
    },
    json: async (value: object) => {
      if (json) await out.write(`${JSON.stringify(value)}\n`);
    },
  };
}
