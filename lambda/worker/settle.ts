import type {
  ClaimedRecovery,
  LastError,
  RecoveryRecord,
  ScheduledMessage,
} from '../shared/ledger/records.ts';
import type { Settlement } from '../shared/ledger/settlements.ts';
import type { Meter } from '../shared/runtime/metrics.ts';
import { abandonUpload } from './abandon-upload.ts';
import type { CopyResult } from './copy/types.ts';
import type { FileOutcome, FileTask } from './copy-file.ts';
import {
  afterPause,
  DONE,
  type MessageOutcome,
  scheduledMessageOf,
  type WorkerContext,
} from './dependencies.ts';
import { lookBeforeLoss } from './look-before-loss.ts';
import { publishOrOwe } from './publish-or-owe.ts';
import { decideRetry, type RetryDecision, summarizeError } from './retry-policy.ts';

/**
 * How long a file is kept whose every byte is in the bucket and that only lacks its completion: its source is no longer
 * needed, so the deadline of the URL does not count. About 220 attempts of the 340 deliveries that the queue allows.
 */
const PATIENCE_MS = 40 * 60 * 60 * 1000;

/** One attempt at one file. */
export interface Attempted {
  readonly task: Pick<FileTask, 'key' | 'record'>;
  readonly outcome: FileOutcome;
}

interface Release {
  readonly record: ClaimedRecovery;
  readonly error?: LastError;
  readonly nextAttemptAt: number;
  readonly nextAttemptMessage: ScheduledMessage;
}

type Entry =
  | { readonly kind: 'settle'; readonly record: ClaimedRecovery; readonly settlement: Settlement }
  | { readonly kind: 'release'; readonly release: Release };

/**
 * Writes what attempts came to, and says when the message is due again. What lost and failed recoveries hold in the
 * bucket is freed, the end of a recovery is written, and then its event is published: one that the topic does not take
 * stays owed in the ledger and needs no message.
 */
