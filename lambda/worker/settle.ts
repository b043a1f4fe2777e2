import type {
  ClaimedRecovery,
  LastError,
  RecoveryRecord,
  ScheduledMessage,
} from '../shared/ledger/records.ts';
import type { Settlement } from '../shared/ledger/settlements.ts';
import { summarizeError } from '../shared/runtime/error-summary.ts';
import type { Meter } from '../shared/runtime/metrics.ts';
import type { CopyResult } from './copy/types.ts';
import { afterPause, type Delivery, DONE, type MessageOutcome, scheduledMessageOf } from './delivery.ts';
import type { WorkerDependencies } from './dependencies.ts';
import type { FileOutcome } from './file-outcome.ts';
import { findBeforeLoss } from './find-before-loss.ts';
import { publishOrOwe } from './publish-events.ts';
import { decideRetry, type RetryDecision } from './retry-policy.ts';
import { abandonUpload } from './uploads.ts';

/**
 * How long a file is kept whose every byte is in the bucket and that only lacks its completion: its source is no longer
 * needed, so the deadline of the URL does not count. About 220 attempts of the 340 deliveries that the queue allows.
 */
const COMPLETION_WINDOW_MS = 40 * 60 * 60 * 1000;

/** What the settling of attempts works with. */
export type SettleDependencies = Pick<
  WorkerDependencies,
  'ledger' | 'engine' | 'bucket' | 'events' | 'logger' | 'meter' | 'now'
>;

/** One attempt at one file. */
export interface Attempted {
  readonly record: ClaimedRecovery;
  readonly outcome: FileOutcome;
}

interface Release {
  readonly record: ClaimedRecovery;
  readonly error?: LastError;
  readonly nextAttemptAt: number;
  readonly nextAttemptMessage: ScheduledMessage;
}

/** What is written of an attempt. */
type AttemptWrite =
  | { readonly kind: 'settle'; readonly record: ClaimedRecovery; readonly settlement: Settlement }
  | ({ readonly kind: 'release' } & Release)
  /** Another message or invocation continues. */
  | { readonly kind: 'none' };

/**
 * Writes the results of attempts, and says when the message is due again. What lost and failed recoveries hold in the
 * bucket is freed, the end of a recovery is written, and then its event is published: one that the topic does not accept
 * stays owed in the ledger and needs no message.
 *
 * @example
 * const outcome = await settleOutcomes([{ record, outcome: await copy.start(record) }], delivery, dependencies);
 */
export async function settleOutcomes(
  attempts: readonly Attempted[],
  delivery: Delivery,
  dependencies: SettleDependencies,
): Promise<MessageOutcome> {
  const { ledger, meter } = dependencies;
  const writes = await Promise.all(
    attempts.map(async (attempted) => {
      const write = await writeOf(attempted, delivery, dependencies);
      return await freeUpload(write, delivery, dependencies);
    }),
  );
  const settlements = writes.filter((write) => write.kind === 'settle');
  const releases = writes.filter((write) => write.kind === 'release');
  const [written] = await Promise.all([
    settlements.length > 0 ? ledger.recoveries.settle(settlements) : [],
    releases.length > 0 && ledger.recoveries.release(releases),
  ]);
  const settled = written.flatMap(({ outcome, record }) => (outcome === 'done' ? [record] : []));
  for (const record of settled) measure(record, meter);
  await publishOrOwe(settled, dependencies);
  const times = releases.map(({ nextAttemptAt }) => nextAttemptAt);
  // Another worker has the file: this message stays in reserve, since its URL may succeed where the other's is refused.
  if (attempts.some(({ outcome }) => outcome.kind === 'lease-lost')) {
    times.push(afterPause(delivery, dependencies.now()).at);
  }
  for (const [index, { outcome, record }] of written.entries()) {
    if (outcome === 'done') continue;
    const isRecovered = settlements[index]?.settlement.state === 'recovered';
    times.push(...(await timesInReserve(record, isRecovered, delivery, dependencies)));
  }
  return times.length === 0 ? DONE : { kind: 'retry', at: Math.min(...times) };
}

/** When the message is due again, if at all, after a settlement that was not written: another invocation has the recovery. */
async function timesInReserve(
  record: RecoveryRecord,
  isRecovered: boolean,
  delivery: Delivery,
  { ledger, now }: Pick<WorkerDependencies, 'ledger' | 'now'>,
): Promise<number[]> {
  if (record.settledAt === undefined) return [afterPause(delivery, now()).at];
  if (record.state !== 'lost' || !isRecovered) return [];
  // The other settled the file as lost while this one was putting it: the next attempt finds the object.
  await ledger.recoveries.reopen(record);
  return [now()];
}

function measure(record: RecoveryRecord, meter: Meter): void {
  const { state, role, settledAt = record.updatedAt } = record;
  meter.add('attempts', record.attempts, role);
  if (state === 'lost') meter.add('lostFiles', 1, record.lastError?.errorClass);
  if (state === 'failed') meter.add('failedFiles', 1, record.lastError?.errorClass);
  if (state !== 'recovered') return;
  meter.add('recoveredFiles', 1, role);
  meter.add('recoveredBytes', record.size ?? 0, role);
  meter.add('timeToRecovered', Math.max(0, settledAt - record.createdAt), role);
  meter.add('timeLeftAtRecovery', Math.max(0, record.deadline - settledAt), role);
}

