import type { RecoveryRecord } from '../shared/ledger/records.ts';
import { outputMessages, type RedriveMessage } from '../shared/queue/messages.ts';
import { categoryOf } from '../shared/runtime/errors.ts';
import type { ZencoderApi } from '../shared/zencoder/api.ts';
import { ApiRateLimited } from '../shared/zencoder/api-errors.ts';
import { type FailedOutput, findFailedOutputs } from '../shared/zencoder/failed-outputs.ts';
import type { BackupFile } from '../shared/zencoder/model.ts';
import { fileIdOf, isOver } from '../shared/zencoder/signed-url.ts';
import { DeadlinePassed } from './copy-file.ts';
import { DONE, earliest, leaseOf, type MessageOutcome, type WorkerContext } from './dependencies.ts';
import { MAX_DELAY_MS, retryAfterOf, summarizeError } from './retry-policy.ts';
import { settleOutcomes } from './settle.ts';
import { type FreshUrl, NoFreshUrl } from './url-refresh.ts';

/** What a person can do about it. */
const WITHOUT_KEY =
  'no message holds its signed URL any more, and no Zencoder API key is configured to get a fresh one: ' +
  'set zencoderApiKeySecretArn and deploy, then redrive; or let Zencoder send the notification again';

/** Says of recoveries that only a fresh URL could help, and that there is no way to ask for one. */
export async function reportNoKey(
  left: readonly RecoveryRecord[],
  context: WorkerContext,
): Promise<MessageOutcome> {
  const { ledger, logger, meter, now } = context;
  if (left.length === 0) logger.warn('nothing to redrive', { reason: 'the ledger has no such recovery' });
  for (const record of left) {
    const { role, fileId, state } = record;
    const error = {
      ...summarizeError(new NoFreshUrl(WITHOUT_KEY)),
      category: 'action-required',
      at: now(),
    } as const;
    const isOpen = record.settledAt === undefined;
    if (isOpen && record.deadline > now()) {
      logger.error('at risk', { role, fileId, state, reason: WITHOUT_KEY });
      meter.add('atRiskRecoveries', 1, error.errorClass);
    } else logger.warn('not redriven', { role, fileId, state, reason: WITHOUT_KEY });
    if (isOpen) await ledger.recoveries.noteError(record, error);
  }
  return DONE;
}

/** Says of recoveries why the API did not help; those that only a person can help are counted as at risk. */
export async function reportBlocked(
  error: unknown,
  left: readonly RecoveryRecord[],
  { ledger, logger, meter, now }: WorkerContext,
): Promise<void> {
  const fault = summarizeError(error);
  logger.warn('redrive blocked', { fault });
  if (categoryOf(error) !== 'action-required') return;
  meter.add('actionRequired', 1, fault.errorClass);
  for (const record of left) {
    if (record.settledAt !== undefined) continue;
    if (record.deadline > now()) meter.add('atRiskRecoveries', 1, fault.errorClass);
    await ledger.recoveries.noteError(record, { ...fault, at: now() });
  }
}

/**
 * Settles an open recovery whose file is out of reach as lost, once its deadline has passed: until then a message with a
 * URL that still holds may be on its way. One that is settled stays as it is.
 */
export async function giveUp(
  record: RecoveryRecord,
  why: string,
  context: WorkerContext,
): Promise<MessageOutcome> {
  const { ledger, logger, meter, now } = context;
  const { role, fileId } = record;
  if (record.settledAt !== undefined) {
    logger.warn('not redriven', { role, fileId, reason: why });
    return DONE;
  }
  if (record.deadline > now()) {
    const fault = summarizeError(new NoFreshUrl(why));
    logger.error('at risk', { role, fileId, reason: why });
    meter.add('atRiskRecoveries', 1, fault.errorClass);
    await ledger.recoveries.noteError(record, { ...fault, category: 'action-required', at: now() });
    return DONE;
  }
  return await settleLost([record], () => new NoFreshUrl(`${why}${lastErrorOf(record)}`), context);
}

/**
 * Settles open recoveries as lost whose deadline is over, and that no message will wake. What is settled already stays
 * as it is: Zencoder is not asked for a file that it has removed.
 */
export async function settleOverdue(
  records: readonly RecoveryRecord[],
  context: WorkerContext,
): Promise<MessageOutcome> {
  for (const { role, fileId, settledAt, deadline } of records) {
    const reason = `${endOf(deadline)}: Zencoder has removed the file`;
    if (settledAt !== undefined) context.logger.warn('not redriven', { role, fileId, reason });
  }
  const open = records.filter(({ settledAt }) => settledAt === undefined);
  const why = (record: RecoveryRecord) =>
    `${endOf(record.deadline)}, and no message was left to try again${lastErrorOf(record)}`;
  return await settleLost(open, (record) => new DeadlinePassed(why(record)), context);
}

async function settleLost(
  records: readonly RecoveryRecord[],
  reasonOf: (record: RecoveryRecord) => NoFreshUrl | DeadlinePassed,
  context: WorkerContext,
): Promise<MessageOutcome> {
  if (records.length === 0) return DONE;
  const claims = await context.ledger.recoveries.claimExisting(records, leaseOf(context));
  const attempts = claims.flatMap(({ outcome, record }) => {
    if (outcome !== 'claimed') return [];
    const key = record.key ?? '';
    return [{ task: { key, record }, outcome: { kind: 'fault', key, error: reasonOf(record) } as const }];
  });
  return await settleOutcomes(attempts, context);
}

