import { fileIdOf } from '../shared/backup-file.ts';
import { isOver } from '../shared/deadlines.ts';
import { decide, type OutputDecision } from '../shared/decide.ts';
import { meaningOf } from '../shared/errors.ts';
import { readRecoveriesOf, readSegments } from '../shared/ledger/read-items.ts';
import type { RecoveryRecord } from '../shared/ledger/records.ts';
import { makeDue, reopenRecovery } from '../shared/ledger/reopenings.ts';
import type { RedriveMessage } from '../shared/message.ts';
import type { BackupFile } from '../shared/model.ts';
import { messagesOf } from '../shared/output-messages.ts';
import type { ZencoderApi } from '../shared/zencoder-api.ts';
import { ApiRateLimited } from '../shared/zencoder-api-errors.ts';
import { DONE, earliest, type MessageOutcome, type WorkerContext } from './context.ts';
import type { FreshUrl } from './fresh-urls.ts';
import { giveUp, reportBlocked, reportNoKey, sayWhy, settleOverdue } from './redrive-reports.ts';
import { MAX_DELAY_MS } from './retry.ts';
import { retryAfterOf } from './verdict.ts';

/** Many redrives share one rate limit, so those that find it used up come back spread over this time. */
const SPREAD_MS = 4 * 60 * 1000;

/**
 * Tries the recoveries of an output again, because a person asks for it or because no message will wake for them. A
 * recovery that waits for its message is made due now, and the message shown. Any other needs a fresh signed URL from
 * the Zencoder API: it is opened again and queued like a notified one. Recovered files, and those that a living
 * invocation works on, are left alone.
 *
 * What is past its deadline is settled as lost without a question to Zencoder, which keeps no file for longer.
 *
 * An output that the ledger does not know is looked up at Zencoder as a whole.
 */
export async function redrive(message: RedriveMessage, context: WorkerContext): Promise<MessageOutcome> {
  const { table, logger, now } = context;
  const { jobId, outputId, role, fileId, origin = 'person' } = message;
  const known = await readRecoveriesOf(table, { jobId, outputId, ...(role !== undefined && { role }) });
  const asked = known.filter((record) => fileId === undefined || record.fileId === fileId);
  const wanted = await atRest(
    asked.filter((record) => isWanted(record, origin, now())),
    context,
  );
  logger.info('redrive', { recoveries: asked.length, wanted: wanted.length });
  if (asked.length > 0 && wanted.length === 0) return DONE;
  const left = await wakeWaiting(wanted, context);
  const overdue = left.filter(({ deadline }) => isOver(deadline, now()));
  const settled = await settleOverdue(overdue, context);
  const inTime = left.filter((record) => !overdue.includes(record));
  if (asked.length > 0 && inTime.length === 0) return settled;
  return earliest([settled, await askZencoder(message, inTime, asked.length > 0, context)]);
}

/** @param isKnown whether the ledger has anything of what is asked for. */
async function askZencoder(
  message: RedriveMessage,
  left: readonly RecoveryRecord[],
  isKnown: boolean,
  context: WorkerContext,
): Promise<MessageOutcome> {
  const { api } = context;
  if (api === null) return await reportNoKey(left, context);
  try {
    return isKnown ? await queueFresh(left, context) : await queueUnknown(message, api, context);
  } catch (error) {
    if (meaningOf(error) === 'not-understood') throw error;
    return await comeBack(error, left, message.origin ?? 'person', context);
  }
}

type Origin = NonNullable<RedriveMessage['origin']>;

/** Reconcile opens nothing again, and does not shorten a wait; a person does both. */
function isWanted(record: RecoveryRecord, origin: Origin, now: number): boolean {
  const { state, lease, settledAt, nextAttemptAt = 0 } = record;
  if (state === 'recovered' || (lease !== undefined && lease.until >= now)) return false;
  return origin === 'person' || (settledAt === undefined && nextAttemptAt <= now);
}

/** Leaves out large files of which a living invocation copies a segment: they are under no lease of their own. */
async function atRest(
  records: readonly RecoveryRecord[],
  { table, now }: WorkerContext,
): Promise<RecoveryRecord[]> {
  const checked = await Promise.all(
    records.map(async (record) => {
      if ((record.upload?.segments ?? 1) === 1) return [record];
      const segments = await readSegments(table, record);
      return segments.some(({ lease }) => lease !== undefined && lease.until >= now()) ? [] : [record];
    }),
  );
  return checked.flat();
}

