import { readRecovery } from '../shared/ledger/read-items.ts';
import type { AttemptError, ClaimedRecovery, WakingMessage } from '../shared/ledger/records.ts';
import { releaseRecoveries, type Settlement, settleRecoveries } from '../shared/ledger/settlements.ts';
import { DONE, type MessageOutcome, type WorkerContext, wakingMessageOf } from './context.ts';
import type { FileOutcome, FileTask } from './copy-file.ts';
import { judgeFault, noteOf, type Verdict } from './verdict.ts';

/** One attempt at one file. */
export interface Attempted {
  readonly task: Pick<FileTask, 'key' | 'record'>;
  readonly outcome: FileOutcome;
}

interface Release {
  readonly record: ClaimedRecovery;
  readonly error?: AttemptError;
  readonly nextAttemptAt: number;
  readonly nextAttemptBy: WakingMessage;
}

type Entry =
  | { readonly kind: 'settle'; readonly record: ClaimedRecovery; readonly settlement: Settlement }
  | { readonly kind: 'release'; readonly release: Release };

/** Writes what attempts came to, and says when the message is due again. */
export async function settleOutcomes(
  attempts: readonly Attempted[],
  context: WorkerContext,
): Promise<MessageOutcome> {
  const { table, now } = context;
  const entries = attempts.flatMap((attempted) => entryOf(attempted, context));
  const settlements = entries.flatMap((entry) => (entry.kind === 'settle' ? [entry] : []));
  const releases = entries.flatMap((entry) => (entry.kind === 'release' ? [entry.release] : []));
  await Promise.all(settlements.map((entry) => giveUpUpload(entry, context)));
  await Promise.all([
    settlements.length > 0 && settleRecoveries(table, settlements, now()),
    releases.length > 0 && releaseRecoveries(table, releases, now()),
  ]);
  const times = releases.map(({ nextAttemptAt }) => nextAttemptAt);
  return times.length === 0 ? DONE : { kind: 'again', at: Math.min(...times) };
}

/** Frees what a lost or failed recovery holds in the bucket. Its plan may be younger than the claim. */
async function giveUpUpload(
  { record, settlement }: Entry & { kind: 'settle' },
  { engine, table, logger }: WorkerContext,
): Promise<void> {
  if (settlement.state === 'recovered') return;
  try {
    const upload = (await readRecovery(table, record))?.upload;
    if (upload !== undefined) await engine.abandon(upload);
  } catch (error) {
    // The bucket's lifecycle rule clears it away after a few days.
    logger.warn('upload not aborted', { fault: noteOf(error) });
  }
}

function entryOf({ task, outcome }: Attempted, context: WorkerContext): Entry[] {
  const { record } = task;
  switch (outcome.kind) {
    case 'recovered':
      return [{ kind: 'settle', record, settlement: recovered(outcome, context) }];
    case 'out-of-time':
      return [
        {
          kind: 'release',
          release: { record, nextAttemptAt: context.now(), nextAttemptBy: wakingMessageOf(context) },
        },
      ];
    case 'fault':
      return [faulted(record, outcome, context)];
    case 'handed-on':
    case 'lease-lost':
      return [];
  }
}

function recovered(outcome: FileOutcome & { kind: 'recovered' }, context: WorkerContext): Settlement {
  const { size, etag, contentType, verifiedBy, warnings, requests } = outcome.result;
  context.logger.info('recovered', { key: outcome.key, bytes: size, verifiedBy, requests });
  return {
    state: 'recovered',
    bucket: context.bucket,
    key: outcome.key,
    size,
    etag,
    contentType,
    verifiedBy,
    ...(warnings.length > 0 && { warnings }),
  };
}

function faulted(
  record: ClaimedRecovery,
  outcome: FileOutcome & { kind: 'fault' },
  context: WorkerContext,
): Entry {
  const now = context.now();
  const { attempts, deadline } = record;
  const verdict = judgeFault({ error: outcome.error, attempts, now, deadline, spread: context.random() });
  logFault(verdict, record, context);
  const error = { ...verdict.fault, at: now };
  if (verdict.kind === 'again') {
    const nextAttemptBy = wakingMessageOf(context);
    return { kind: 'release', release: { record, error, nextAttemptAt: verdict.at, nextAttemptBy } };
  }
  const settlement = { state: verdict.state, error, bucket: context.bucket, key: outcome.key } as const;
  return { kind: 'settle', record, settlement };
}

function logFault(verdict: Verdict, record: ClaimedRecovery, { logger }: WorkerContext): void {
  const { role, fileId, attempts } = record;
  const details = { role, fileId, attempts, fault: verdict.fault };
  if (verdict.kind === 'settled') logger.error(verdict.state, details);
  else logger.warn('attempt failed', { ...details, nextAttemptAt: new Date(verdict.at).toISOString() });
}
