import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SQSClient } from '@aws-sdk/client-sqs';
import { createLedger, type Ledger } from '../../lambda/shared/ledger/ledger.ts';
import type { RecoveryRecord } from '../../lambda/shared/ledger/records.ts';
import { encodeMessage } from '../../lambda/shared/queue/messages.ts';
import { MessagesNotQueued, sendMessages } from '../../lambda/shared/queue/send.ts';
import { counted } from '../../lambda/shared/reporting/format.ts';
import { recoveryJson } from '../../lambda/shared/reporting/json.ts';
import { toCommandFailure } from './lib/aws-errors.ts';
import {
  type CommandContext,
  CommandFailure,
  isEntryPoint,
  NeedsAttention,
  runCommand,
} from './lib/command.ts';
import { deadLetterReasons, moveDeadLetters, queueDepth } from './lib/queues.ts';
import { COLUMNS, writeTable } from './lib/table.ts';
import { announce, outputOf, resolveTarget, STACK_HELP } from './lib/target.ts';
import { progressOn, sanitize, type Terminal } from './lib/terminal.ts';
import { type Ending, waitForSettled } from './redrive-follow.ts';
import {
  type RedriveOptions,
  redriveOptions,
  type Selection,
  selectRecoveries,
  wantedMessages,
} from './redrive-selection.ts';

export const HELP = `Usage: npm run redrive -- (--job ID | --error CLASS | --state STATE | --dead-letters) [options]

Tries recoveries again now. One that waits for its next attempt is made due. For any other the worker asks Zencoder
for a fresh URL: the stack needs an API key (full access, setting zencoderApiKeySecretArn), and Zencoder must still
have the file, which it keeps for 24 hours. Past its deadline an open recovery is settled as lost, and a settled one is
left alone. What is recovered is left alone, too.

Which recoveries (filters are combined (AND); at least one of the first three):
  --job ID          of one job
  --error CLASS     by Zencoder error class, e.g. UploadAccessDeniedError
  --state STATE     lost, failed, pending or copying; can be repeated (default: lost and failed)
  --output ID       of one output, with --job; one without a record is looked up at Zencoder
  --since TIME      by time of the failed upload: 24h, 7d or a UTC date or time
  --limit N         at most N (default: 1000)

Or, alone:
  --dead-letters    put the messages of the dead-letter queue back on the queue, after fixing the cause

How:
  --dry-run         list them and do nothing
  --wait            follow them until each is settled again, at most --timeout TIME (default: 15m)
  --json            one JSON object

${STACK_HELP}
Exit codes: 0 done (also when there was nothing to do), 1 failed, 2 not understood, 3 with --wait: some were not
recovered.

Examples:
  npm run redrive -- --job 1702340023 --dry-run
  npm run redrive -- --error UploadAccessDeniedError --since 24h
  npm run redrive -- --state failed --since 12h --wait
  npm run redrive -- --dead-letters
`;

const RECOVERY_COLUMNS = [
  COLUMNS.failedAt,
  COLUMNS.job,
  COLUMNS.output,
  COLUMNS.role,
  COLUMNS.file,
  COLUMNS.state,
  COLUMNS.lastError,
];

/** Why messages are on the dead-letter queue, as text. */
export async function writeReasons(out: Terminal, reasons: ReadonlyMap<string, number>): Promise<void> {
  for (const [reason, count] of reasons) await out.write(`${count} x ${sanitize(reason)}\n`);
}

/** What a redrive works with. */
interface Tools {
  readonly ledger: Ledger;
  readonly sqs: SQSClient;
  readonly queueUrl: string;
  readonly deadLetterQueueUrl: string;
}

/** `npm run redrive`: see {@link HELP}. */
export async function redrive(context: CommandContext): Promise<void> {
  const options = redriveOptions(context.argv, context.now);
  const target = await resolveTarget(options.target, context);
  if (!options.dryRun) await announce(target, context.err);
  const client = new DynamoDBClient(target.clientConfig('dynamodb'));
  const sqs = new SQSClient(target.clientConfig('sqs'));
  try {
    const tools = {
      ledger: createLedger({
        client,
        tableName: outputOf(target, 'TableName'),
        recordTtlDays: 0,
        now: () => context.now,
      }),
      sqs,
      queueUrl: outputOf(target, 'QueueUrl'),
      deadLetterQueueUrl: outputOf(target, 'DeadLetterQueueUrl'),
    };
    if (options.selection === undefined) await redriveDeadLetters(tools, options, context);
    else await redriveRecoveries(tools, options.selection, options, context);
  } catch (error) {
    throw toCommandFailure(error, target.name);
  } finally {
    client.destroy();
    sqs.destroy();
  }
}