function endOf(deadline: number): string {
  return `the signed URL ended at ${new Date(deadline).toISOString()}`;
}

/** What happened before, to go behind a reason. */
function lastErrorOf({ lastError }: RecoveryRecord): string {
  if (lastError === undefined) return '';
  return `; before, it failed with ${lastError.errorClass}: ${lastError.message}`;
}

/** A reason in place of a URL. */
export function sayWhy(error: unknown): { readonly why: string } {
  return { why: summarizeError(error).message };
}

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
  const { ledger, logger, now } = context;
  const { jobId, outputId, role, fileId, origin = 'person' } = message;
  const known = await ledger.queries.readRecoveriesOf({
    jobId,
    outputId,
    ...(role !== undefined && { role }),
  });
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
    if (categoryOf(error) === 'invalid-input') throw error;
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
  { ledger, now }: WorkerContext,
): Promise<RecoveryRecord[]> {
  const checked = await Promise.all(
    records.map(async (record) => {
      if ((record.upload?.segments ?? 1) === 1) return [record];
      const segments = await ledger.queries.readSegments(record);
      return segments.some(({ lease }) => lease !== undefined && lease.until >= now()) ? [] : [record];
    }),
  );
  return checked.flat();
}

/** Makes waiting recoveries due and shows their messages; gives those that have no message to be shown. */
async function wakeWaiting(
  wanted: readonly RecoveryRecord[],
  { ledger, queue, logger, now }: WorkerContext,
): Promise<RecoveryRecord[]> {
  const left: RecoveryRecord[] = [];
  const shown = new Map<string, Promise<boolean>>();
  const show = (receiptHandle: string) =>
    queue.setVisibleAt({ receiptHandle }, now()).then(
      () => true,
      () => false,
    );
  for (const record of wanted) {
    const { nextAttemptMessage, nextAttemptAt = 0, role, fileId } = record;
    const waits = record.settledAt === undefined && nextAttemptMessage !== undefined && nextAttemptAt > now();
    if (!waits) {
      left.push(record);
      continue;
    }
    // Due first: the message must not find the recovery still waiting.
    await ledger.recoveries.scheduleNow(record);
    const { messageId, receiptHandle } = nextAttemptMessage;
    const answer = shown.get(messageId) ?? show(receiptHandle);
    shown.set(messageId, answer);
    if (await answer) logger.info('made due', { role, fileId, waitingMessageId: messageId });
    else left.push(record);
  }
  return left;
}

/** Opens recoveries again whose files are still to be had, and queues them with fresh URLs. */
async function queueFresh(left: readonly RecoveryRecord[], context: WorkerContext): Promise<MessageOutcome> {
  const { ledger, queue, freshUrls, now } = context;
  const files: BackupFile[] = [];
  const outcomes: MessageOutcome[] = [];
  for (const record of left) {
    const fresh = await freshUrls.of(record).catch((error: unknown) => {
      if (categoryOf(error) === 'lost') return sayWhy(error);
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
    const reopened = await ledger.recoveries.reopen(record);
    if (reopened?.outcome === 'open') await ledger.recoveries.scheduleNow(reopened.record);
  }
  const { jobId, passThrough, test, outputId, label, outputType, failedAt } = first;
  const output = { id: outputId, label, type: outputType };
  const decision: FailedOutput = { output, failures: [], files, failedAt };
  await queue.send(outputMessages({ id: jobId, passThrough, test }, decision, 'redrive'));
  return earliest(outcomes);
}

/** An output that no notification told of. */
async function queueUnknown(
  { jobId, outputId }: RedriveMessage,
  api: ZencoderApi,
  { queue, storage, logger, now }: WorkerContext,
): Promise<MessageOutcome> {
  const details = await api.getJob(jobId);
  const decisions = findFailedOutputs(details, { storage, collectUnsentOutputs: false }, now());
  const decision = decisions.find(({ output }) => output.id === outputId);
  if (decision === undefined) {
    logger.warn('nothing to redrive', { reason: 'Zencoder tells of no failed upload of this output' });
    return DONE;
  }
  await queue.send(outputMessages(details.job, decision, 'redrive'));
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
    for (const record of left) await context.ledger.recoveries.scheduleNow(record);
  }
  const hasNoneInTime = left.length > 0 && left.every(({ deadline }) => deadline <= now());
  if (hasNoneInTime || categoryOf(error) === 'lost') return DONE;
  const wait = retryAfterOf(error) ?? MAX_DELAY_MS / 2;
  return { kind: 'again', at: Math.round(now() + wait + random() * SPREAD_MS) };
}

function fileOf(record: RecoveryRecord, { url, deadline }: FreshUrl): BackupFile {
  const { role, filename, thumbnailLabel, expectedSize: size, expectedMd5: md5 } = record;
  return { role, url, deadline, filename, thumbnailLabel, size, md5 };
}

function sameFile({ url }: BackupFile, { fileId }: RecoveryRecord): boolean {
  return fileIdOf(url) === fileId;
}
