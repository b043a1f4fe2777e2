import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SQSClient } from '@aws-sdk/client-sqs';
import { encodeMessage } from '../../../lambda/shared/encode-message.ts';
import type { LedgerTable } from '../../../lambda/shared/ledger/ledger-table.ts';
import type { RecoveryRecord } from '../../../lambda/shared/ledger/records.ts';
import type { RedriveMessage } from '../../../lambda/shared/message.ts';
import { type CommandContext, NeedsAttention } from '../command.ts';
import { progressOn } from '../progress.ts';
import { deadLetterReasons, queueDepth } from '../queue-depth.ts';
import { explained, outputOf, resolveTarget } from '../target.ts';
import { messageFor, messagesFor } from './messages.ts';
import { type RedriveOptions, redriveOptions, type Selection } from './options.ts';
import { moveDeadLetters, sendMessages } from './queue.ts';
import { recoveryJson, writeReasons, writeRecoveries } from './rows.ts';
import { selectRecoveries } from './select.ts';
import { type Ending, waitForSettled } from './wait.ts';

/** What a redrive works with. */
interface Tools {
  readonly table: LedgerTable;
  readonly sqs: SQSClient;
  readonly queueUrl: string;
  readonly deadLetterQueueUrl: string;
}

/** `npm run redrive`: see its help in `options.ts`. */
export async function redrive(context: CommandContext): Promise<void> {
  const options = redriveOptions(context.argv, context.now);
  const target = await resolveTarget(options.target);
  const client = new DynamoDBClient(target.clientConfig('dynamodb'));
  const sqs = new SQSClient(target.clientConfig('sqs'));
  try {
    const tools = {
      table: { client, tableName: outputOf(target, 'TableName'), recordTtlDays: 0 },
      sqs,
      queueUrl: outputOf(target, 'QueueUrl'),
      deadLetterQueueUrl: outputOf(target, 'DeadLetterQueueUrl'),
    };
    if (options.selection === undefined) await redriveDeadLetters(tools, options, context);
    else await redriveRecoveries(tools, options.selection, options, context);
  } catch (error) {
    throw explained(error);
  } finally {
    client.destroy();
    sqs.destroy();
  }
}

async function redriveRecoveries(
  { table, sqs, queueUrl }: Tools,
  selection: Selection,
  options: RedriveOptions,
  { now, out, err }: CommandContext,
): Promise<void> {
  const { json, dryRun } = options;
  const { recoveries, isAll, leftOut } = await selectRecoveries(table, selection, now);
  if (leftOut !== null) await err.write(`${leftOut}\n`);
  const messages = wantedMessages(recoveries, selection).map(encodeMessage);
  if (!json) await writeRecoveries(out, recoveries);
  if (!isAll) await err.write(`There are more than --limit ${selection.limit}: run it again after this.\n`);
  const progress = progressOn(err);
  if (!dryRun) {
    await sendMessages(sqs, queueUrl, messages, (sent) =>
      progress.show(`${sent} of ${messages.length} messages are on the queue`),
    );
  }
  await progress.clear();
  const ending = options.wait && !dryRun ? await followed(table, recoveries, options, err) : undefined;
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
  if (ending !== undefined) await tellEnding(ending, json, out);
}

async function followed(
  table: LedgerTable,
  recoveries: readonly RecoveryRecord[],
  { timeout }: RedriveOptions,
  err: CommandContext['err'],
): Promise<Ending> {
  const progress = progressOn(err);
  const ending = await waitForSettled(table, recoveries, timeout, (settled) =>
    progress.show(`${settled} of ${recoveries.length} settled`),
  );
  await progress.clear();
  return ending;
}

async function tellEnding(ending: Ending, json: boolean, out: CommandContext['out']): Promise<void> {
  const { recovered, unhappy, open } = ending;
  if (!json) {
    await writeRecoveries(out, unhappy);
    await out.write(
      `${recovered.length} recovered, ${unhappy.length} lost or failed, ${open.length} not settled yet.\n`,
    );
  }
  if (unhappy.length + open.length > 0) throw new NeedsAttention('redrive: not all are recovered');
}

async function redriveDeadLetters(
  { sqs, queueUrl, deadLetterQueueUrl }: Tools,
  { dryRun, json }: RedriveOptions,
  { out, err }: CommandContext,
): Promise<void> {
  const { waiting, hidden, delayed } = await queueDepth(sqs, deadLetterQueueUrl);
  const most = waiting + hidden + delayed;
  const progress = progressOn(err);
  const reasons =
    dryRun && most > 0 ? await deadLetterReasons(sqs, deadLetterQueueUrl) : new Map<string, number>();
  const moved =
    dryRun || most === 0
      ? 0
      : await moveDeadLetters(sqs, { from: deadLetterQueueUrl, to: queueUrl }, most, (count) =>
          progress.show(`${count} of about ${most} moved`),
        );
  await progress.clear();
  if (json) {
    const why = [...reasons].map(([reason, count]) => ({ reason, count }));
    await out.write(`${JSON.stringify({ dryRun, deadLetters: most, moved, reasons: why })}\n`);
    return;
  }
  await writeReasons(out, reasons);
  await out.write(
    dryRun ? `${most} dead letters would be moved.\n` : `${moved} dead letters moved back to the queue.\n`,
  );
}

function countsOf(ending: Ending | undefined): object {
  if (ending === undefined) return {};
  const { recovered, unhappy, open } = ending;
  return { ended: { recovered: recovered.length, unhappy: unhappy.length, open: open.length } };
}

/** An output that is asked for by its id may be one that no notification told of. */
function wantedMessages(
  recoveries: readonly RecoveryRecord[],
  { jobId, outputId }: Selection,
): RedriveMessage[] {
  const isUnknown = recoveries.length === 0 && jobId !== undefined && outputId !== undefined;
  return isUnknown ? [messageFor(jobId, outputId)] : messagesFor(recoveries);
}

function sentenceOf(recoveries: number, messages: number, dryRun: boolean): string {
  if (messages === 0) return 'No such recovery.';
  if (recoveries === 0) {
    return `The ledger has no such recovery; the worker ${dryRun ? 'would look' : 'looks'} the output up at Zencoder.`;
  }
  const what = `${recoveries} ${recoveries === 1 ? 'recovery' : 'recoveries'}`;
  const how = `by ${messages} ${messages === 1 ? 'message' : 'messages'}`;
  return dryRun ? `${what} would be tried again, ${how}.` : `${what} will be tried again now, ${how}.`;
}
