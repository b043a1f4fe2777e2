import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import * as v from 'valibot';
import { createLedger } from '../../lambda/shared/ledger/ledger.ts';
import type { JobRecords } from '../../lambda/shared/ledger/reads.ts';
import type { RecoveryRecord } from '../../lambda/shared/ledger/records.ts';
import { recoveryJson } from '../../lambda/shared/reporting/json.ts';
import { parseDuration } from '../../lambda/shared/reporting/time.ts';
import { toCommandFailure } from './lib/aws-errors.ts';
import {
  type CommandContext,
  isEntryPoint,
  NeedsAttention,
  quoted,
  readOptions,
  runCommand,
  UsageError,
} from './lib/command.ts';
import { announce, outputOf, resolveTarget, STACK_HELP, STACK_OPTIONS } from './lib/target.ts';
import { progressOn, sanitize } from './lib/terminal.ts';
import { notificationAccess } from './notification-url.ts';
import { adviceFor, followJob, postNotification, removeRecords, testNotification } from './send-test-job.ts';

export const HELP = `Usage: npm run send-test -- [options]

Posts a notification to the deployed URL as Zencoder does (HTTP/1.1, JSON) and waits for the result in the ledger:
shows that address, credentials, queue, worker and ledger work together. The job is a made-up test job with an id far
beyond Zencoder's, whose upload is said to have failed without a backup; its record is removed from the ledger
afterwards. An event that the topic does not take within seconds is said to be owed, and its record stays.

  --url URL         the signed URL of a file on Zencoder's storage: the test then includes the copy into your bucket,
                    and file and records stay
  --header          authenticate by X-Zencoder-Notification-Secret instead of the credentials in the URL
  --keep            keep the record in the ledger
  --timeout TIME    stop waiting after (default: 2m)
  --json            one JSON object

${STACK_HELP}
Exit codes: 0 it ended as it should, 1 failed, 2 not understood, 3 the stack refused it, lost the file (as when its URL
is refused) or was not done in time (as when the file is missing, which the stack looks for longer than this command).

Examples:
  npm run send-test
  npm run send-test -- --local
  npm run send-test -- --url 'https://zencoder-temp-storage-us-east-1.s3.amazonaws.com/o/20261122/…?X-Amz-…'
`;

export interface SendTestOptions {
  /** Signed URL of a backup file. */
  readonly url?: string;
  readonly byHeader: boolean;
  readonly keep: boolean;
  /** Milliseconds. */
  readonly timeout: number;
  readonly json: boolean;
  readonly target: { readonly stack?: string; readonly local?: boolean };
}

/**
 * Reads the command line.
 *
 * @throws {UsageError}
 */
export function sendTestOptions(argv: readonly string[]): SendTestOptions {
  const { url, header, keep, timeout, json, ...target } = readOptions(argv, {
    url: { type: 'string' },
    header: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
    timeout: { type: 'string', default: '2m' },
    json: { type: 'boolean', default: false },
    ...STACK_OPTIONS,
  });
  const milliseconds = parseDuration(timeout);
  if (milliseconds === null) throw new UsageError(`--timeout expects e.g. 90s or 5m, not ${quoted(timeout)}`);
  // Not repeated in the message: it is a credential.
  if (url !== undefined && URL.parse(url) === null)
    throw new UsageError('--url must be the whole signed URL, in quotes');
  return {
    ...(url !== undefined && { url }),
    ...{ byHeader: header, keep, timeout: milliseconds, json, target },
  };
}

/** Publishing takes the worker less than a second, and a few more when it retries. */
const EVENT_PATIENCE_MS = 10_000;

const OWED =
  'Its event is still owed: the topic did not take it. The record stays, and reconcile publishes the event once the ' +
  'topic takes it (see npm run status)';

/** `npm run send-test`: see {@link HELP}. */
export async function sendTest(context: CommandContext): Promise<void> {
  const options = sendTestOptions(context.argv);
  const target = await resolveTarget(options.target, context);
  const tableName = outputOf(target, 'TableName');
  const access = await notificationAccess(target);
  const job = testNotification(options.url, context.now);
  const say = reporter(context, options);

  await announce(target, context.err);
  const response = await postNotification(access, job.body, options.byHeader);
  const { status, milliseconds } = response;
  await say.line(`Posted test job ${job.jobId} to ${access.url}: ${status} after ${milliseconds} ms`);
  if (status < 200 || status > 299) {
    await say.json({ ok: false, jobId: job.jobId, response });
    throw new NeedsAttention(`send-test: ${status} ${sanitize(response.body)}\n${adviceFor(status)}`);
  }
  if (options.url !== undefined && filesIn(response.body) === 0) {
    await say.json({ ok: false, jobId: job.jobId, response });
    throw new NeedsAttention(
      'send-test: the stack does not take the URL for a file of Zencoder: its storage is not on the allow-list (setting zencoderStorage)',
    );
  }
  const client = new DynamoDBClient(target.clientConfig('dynamodb'));
  try {
    await follow({ client, tableName }, job.jobId, response, options, context);
  } catch (error) {
    throw toCommandFailure(error, target.name);
  } finally {
    client.destroy();
  }
}

async function follow(
  table: { readonly client: DynamoDBClient; readonly tableName: string },
  jobId: string,
  response: object,
  { url, timeout, keep, json }: SendTestOptions,
  context: CommandContext,
): Promise<void> {
  const say = reporter(context, { json });
  const progress = progressOn(context.err);
  const ledger = createLedger({ ...table, recordTtlDays: 0, now: () => context.now });
  const { records, isDone, owedEvents, milliseconds } = await followJob(ledger, {
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
  await say.json({ ok, jobId, response, milliseconds, ...outcomeOf(records), owedEvents, removed });
  if (!isDone) {
    throw new NeedsAttention(
      `send-test: taken, but not done after ${Math.round(milliseconds / 1000)} s (${stateOf(records)}): see npm run status and the logs of the worker`,
    );
  }
  if (!ok) throw new NeedsAttention('send-test: the file did not reach the bucket');
  const verdict = owedEvents === 0 ? 'All is well' : 'All but the event is well';
  await say.line(`${verdict} after ${(milliseconds / 1000).toFixed(1)} s.`);
}

/** How many backup files the stack found in the notification; undefined when the response does not state it. */
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
    recovery: recovery === undefined ? null : recoveryJson(recovery),
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

/** Lines of text as they occur, or one object at the end. */
function reporter({ out }: CommandContext, { json }: Pick<SendTestOptions, 'json'>) {
  return {
    line: async (text: string) => {
      if (!json) await out.write(`${sanitize(text)}\n`);
    },
    json: async (value: object) => {
      if (json) await out.write(`${JSON.stringify(value)}\n`);
    },
  };
}

if (isEntryPoint(import.meta)) await runCommand('send-test', HELP, sendTest);
