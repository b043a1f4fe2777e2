import { GetQueueAttributesCommand, type SQSClient } from '@aws-sdk/client-sqs';
import type { RecoveryRecord, SegmentRecord } from '../shared/ledger/records.ts';
import type { RedriveMessage } from '../shared/queue/messages.ts';
import { isAtRisk, isOver } from '../shared/zencoder/signed-url.ts';
import type { ReconcileDependencies } from './dependencies.ts';

/** How many messages wait on a queue to be received, as far as SQS knows. */
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
function lastSign(record: RecoveryRecord, segments: readonly SegmentRecord[]): number {
  const { updatedAt, progressAt = 0, nextAttemptAt = 0, lease } = record;
  return Math.max(
    ...[updatedAt, progressAt, nextAttemptAt, lease?.until ?? 0],
    ...segments.flatMap((segment) => [segment.progressAt ?? 0, segment.lease?.until ?? 0]),
  );
}

/** How long a message may take to be visible again after the last sign, and some minutes for it to be received. */
export function stalledAfterMs(visibilitySeconds: number): number {
  return visibilitySeconds * 1000 + MARGIN_MS;
}

const MARGIN_MS = 5 * 60 * 1000;

/** Whether nothing is queued to retry an open recovery: on a queue that is not behind, any message would have arrived. */
export function isStalled(
  record: RecoveryRecord,
  segments: readonly SegmentRecord[],
  { now, stalledAfter }: { readonly now: number; readonly stalledAfter: number },
): boolean {
  return now > lastSign(record, segments) + stalledAfter;
}

/** Recoveries at risk that are logged one by one; the metric counts all. */
const MAX_LINES = 50;
/** With more messages waiting the queue is behind. */
const MAX_WAITING = 20;
/** Messages that one run queues; the rest is for the next. */
const MAX_REQUEUED = 500;

/** The error by which the worker, too, says that a recovery needs a fresh URL. */
const NO_FRESH_URL = { errorClass: 'NoFreshUrl', category: 'action-required', acceptsNewUrl: true } as const;

const STALLED =
  'nothing is queued to retry it, and no Zencoder API key is configured to get a fresh URL: set zencoderApiKeySecretArn ' +
  'and deploy, or let Zencoder send the notification again';
const LITTLE_TIME =
  'its URL expires soon: see its last error, fix the cause, and the next attempt will succeed';

/** What the reconciliation of open recoveries works with. */
type OpenDependencies = Omit<ReconcileDependencies, 'events' | 'settings'>;

/** The state of the open recoveries. */
export interface OpenSummary {
  readonly open: number;
  /** Before their deadline, with too little time left, or stalled without an API key to ask for a fresh URL. */
  readonly atRisk: number;
  readonly stalled: number;
  /** Messages that were queued: one for an output, or one for each of its files when others of it have a message. */
  readonly requeued: number;
}

/**
 * Goes through the open recoveries, nearest deadline first. Those with nothing queued to retry them are queued again, which
 * takes a Zencoder API key: without one they are reported, each with what to do. Once the deadline is over the worker
 * only checks whether the file is there and settles it, so they are queued with or without a key. Writes how many are
 * open and at risk.
 */
export async function reconcileOpen(dependencies: OpenDependencies): Promise<OpenSummary> {
  const { ledger, api, backlog, atRiskMs, meter, now } = dependencies;
  const stalled: RecoveryRecord[] = [];
  const withoutKey: RecoveryRecord[] = [];
  // While the queue is behind, a silent recovery's message may not have been received yet.
  const isBehind = (await backlog()) > MAX_WAITING;
  const outputs: string[] = [];
  let open = 0;
  let atRisk = 0;
  for await (const record of ledger.queries.openRecoveriesByDeadline()) {
    open += 1;
    outputs.push(outputIdentity(record));
    const { deadline } = record;
    const isSilent = await isWithoutMessage(record, isBehind, dependencies);
    if (isSilent) stalled.push(record);
    const lacksKey = isSilent && api === null && deadline > now();
    if (lacksKey) withoutKey.push(record);
    const isLate = isAtRisk(deadline, { now: now(), atRiskMs });
    const reason = lacksKey ? STALLED : isLate ? LITTLE_TIME : null;
    if (reason === null) continue;
    atRisk += 1;
    if (atRisk <= MAX_LINES) report(record, reason, dependencies);
  }
  await noteStalled(withoutKey, dependencies);
  const requeued = await requeue(
    stalled.filter(({ deadline }) => api !== null || isOver(deadline, now())),
    outputs,
    dependencies,
  );
  meter.add('openRecoveries', open);
  meter.add('atRiskRecoveries', atRisk);
  return { open, atRisk, stalled: stalled.length, requeued };
}

async function isWithoutMessage(
  record: RecoveryRecord,
  isBehind: boolean,
  { ledger, stalledAfterMs: stalledAfter, now }: Pick<OpenDependencies, 'ledger' | 'stalledAfterMs' | 'now'>,
): Promise<boolean> {
  const times = { now: now(), stalledAfter };
  if (isBehind || !isStalled(record, [], times)) return false;
  const hasSegments = (record.upload?.segments ?? 1) > 1;
  return !hasSegments || isStalled(record, await ledger.queries.readSegments(record), times);
}

function report(
  record: RecoveryRecord,
  reason: string,
  { logger, now }: Pick<OpenDependencies, 'logger' | 'now'>,
): void {
  const { jobId, outputId, role, fileId, attempts, deadline, lastError } = record;
  logger.warn('at risk', {
    ...{ jobId, outputId, role, fileId, attempts, reason },
    minutesLeft: Math.round((deadline - now()) / 60_000),
    lastErrorClass: lastError?.errorClass ?? null,
  });
}

/** Writes into each record what to do, once. */
async function noteStalled(
  stalled: readonly RecoveryRecord[],
  { ledger, now }: Pick<OpenDependencies, 'ledger' | 'now'>,
): Promise<void> {
  for (const record of stalled) {
    const { lastError } = record;
    if (lastError?.category === NO_FRESH_URL.category && lastError.acceptsNewUrl === true) continue;
    const before = lastError && `; before, it failed with ${lastError.errorClass}: ${lastError.message}`;
    const message = `${STALLED}${before ?? ''}`;
    await ledger.recoveries.noteError(record, { ...NO_FRESH_URL, message, at: now() });
  }
}

/**
 * Queues one message for each output of which everything open is stalled, and one for each file that is stalled beside
 * others, which have their messages or can wait.
 *
 * @param outputs of all open recoveries, each as often as it has one.
 */
async function requeue(
  stalled: readonly RecoveryRecord[],
  outputs: readonly string[],
  { ledger, send, logger }: Pick<OpenDependencies, 'ledger' | 'send' | 'logger'>,
): Promise<number> {
  const openOf = Map.groupBy(outputs, (output) => output);
  const wanted = [...Map.groupBy(stalled, outputIdentity)].flatMap(([output, records]) => {
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
    const isWhole = records.length === openOf.get(outputIdentity(first))?.length;
    const only = isWhole ? {} : { role, fileId };
    logger.warn('queued again', { jobId, outputId, ...only, recoveries: records.length });
    messages.push({ type: 'redrive', version: 1, jobId, outputId, ...only, origin: 'reconcile' });
  }
  await send(messages);
  return messages.length;
}

function outputIdentity({ jobId, outputId }: RecoveryRecord): string {
  return `${jobId} ${outputId}`;
}