async function redriveRecoveries(
  { ledger, sqs, queueUrl }: Tools,
  selection: Selection,
  options: RedriveOptions,
  { out, err, now }: CommandContext,
): Promise<void> {
  const { json, dryRun } = options;
  const { recoveries, isAll, leftOut } = await selectRecoveries(ledger, selection);
  if (leftOut !== null) await err.write(`${leftOut}\n`);
  const messages = wantedMessages(recoveries, selection, now).map(encodeMessage);
  if (!json) await writeTable(out, RECOVERY_COLUMNS, recoveries);
  if (!isAll) await err.write(`There are more than --limit ${selection.limit}: run it again after this.\n`);
  const progress = progressOn(err);
  if (!dryRun) {
    await queueMessages({ sqs, queueUrl }, messages, (sent) =>
      progress.show(`${sent} of ${messages.length} messages are on the queue`),
    );
  }
  await progress.clear();
  const ending = options.wait && !dryRun ? await followed(ledger, recoveries, options, err) : undefined;
  const summary = {
    matched: recoveries.length,
    messages: messages.length,
    sent: dryRun ? 0 : messages.length,
  };
  if (json) {
    const found = recoveries.map(recoveryJson);
    await out.write(`${JSON.stringify({ dryRun, ...summary, recoveries: found, ...countsOf(ending) })}\n`);
  } else {
    await out.write(`${sentenceOf(recoveries.length, messages.length, dryRun)}\n`);
  }
  if (ending !== undefined) await showEnding(ending, json, out);
}

/** Messages between two lines of progress. */
const MESSAGES_AT_ONCE = 1000;

/**
 * Puts messages on the queue.
 *
 * @param onSent is given how many are on the queue by now.
 * @throws {CommandFailure} when the queue did not accept all, with what to do; running the command again is safe.
 */
export async function queueMessages(
  { sqs, queueUrl }: Pick<Tools, 'sqs' | 'queueUrl'>,
  bodies: readonly string[],
  onSent: (count: number) => Promise<void>,
): Promise<void> {
  for (let start = 0; start < bodies.length; start += MESSAGES_AT_ONCE) {
    const group = bodies.slice(start, start + MESSAGES_AT_ONCE);
    try {
      await sendMessages(sqs, queueUrl, group);
    } catch (error) {
      if (!(error instanceof MessagesNotQueued)) throw error;
      // Running it again fixes no missing permission or expired session.
      const cause = toCommandFailure(error.cause);
      if (cause instanceof CommandFailure) throw cause;
      throw new CommandFailure(`${error.message}: run it again`, { cause: error });
    }
    await onSent(start + group.length);
  }
}

async function followed(
  ledger: Ledger,
  recoveries: readonly RecoveryRecord[],
  { timeout }: RedriveOptions,
  err: CommandContext['err'],
): Promise<Ending> {
  const progress = progressOn(err);
  const ending = await waitForSettled(ledger, recoveries, timeout, (settled) =>
    progress.show(`${settled} of ${recoveries.length} settled`),
  );
  await progress.clear();
  return ending;
}

async function showEnding(ending: Ending, json: boolean, out: CommandContext['out']): Promise<void> {
  const { recovered, notRecovered, open } = ending;
  if (!json) {
    await writeTable(out, RECOVERY_COLUMNS, notRecovered);
    await out.write(
      `${recovered.length} recovered, ${notRecovered.length} lost or failed, ${open.length} not settled yet.\n`,
    );
  }
  if (notRecovered.length + open.length > 0) throw new NeedsAttention('redrive: not all are recovered');
}

async function redriveDeadLetters(
  { sqs, queueUrl, deadLetterQueueUrl }: Tools,
  { dryRun, json }: RedriveOptions,
  { out, err }: CommandContext,
): Promise<void> {
  const { waiting, hidden, delayed } = await queueDepth(sqs, deadLetterQueueUrl);
  const max = waiting + hidden + delayed;
  const progress = progressOn(err);
  const reasons =
    dryRun && max > 0 ? await deadLetterReasons(sqs, deadLetterQueueUrl) : new Map<string, number>();
  const moved =
    dryRun || max === 0
      ? 0
      : await moveDeadLetters(sqs, { from: deadLetterQueueUrl, to: queueUrl }, max, (count) =>
          progress.show(`${count} of about ${max} moved`),
        );
  await progress.clear();
  if (json) {
    const why = [...reasons].map(([reason, count]) => ({ reason, count }));
    await out.write(`${JSON.stringify({ dryRun, deadLetters: max, moved, reasons: why })}\n`);
    return;
  }
  await writeReasons(out, reasons);
  await out.write(
    dryRun
      ? `${counted(max, 'dead letter')} would be moved.\n`
      : `${counted(moved, 'dead letter')} moved back to the queue.\n`,
  );
}

function countsOf(ending: Ending | undefined): object {
  if (ending === undefined) return {};
  const { recovered, notRecovered, open } = ending;
  return { ended: { recovered: recovered.length, notRecovered: notRecovered.length, open: open.length } };
}

function sentenceOf(recoveries: number, messages: number, dryRun: boolean): string {
  if (messages === 0) return 'No matching recoveries.';
  if (recoveries === 0) {
    return `No matching recoveries; the worker ${dryRun ? 'would look' : 'looks'} the output up at Zencoder.`;
  }
  const what = `${recoveries} ${recoveries === 1 ? 'recovery' : 'recoveries'}`;
  const how = `by ${messages} ${messages === 1 ? 'message' : 'messages'}`;
  return dryRun ? `${what} would be tried again, ${how}.` : `${what} will be tried again now, ${how}.`;
}

if (isEntryPoint(import.meta)) await runCommand('redrive', HELP, redrive);
