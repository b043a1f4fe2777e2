import { GetQueueAttributesCommand, type SQSClient } from '@aws-sdk/client-sqs';
import type { RecoveryRecord, SegmentRecord } from '../shared/ledger/records.ts';
import type { RedriveMessage } from '../shared/queue/messages.ts';
import { isAtRisk, isOver } from '../shared/zencoder/signed-url.ts';
import type { ReconcileTools } from './dependencies.ts';

/** How many messages wait on a queue to be taken, as near as SQS tells. */
export async function backlogOf(sqs: SQSClient, queueUrl: string): Promise<number> {
  const { Attributes = {} } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: ['ApproximateNumberOfMessages'] }),
  );
  return Number(Attributes.ApproximateNumberOfMessages ?? 0);
}

/**
 * The last moment at which something is known to have happened, or to be going to happen, with an open recovery: a
 * write, progress, the end of a lease, the time of the next attempt. Epoch milliseconds.
 *
 * @param segments those that are at work, for a large file.
 */
export function lastSign(record: RecoveryRecord, segments: readonly SegmentRecord[]): number {
  const { updatedAt, progressAt = 0, nextAttemptAt = 0, lease } = record;
  return Math.max(
    ...[updatedAt, progressAt, nextAttemptAt, lease?.until ?? 0],
    ...segments.flatMap((segment) => [segment.progressAt ?? 0, segment.lease?.until ?? 0]),
  );
}

/** How long a message may take to come back after the last sign, and some minutes for it to be taken off the queue. */
export function patienceMs(visibilitySeconds: number): number {
  return visibilitySeconds * 1000 + MARGIN_MS;
}

const MARGIN_MS = 5 * 60 * 1000;

/** Whether no message will wake an open recovery: on a queue that is not behind, any that there was would have done so. */
export function isStalled(
  record: RecoveryRecord,
  segments: readonly SegmentRecord[],
  { now, patience }: { readonly now: number; readonly patience: number },
): boolean {
  return now > lastSign(record, segments) + patience;
}

/** More would be no news, and cost as much as they say. */
const MAX_LINES = 50;
/** With more messages waiting the queue is behind. */
const MAX_WAITING = 20;
/** Messages that one run queues; the rest is for the next. */
const MAX_REQUEUED = 500;

const STALLED =
  'no message will wake it, and no Zencoder API key is configured to get a fresh URL: set zencoderApiKeySecretArn ' +
  'and deploy, or let Zencoder send the notification again';
const LITTLE_TIME =
  'its URL ends soon: see its last error, correct its cause, and the next attempt will succeed';

/** What the open recoveries look like. */
export interface OpenSummary {
  readonly open: number;
  /** Before their deadline, with too little time left, or stalled and no way to ask for a fresh URL. */
  readonly atRisk: number;
  readonly stalled: number;
  /** Messages that were queued: one for an output, or one for each of its files when others of it have a message. */
  readonly requeued: number;
}

/**
 * Looks through the open recoveries, nearest deadline first. Those that no message will wake are queued again, which
 * takes a Zencoder API key: without one they are reported, each with what to do. Once the deadline is over the worker
 * has only to look whether the file is there and to settle it, so they are queued with or without a key. Writes how many
 * are open and at risk.
 */