/**
 * Frees what a lost or failed recovery holds in the bucket before it is settled: afterwards no record knows the upload. Its
 * plan may be younger than the claim, and another worker's once the lease is over.
 *
 * @returns a release in place of the settlement while the bucket is unavailable.
 */
async function freeUpload(
  write: AttemptWrite,
  delivery: Delivery,
  { ledger, engine, logger, now }: Pick<WorkerDependencies, 'ledger' | 'engine' | 'logger' | 'now'>,
): Promise<AttemptWrite> {
  if (write.kind !== 'settle' || write.settlement.state === 'recovered') return write;
  const { record, settlement } = write;
  try {
    const current = await ledger.queries.readRecovery(record);
    const isMine = current?.lease?.owner === record.lease.owner;
    if (isMine && current.upload !== undefined) await abandonUpload(current.upload, { engine, logger });
    return write;
  } catch (error) {
    logger.warn('upload not aborted', { error: summarizeError(error) });
    if (now() >= record.createdAt + COMPLETION_WINDOW_MS) return write;
    return releaseOf(record, afterPause(delivery, now()).at, delivery, settlement.error);
  }
}

async function writeOf(
  { record, outcome }: Attempted,
  delivery: Delivery,
  dependencies: SettleDependencies,
): Promise<AttemptWrite> {
  switch (outcome.kind) {
    case 'recovered':
      return writeOfRecovered(record, outcome, dependencies);
    case 'failed':
      return await writeOfFailed(record, outcome, delivery, dependencies);
    case 'out-of-time':
      return releaseOf(record, dependencies.now(), delivery);
    case 'dispatched':
    case 'lease-lost':
      return { kind: 'none' };
  }
}

function writeOfRecovered(
  record: ClaimedRecovery,
  { key, result }: { readonly key: string; readonly result: CopyResult },
  { bucket, logger }: Pick<WorkerDependencies, 'bucket' | 'logger'>,
): AttemptWrite {
  const { role, fileId, attempts } = record;
  const { size, etag, contentType, verifiedBy, warnings, requests } = result;
  logger.info('recovered', { role, fileId, attempts, key, bytes: size, verifiedBy, requests });
  const details = { size, etag, contentType, verifiedBy, ...(warnings.length > 0 && { warnings }) };
  return { kind: 'settle', record, settlement: { state: 'recovered', bucket, key, ...details } };
}

async function writeOfFailed(
  record: ClaimedRecovery,
  { key, error: cause, sourceIsDone = false }: FileOutcome & { readonly kind: 'failed' },
  delivery: Delivery,
  dependencies: SettleDependencies,
): Promise<AttemptWrite> {
  const { bucket, logger, meter } = dependencies;
  const now = dependencies.now();
  const { attempts, lastError } = record;
  const completionDeadline = Math.max(record.deadline, record.createdAt + COMPLETION_WINDOW_MS);
  const deadline = sourceIsDone ? completionDeadline : record.deadline;
  const input = { error: cause, attempts, now, deadline, jitter: delivery.jitter, lastError };
  const decision = decideRetry(input);
  const error: LastError = { ...decision.error, at: now };
  if (decision.kind === 'settle' && decision.state === 'lost') {
    const found = await findBeforeLoss(record, { key, stopAt: delivery.invocation.stopAt }, dependencies);
    if (found.kind === 'copied') return writeOfRecovered(record, found, dependencies);
    if (found.kind === 'unknown') {
      const again = decideRetry({ ...input, error: found.error, deadline: completionDeadline });
      if (again.kind === 'retry') return releaseOf(record, again.at, delivery, error);
    }
  }
  report(decision, record, { logger, meter });
  if (decision.kind === 'retry') return releaseOf(record, decision.at, delivery, error);
  const place = key === '' ? {} : { bucket, key };
  const { state } = decision;
  return { kind: 'settle', record, settlement: { state, error, ...place } };
}

function releaseOf(record: ClaimedRecovery, at: number, delivery: Delivery, error?: LastError): AttemptWrite {
  const next = { nextAttemptAt: at, nextAttemptMessage: scheduledMessageOf(delivery) };
  return { kind: 'release', record, ...next, ...(error !== undefined && { error }) };
}

function report(
  decision: RetryDecision,
  { role, fileId, attempts }: ClaimedRecovery,
  { logger, meter }: Pick<WorkerDependencies, 'logger' | 'meter'>,
): void {
  const details = { role, fileId, attempts, error: decision.error };
  const { category, errorClass } = decision.error;
  if (category === 'action-required') meter.add('actionRequired', 1, errorClass);
  if (decision.kind === 'settle') logger.error(decision.state, details);
  else logger.warn('attempt failed', { ...details, nextAttemptAt: new Date(decision.at).toISOString() });
}
