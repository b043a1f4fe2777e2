import pMap from 'p-map';
import type { RecoveryRecord } from '../shared/ledger/records.ts';
import { outputMessages, type RedriveMessage } from '../shared/queue/messages.ts';
import { summarizeError } from '../shared/runtime/error-summary.ts';
import { categoryOf } from '../shared/runtime/errors.ts';
import type { ZencoderApi } from '../shared/zencoder/api.ts';
import { ApiRateLimited } from '../shared/zencoder/api-errors.ts';
import { type FailedOutput, findFailedOutputs } from '../shared/zencoder/failed-outputs.ts';
import type { BackupFile } from '../shared/zencoder/model.ts';
import { fileIdOf, isOver } from '../shared/zencoder/signed-url.ts';
import { type Delivery, DONE, earliest, type MessageOutcome } from './delivery.ts';
import type { WorkerDependencies } from './dependencies.ts';
import { reportBlocked, reportNoKey, settleOverdue, settleWithoutUrl } from './redrive-blocked.ts';
import { MAX_DELAY_MS, retryAfterOf } from './retry-policy.ts';
import type { SettleDependencies } from './settle.ts';
import type { FreshUrl, FreshUrls } from './url-refresh.ts';

/** What the handling of a redrive works with. */
type RedriveDependencies = SettleDependencies &
  Pick<WorkerDependencies, 'queue' | 'api' | 'storage' | 'random'> & { readonly freshUrls: FreshUrls };

/** Many redrives share one rate limit: those that find it used up are retried at times spread over this span. */
const SPREAD_MS = 4 * 60 * 1000;

/** An output has up to thousands of thumbnails. */
const NOTES_AHEAD = { concurrency: 16 };

/**
 * Tries the recoveries of an output again, for an operator or because nothing is queued to retry them. A recovery that
 * waits for its message is made due now, and the message visible. Any other needs a fresh signed URL from the Zencoder
 * API: it is opened again and queued like a notified one. Recovered files, and those that a living invocation works on,
 * are left alone.
 *
 * What is past its deadline is settled as lost without a request to Zencoder, which keeps no file for longer.
 *
 * An output that the ledger does not know is looked up at Zencoder as a whole.
 */
export async function handleRedrive(
  message: RedriveMessage,
  delivery: Delivery,
  dependencies: RedriveDependencies,
): Promise<MessageOutcome> {
  const { ledger, logger, now } = dependencies;
  const { jobId, outputId, role, fileId, origin = 'person', requested } = message;
  const known = await ledger.queries.readRecoveriesOf({
    jobId,
    outputId,
    ...(role !== undefined && { role }),
  });
  const asked = known.filter((record) => fileId === undefined || record.fileId === fileId);
  const wanted = await withoutCopying(
    asked.filter((record) => isWanted(record, origin, now())),
    dependencies,
  );
  logger.info('redrive', { recoveries: asked.length, wanted: wanted.length, by: requested?.by ?? origin });
  if (asked.length > 0 && wanted.length === 0) return DONE;
  if (requested !== undefined) {
    await pMap(wanted, (record) => ledger.recoveries.noteRetry(record, requested), NOTES_AHEAD);
  }
  const left = await scheduleWaiting(wanted, dependencies);
  const overdue = left.filter(({ deadline }) => isOver(deadline, now()));
  const settled = await settleOverdue(overdue, delivery, dependencies);
  const inTime = left.filter((record) => !overdue.includes(record));
  if (asked.length > 0 && inTime.length === 0) return settled;
  const isKnown = asked.length > 0;
  return earliest([settled, await askZencoder({ message, left: inTime, isKnown }, delivery, dependencies)]);
}

/** What Zencoder is asked for by a redrive. */
interface ZencoderRequest {
  readonly message: RedriveMessage;
  /** Recoveries that need a fresh URL. */
  readonly left: readonly RecoveryRecord[];
  /** Whether the ledger has any recovery that the message names. */
  readonly isKnown: boolean;
}

async function askZencoder(
  { message, left, isKnown }: ZencoderRequest,
  delivery: Delivery,
  dependencies: RedriveDependencies,
): Promise<MessageOutcome> {
  const { api } = dependencies;
  if (api === null) return await reportNoKey(left, dependencies);
  try {
    return isKnown
      ? await queueFresh(left, delivery, dependencies)
      : await queueUnknown(message, api, dependencies);
  } catch (error) {
    if (categoryOf(error) === 'invalid-input') throw error;
    return await retryLater(error, left, message.origin ?? 'person', dependencies);
  }
}

type Origin = NonNullable<RedriveMessage['origin']>;

/** Reconcile opens nothing again, and does not shorten a wait; an operator does both. */
function isWanted(record: RecoveryRecord, origin: Origin, now: number): boolean {
  const { state, lease, settledAt, nextAttemptAt = 0 } = record;
  if (state === 'recovered' || (lease !== undefined && lease.until >= now)) return false;
  return origin === 'person' || (settledAt === undefined && nextAttemptAt <= now);
}