/** Makes waiting recoveries due and shows their messages; gives those that have no message to be shown. */
async function wakeWaiting(
  wanted: readonly RecoveryRecord[],
  { table, queue, logger, now }: WorkerContext,
): Promise<RecoveryRecord[]> {
  const left: RecoveryRecord[] = [];
  const shown = new Map<string, Promise<boolean>>();
  const show = (receiptHandle: string) =>
    queue.comeBackAt({ receiptHandle }, now()).then(
      () => true,
      () => false,
    );
  for (const record of wanted) {
    const { nextAttemptBy, nextAttemptAt = 0, role, fileId } = record;
    const waits = record.settledAt === undefined && nextAttemptBy !== undefined && nextAttemptAt > now();
    if (!waits) {
      left.push(record);
      continue;
    }
    // Due first: the message must not find the recovery still waiting.
    await makeDue(table, record, now());
    const { messageId, receiptHandle } = nextAttemptBy;
    const answer = shown.get(messageId) ?? show(receiptHandle);
    shown.set(messageId, answer);
    if (await answer) logger.info('made due', { role, fileId, waitingMessageId: messageId });
    else left.push(record);
  }
  return left;
}

/** Opens recoveries again whose files are still to be had, and queues them with fresh URLs. */
async function queueFresh(left: readonly RecoveryRecord[], context: WorkerContext): Promise<MessageOutcome> {
  const { table, queue, freshUrls, now } = context;
  const files: BackupFile[] = [];
  const outcomes: MessageOutcome[] = [];
  for (const record of left) {
    const fresh = await freshUrls.of(record).catch((error: unknown) => {
      if (meaningOf(error) === 'lost') return sayWhy(error);
      throw error;
    });
    if ('why' in fresh) outcomes.push(await giveUp(record, fresh.why, context));
    else if (fresh.deadline <= now())
      outcomes.push(await giveUp(record, 'the fresh signed URL has ended already', context));
    else files.push(fileOf(record, fresh));
  }
  const [first] = left;
  if (first === undefined || files.length === 0) return earliest(outcomes);
  for (const record of left) {
    if (!files.some((file) => file.role === record.role && sameFile(file, record))) continue;
    const reopened = await reopenRecovery(table, record, now());
    if (reopened?.outcome === 'open') await makeDue(table, reopened.record, now());
  }
  const { jobId, passThrough, test, outputId, label, outputType, failedAt } = first;
  const output = { id: outputId, label, type: outputType };
  const decision: OutputDecision = { output, failures: [], files, failedAt };
  await queue.send(messagesOf({ id: jobId, passThrough, test }, decision, 'redrive'));
  return earliest(outcomes);
}

/** An output that no notification told of. */
async function queueUnknown(
  { jobId, outputId }: RedriveMessage,
  api: ZencoderApi,
  { queue, storage, logger, now }: WorkerContext,
): Promise<MessageOutcome> {
  const details = await api.getJob(jobId);
  const decisions = decide(details, { storage, collectUnsentOutputs: false }, now());
  const decision = decisions.find(({ output }) => output.id === outputId);
  if (decision === undefined) {
    logger.warn('nothing to redrive', { reason: 'Zencoder tells of no failed upload of this output' });
    return DONE;
  }
  await queue.send(messagesOf(details.job, decision, 'redrive'));
  return DONE;
}

/** The API did not help this time. */
async function comeBack(
  error: unknown,
  left: readonly RecoveryRecord[],
  origin: Origin,
  context: WorkerContext,
): Promise<MessageOutcome> {
  const { now, random } = context;
  await reportBlocked(error, left, context);
  // Reconcile asks again by itself, but only when everything has been silent for long; a used-up limit passes sooner.
  if (origin === 'reconcile') {
    if (!(error instanceof ApiRateLimited)) return DONE;
    // A sign of life, so that reconcile queues no second message while this one waits.
    for (const record of left) await makeDue(context.table, record, now());
  }
  const hasNoneInTime = left.length > 0 && left.every(({ deadline }) => deadline <= now());
  if (hasNoneInTime || meaningOf(error) === 'lost') return DONE;
  const wait = retryAfterOf(error) ?? MAX_DELAY_MS / 2;
  return { kind: 'again', at: Math.round(now() + wait + random() * SPREAD_MS) };
}

function fileOf(record: RecoveryRecord, { url, deadline }: FreshUrl): BackupFile {
  const { role, filename, thumbnailLabel, announcedSize: size, announcedMd5: md5 } = record;
  return { role, url, deadline, filename, thumbnailLabel, size, md5 };
}

function sameFile({ url }: BackupFile, { fileId }: RecoveryRecord): boolean {
  return fileIdOf(url) === fileId;
}
