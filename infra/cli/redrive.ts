import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SQSClient } from '@aws-sdk/client-sqs';
import type { Ledger } from '../../lambda/shared/ledger/ledger.ts';
import { createLedger } from '../../lambda/shared/ledger/ledger.ts';
import type { RecoveryRecord } from '../../lambda/shared/ledger/records.ts';
import { encodeMessage, type RedriveMessage } from '../../lambda/shared/queue/messages.ts';
import { MessagesNotQueued, sendMessages } from '../../lambda/shared/queue/send.ts';
import { utcSeconds } from '../../lambda/shared/reporting/format.ts';
import { recoveryJson } from '../../lambda/shared/reporting/json.ts';
import {
  type CommandContext,
  CommandFailure,
  isEntryPoint,
  NeedsAttention,
  runCommand,
} from './lib/command.ts';
import { deadLetterReasons, moveDeadLetters, queueDepth } from './lib/queues.ts';
import { type Cell, type Column, writeTable } from './lib/table.ts';
import { outputOf, resolveTarget, toCommandFailure } from './lib/target.ts';
import { progressOn, sanitize, type Terminal } from './lib/terminal.ts';
import {
  HELP,
  type RedriveOptions,
  redriveOptions,
  type Selection,
  selectRecoveries,
} from './redrive-selection.ts';

type Redriven = Pick<RecoveryRecord, 'jobId' | 'outputId' | 'role' | 'fileId'>;

/**
 * The fewest messages that redrive these recoveries: each makes the worker ask Zencoder for URLs, of which there are 60
 * a minute. One file is named by itself; several of an output by their role, or by the output, which means all of it that
 * is not recovered.
 */
export function messagesFor(recoveries: readonly Redriven[]): RedriveMessage[] {
  const byOutput = Map.groupBy(recoveries, ({ jobId, outputId }) => `${jobId} ${outputId}`);
  return [...byOutput.values()].flatMap(([first, ...others]) => {
    if (first === undefined) return [];
    const { jobId, outputId, role, fileId } = first;
    if (others.length === 0) return [{ ...messageFor(jobId, outputId), role, fileId }];
    const isOneRole = others.every((other) => other.role === role);
    return [{ ...messageFor(jobId, outputId), ...(isOneRole && { role }) }];
  });
}

/** The message for an output as a whole, known to the ledger or not. */
export function messageFor(jobId: string, outputId: string): RedriveMessage {
  return { type: 'redrive', version: 1, jobId, outputId };
}

const COLUMNS: readonly Column[] = [
  { title: 'failed at (UTC)', most: 19 },
  { title: 'job', most: 20 },
  { title: 'output', most: 30 },
  { title: 'role', most: 9 },
  { title: 'file', most: 40 },
  { title: 'state', most: 9 },
  { title: 'last error', most: 80 },
];

/** The recoveries for people; nothing at all for none. */
export async function writeRecoveries(out: Terminal, recoveries: readonly RecoveryRecord[]): Promise<void> {
  await writeTable(out, COLUMNS, rowsOf(recoveries));
}

async function* rowsOf(recoveries: readonly RecoveryRecord[]): AsyncGenerator<Cell[]> {
  for (const { failedAt, jobId, outputId, label, role, filename, state, lastError } of recoveries) {
    yield [
      { text: utcSeconds(failedAt) },
      { text: jobId },
      { text: label === null || label === '' ? outputId : `${outputId} ${label}` },
      { text: role },
      { text: filename },
      { text: state },
      { text: lastError === undefined ? '-' : `${lastError.errorClass}: ${lastError.message}` },
    ];
  }
}

/** Why messages are dead, for people. */
export async function writeReasons(out: Terminal, reasons: ReadonlyMap<string, number>): Promise<void> {
  for (const [reason, count] of reasons) await out.write(`${count} x ${sanitize(reason)}\n`);
}

const EVERY_MS = 1000;
const READS_AT_ONCE = 25;

/** How redriven recoveries ended. */
export interface Ending {
  readonly recovered: readonly RecoveryRecord[];
  /** Lost or failed again. */
  readonly notRecovered: readonly RecoveryRecord[];
  /** Not settled when the time was up. */
  readonly open: readonly RecoveryRecord[];
}

/**
 * Follows recoveries until each is settled again: touched since it was redriven, and in a settled state.
 *
 * @param timeout milliseconds.
 */
export async function waitForSettled(
  ledger: Ledger,
  redriven: readonly RecoveryRecord[],
  timeout: number,
  onLook: (settled: number) => Promise<void>,
): Promise<Ending> {
  const until = performance.now() + timeout;
  const settled: RecoveryRecord[] = [];
  let open = [...redriven];
  for (;;) {
    const still: RecoveryRecord[] = [];
    for (let start = 0; start < open.length; start += READS_AT_ONCE) {
      const group = open.slice(start, start + READS_AT_ONCE);
      const now = await Promise.all(group.map((before) => ledger.queries.readRecovery(before)));
      for (const [index, before] of group.entries()) {
        const after = now[index];
        if (after?.settledAt !== undefined && after.updatedAt > before.updatedAt) settled.push(after);
        else still.push(before);
      }
    }
    open = still;
    await onLook(settled.length);
    if (open.length === 0 || performance.now() >= until) break;
    await sleep(EVERY_MS);
  }
  return {
    recovered: settled.filter(({ state }) => state === 'recovered'),
    notRecovered: settled.filter(({ state }) => state !== 'recovered'),
    open,
  };
}

/** What a redrive works with. */
interface Tools {
  readonly ledger: Ledger;
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
    throw toCommandFailure(error);
  } finally {
    client.destroy();
    sqs.destroy();
  }
}

async function redriveRecoveries(
  { ledger, sqs, queueUrl }: Tools,
  selection: Selection,
  options: RedriveOptions,
  { out, err }: CommandContext,
): Promise<void> {
  const { json, dryRun } = options;
  const { recoveries, isAll, leftOut } = await selectRecoveries(ledger, selection);
  if (leftOut !== null) await err.write(`${leftOut}\n`);
  const messages = wantedMessages(recoveries, selection).map(encodeMessage);
  if (!json) await writeRecoveries(out, recoveries);
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
  if (ending !== undefined) await tellEnding(ending, json, out);
}

/** Messages between two lines of progress. */
const MESSAGES_AT_ONCE = 1000;

/**
 * Puts messages on the queue.
 *
 * @param onSent is given how many are on the queue by now.
 * @throws {CommandFailure} when the queue did not take all; running the command again is safe.
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

async function tellEnding(ending: Ending, json: boolean, out: CommandContext['out']): Promise<void> {
  const { recovered, notRecovered, open } = ending;
  if (!json) {
    await writeRecoveries(out, notRecovered);
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
  const { recovered, notRecovered, open } = ending;
  return { ended: { recovered: recovered.length, notRecovered: notRecovered.length, open: open.length } };
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

if (isEntryPoint(import.meta)) await runCommand('redrive', HELP, redrive);