/** Leaves out large files of which a living invocation copies a segment: they are under no lease of their own. */
async function withoutCopying(
  records: readonly RecoveryRecord[],
  { ledger, now }: Pick<WorkerDependencies, 'ledger' | 'now'>,
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

/** Makes waiting recoveries due and their messages visible; returns those without a message that can be. */
async function scheduleWaiting(
  wanted: readonly RecoveryRecord[],
  { ledger, queue, logger, now }: Pick<WorkerDependencies, 'ledger' | 'queue' | 'logger' | 'now'>,
): Promise<RecoveryRecord[]> {
  const left: RecoveryRecord[] = [];
  const visible = new Map<string, Promise<boolean>>();
  const makeVisible = (receiptHandle: string) =>
    queue.setVisibleAt({ receiptHandle }, now()).then(
      () => true,
      () => false,
    );
  for (const record of wanted) {
    const { nextAttemptMessage, nextAttemptAt = 0, role, fileId } = record;
    const isWaiting =
      record.settledAt === undefined && nextAttemptMessage !== undefined && nextAttemptAt > now();
    if (!isWaiting) {
      left.push(record);
      continue;
    }
    // Due first: the message must not find the recovery still waiting.
    await ledger.recoveries.scheduleNow(record);
    const { messageId, receiptHandle } = nextAttemptMessage;
    const isVisible = visible.get(messageId) ?? makeVisible(receiptHandle);
    visible.set(messageId, isVisible);
    if (await isVisible) logger.info('made due', { role, fileId, waitingMessageId: messageId });
    else left.push(record);
  }
  return left;
}

/** Opens recoveries again whose files are still available, and queues them with fresh URLs. */
async function queueFresh(
  left: readonly RecoveryRecord[],
  delivery: Delivery,
  dependencies: RedriveDependencies,
): Promise<MessageOutcome> {
  const { ledger, queue, freshUrls, now } = dependencies;
  const files: BackupFile[] = [];
  const outcomes: MessageOutcome[] = [];
  for (const record of left) {
    const fresh = await freshUrls.of(record).catch((error: unknown) => {
      if (categoryOf(error) === 'lost') return { reason: summarizeError(error).message };
      throw error;
    });
    const reason = reasonAgainst(fresh, now());
    if (reason !== null) outcomes.push(await settleWithoutUrl(record, reason, delivery, dependencies));
    else if ('url' in fresh) files.push(fileOf(record, fresh));
  }
  const [first] = left;
  if (first === undefined || files.length === 0) return earliest(outcomes);
  for (const record of left) {
    if (!files.some((file) => file.role === record.role && fileIdOf(file.url) === record.fileId)) continue;
    const reopened = await ledger.recoveries.reopen(record);
    if (reopened?.outcome === 'open') await ledger.recoveries.scheduleNow(reopened.record);
  }
  const { jobId, passThrough, test, outputId, label, outputType, failedAt } = first;
  const output = { id: outputId, label, type: outputType };
  const failed: FailedOutput = { output, failures: [], files, failedAt };
  await queue.send(outputMessages({ id: jobId, passThrough, test }, failed, 'redrive'));
  return earliest(outcomes);
}

function reasonAgainst(fresh: FreshUrl | { readonly reason: string }, now: number): string | null {
  if ('reason' in fresh) return fresh.reason;
  return fresh.deadline <= now ? 'the fresh signed URL has expired already' : null;
}

/** Queues an output without a notification. */
async function queueUnknown(
  { jobId, outputId }: RedriveMessage,
  api: ZencoderApi,
  { queue, storage, logger, now }: Pick<WorkerDependencies, 'queue' | 'storage' | 'logger' | 'now'>,
): Promise<MessageOutcome> {
  const details = await api.getJob(jobId);
  const outputs = findFailedOutputs(details, { storage, collectUnsentOutputs: false }, now());
  const failed = outputs.find(({ output }) => output.id === outputId);
  if (failed === undefined) {
    logger.warn('nothing to redrive', { reason: 'Zencoder reports no failed upload of this output' });
    return DONE;
  }
  await queue.send(outputMessages(details.job, failed, 'redrive'));
  return DONE;
}

/** The API did not help this time. */
async function retryLater(
  error: unknown,
  left: readonly RecoveryRecord[],
  origin: Origin,
  dependencies: Pick<WorkerDependencies, 'ledger' | 'logger' | 'meter' | 'now' | 'random'>,
): Promise<MessageOutcome> {
  const { ledger, now, random } = dependencies;
  await reportBlocked(error, left, dependencies);
  // Reconcile asks again by itself, but only when nothing has happened for long; a used-up limit passes sooner.
  if (origin === 'reconcile') {
    if (!(error instanceof ApiRateLimited)) return DONE;
    // A sign of life, so that reconcile queues no second message while this one waits.
    for (const record of left) await ledger.recoveries.scheduleNow(record);
  }
  const hasNoneInTime = left.length > 0 && left.every(({ deadline }) => deadline <= now());
  if (hasNoneInTime || categoryOf(error) === 'lost') return DONE;
  const wait = retryAfterOf(error) ?? MAX_DELAY_MS / 2;
  return { kind: 'retry', at: Math.round(now() + wait + random() * SPREAD_MS) };
}

function fileOf(record: RecoveryRecord, { url, deadline }: FreshUrl): BackupFile {
  const { role, filename, thumbnailLabel, expectedSize: size, expectedMd5: md5 } = record;
  return { role, url, deadline, filename, thumbnailLabel, size, md5 };
}