export async function reconcileOpen(tools: ReconcileTools): Promise<OpenSummary> {
  const { ledger, api, atRiskMs, meter, now } = tools;
  const stalled: RecoveryRecord[] = [];
  const helpless: RecoveryRecord[] = [];
  // While the queue is behind, a silent recovery's message may simply not have had its turn.
  const isBehind = (await tools.backlog()) > MAX_WAITING;
  const outputs: string[] = [];
  let open = 0;
  let atRisk = 0;
  for await (const record of ledger.queries.openRecoveriesByDeadline()) {
    open += 1;
    outputs.push(outputOf(record));
    const { deadline } = record;
    const stands = await standsStill(record, isBehind, tools);
    if (stands) stalled.push(record);
    const isHelpless = stands && api === null && deadline > now();
    if (isHelpless) helpless.push(record);
    const isLate = isAtRisk(deadline, { now: now(), atRiskMs });
    const reason = isHelpless ? STALLED : isLate ? LITTLE_TIME : null;
    if (reason === null) continue;
    atRisk += 1;
    if (atRisk <= MAX_LINES) report(record, reason, tools);
  }
  await noteStalled(helpless, tools);
  const requeued = await requeue(
    stalled.filter(({ deadline }) => api !== null || isOver(deadline, now())),
    outputs,
    tools,
  );
  meter.add('openRecoveries', open);
  meter.add('atRiskRecoveries', atRisk);
  return { open, atRisk, stalled: stalled.length, requeued };
}

async function standsStill(
  record: RecoveryRecord,
  isBehind: boolean,
  { ledger, patience, now }: ReconcileTools,
): Promise<boolean> {
  const times = { now: now(), patience };
  if (isBehind || !isStalled(record, [], times)) return false;
  const hasSegments = (record.upload?.segments ?? 1) > 1;
  return !hasSegments || isStalled(record, await ledger.queries.readSegments(record), times);
}

function report(record: RecoveryRecord, reason: string, { logger, now }: ReconcileTools): void {
  const { jobId, outputId, role, fileId, attempts, deadline, lastError } = record;
  logger.warn('at risk', {
    ...{ jobId, outputId, role, fileId, attempts, reason },
    minutesLeft: Math.round((deadline - now()) / 60_000),
    lastErrorClass: lastError?.errorClass ?? null,
  });
}

/** Notes with each what to do, once, so that a look at the record finds it there. */
async function noteStalled(
  stalled: readonly RecoveryRecord[],
  { ledger, now }: ReconcileTools,
): Promise<void> {
  for (const record of stalled) {
    const { lastError } = record;
    if (lastError?.errorClass === 'NoFreshUrl') continue;
    const before = lastError && `; before, it failed with ${lastError.errorClass}: ${lastError.message}`;
    const message = `${STALLED}${before ?? ''}`;
    const category = 'action-required';
    await ledger.recoveries.noteError(record, { errorClass: 'NoFreshUrl', message, category, at: now() });
  }
}

/**
 * Queues one message for each output of which everything open stands still, and one for each file that does so beside
 * others, which have their messages or can wait.
 *
 * @param outputs of all open recoveries, each as often as it has one.
 */
async function requeue(
  stalled: readonly RecoveryRecord[],
  outputs: readonly string[],
  { ledger, send, logger }: ReconcileTools,
): Promise<number> {
  const openOf = Map.groupBy(outputs, (output) => output);
  const wanted = [...Map.groupBy(stalled, outputOf)].flatMap(([output, records]) => {
    const isWhole = records.length === openOf.get(output)?.length;
    return isWhole ? [records] : records.map((record) => [record]);
  });
  const messages: RedriveMessage[] = [];
  for (const records of wanted.slice(0, MAX_REQUEUED)) {
    const [first] = records;
    if (first === undefined) continue;
    // The run that writes this first has the message; a run at the same time, or a worker, finds the record changed.
    const due = await Promise.all(records.map((record) => ledger.recoveries.scheduleNow(record)));
    if (!due.includes(true)) continue;
    const { jobId, outputId, role, fileId } = first;
    const isWhole = records.length === openOf.get(outputOf(first))?.length;
    const only = isWhole ? {} : { role, fileId };
    logger.warn('queued again', { jobId, outputId, ...only, recoveries: records.length });
    messages.push({ type: 'redrive', version: 1, jobId, outputId, ...only, origin: 'reconcile' });
  }
  await send(messages);
  return messages.length;
}

function outputOf({ jobId, outputId }: RecoveryRecord): string {
  return `${jobId} ${outputId}`;
}