export async function settleOutcomes(
  attempts: readonly Attempted[],
  context: WorkerContext,
): Promise<MessageOutcome> {
  const { ledger, now } = context;
  const judged = (await Promise.all(attempts.map((attempted) => entryOf(attempted, context)))).flat();
  const entries = await Promise.all(judged.map((entry) => giveUpUpload(entry, context)));
  const settlements = entries.flatMap((entry) => (entry.kind === 'settle' ? [entry] : []));
  const releases = entries.flatMap((entry) => (entry.kind === 'release' ? [entry.release] : []));
  const [written] = await Promise.all([
    settlements.length > 0 ? ledger.recoveries.settle(settlements) : [],
    releases.length > 0 && ledger.recoveries.release(releases),
  ]);
  const settled = written.flatMap(({ outcome, record }) => (outcome === 'done' ? [record] : []));
  for (const record of settled) measure(record, context.meter);
  await publishOrOwe(settled, context);
  const times = releases.map(({ nextAttemptAt }) => nextAttemptAt);
  // Another worker has the file: this message stays in reserve, since its URL may succeed where the other's is refused.
  if (attempts.some(({ outcome }) => outcome.kind === 'lease-lost')) times.push(afterPause(context).at);
  for (const [index, { outcome, record }] of written.entries()) {
    if (outcome === 'done') continue;
    const isThere = settlements[index]?.settlement.state === 'recovered';
    if (record.settledAt === undefined) times.push(afterPause(context).at);
    if (record.state !== 'lost' || !isThere) continue;
    // The other gave the file up while this one was putting it: the next attempt finds the object.
    await ledger.recoveries.reopen(record);
    times.push(now());
  }
  return times.length === 0 ? DONE : { kind: 'again', at: Math.min(...times) };
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
 * @returns a release in place of the settlement while the bucket cannot serve.
 */
async function giveUpUpload(entry: Entry, context: WorkerContext): Promise<Entry> {
  if (entry.kind === 'release' || entry.settlement.state === 'recovered') return entry;
  const { record, settlement } = entry;
  const { ledger, logger, now } = context;
  try {
    const current = await ledger.queries.readRecovery(record);
    const isMine = current?.lease?.owner === record.lease.owner;
    if (isMine && current.upload !== undefined) await abandonUpload(current.upload, context);
    return entry;
  } catch (error) {
    logger.warn('upload not aborted', { fault: summarizeError(error) });
    if (now() >= record.createdAt + PATIENCE_MS) return entry;
    return release(record, settlement.error, afterPause(context).at, context);
  }
}

async function entryOf({ task, outcome }: Attempted, context: WorkerContext): Promise<Entry[]> {
  const { record } = task;
  switch (outcome.kind) {
    case 'recovered':
      return [recovered(record, outcome, context)];
    case 'out-of-time':
      return [
        {
          kind: 'release',
          release: { record, nextAttemptAt: context.now(), nextAttemptMessage: scheduledMessageOf(context) },
        },
      ];
    case 'fault':
      return [await faulted(record, outcome, context)];
    case 'dispatched':
    case 'lease-lost':
      return [];
  }
}

function recovered(
  record: ClaimedRecovery,
  { key, result }: { readonly key: string; readonly result: CopyResult },
  context: WorkerContext,
): Entry {
  const { role, fileId, attempts } = record;
  const { size, etag, contentType, verifiedBy, warnings, requests } = result;
  context.logger.info('recovered', { role, fileId, attempts, key, bytes: size, verifiedBy, requests });
  const details = { size, etag, contentType, verifiedBy, ...(warnings.length > 0 && { warnings }) };
  return {
    kind: 'settle',
    record,
    settlement: { state: 'recovered', bucket: context.bucket, key, ...details },
  };
}

async function faulted(
  record: ClaimedRecovery,
  outcome: FileOutcome & { kind: 'fault' },
  context: WorkerContext,
): Promise<Entry> {
  const now = context.now();
  const { attempts, lastError } = record;
  const { error: cause, sourceIsDone = false } = outcome;
  const patience = Math.max(record.deadline, record.createdAt + PATIENCE_MS);
  const deadline = sourceIsDone ? patience : record.deadline;
  const question = { error: cause, attempts, now, deadline, jitter: context.jitter, lastError };
  const verdict = decideRetry(question);
  const error = { ...verdict.fault, at: now };
  if (verdict.kind === 'settled' && verdict.state === 'lost') {
    const found = await lookBeforeLoss(record, outcome.key, context);
    if (found.kind === 'copied') return recovered(record, found, context);
    if (found.kind === 'unknown') {
      const again = decideRetry({ ...question, error: found.error, deadline: patience });
      if (again.kind === 'again') return release(record, error, again.at, context);
    }
  }
  logFault(verdict, record, context);
  if (verdict.kind === 'again') {
    return release(record, error, verdict.at, context);
  }
  const where = outcome.key === '' ? {} : { bucket: context.bucket, key: outcome.key };
  const settlement = { state: verdict.state, error, isOfUrl: verdict.isOfUrl, ...where };
  return { kind: 'settle', record, settlement };
}

function release(record: ClaimedRecovery, error: LastError, at: number, context: WorkerContext): Entry {
  return {
    kind: 'release',
    release: { record, error, nextAttemptAt: at, nextAttemptMessage: scheduledMessageOf(context) },
  };
}

function logFault(verdict: RetryDecision, record: ClaimedRecovery, { logger, meter }: WorkerContext): void {
  const { role, fileId, attempts } = record;
  const details = { role, fileId, attempts, fault: verdict.fault };
  const { category, errorClass } = verdict.fault;
  if (category === 'action-required') meter.add('actionRequired', 1, errorClass);
  if (verdict.kind === 'settled') logger.error(verdict.state, details);
  else logger.warn('attempt failed', { ...details, nextAttemptAt: new Date(verdict.at).toISOString() });
}
