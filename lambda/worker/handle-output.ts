import pMap from 'p-map';
import type { FileClaim, KeyedFile } from '../shared/ledger/claims.ts';
import type { OutputContext } from '../shared/ledger/fresh-recoveries.ts';
import type { PrimaryFailureRecord, RecoveryRecord } from '../shared/ledger/records.ts';
import type { OutputMessage } from '../shared/queue/messages.ts';
import type { BackupFile } from '../shared/zencoder/model.ts';
import { fileIdOf } from '../shared/zencoder/signed-url.ts';
import { allowedSource } from '../shared/zencoder/storage.ts';
import { copyFile, type FileTask } from './copy-file.ts';
import {
  afterPause,
  besideLease,
  DONE,
  earliest,
  leaseOf,
  type MessageOutcome,
  type WorkerContext,
} from './dependencies.ts';
import { isNewEvidence } from './evidence.ts';
import { keysOf } from './key-template.ts';
import { publishOrOwe } from './publish-or-owe.ts';
import { settleOutcomes } from './settle.ts';

/** Files that are claimed and settled in one DynamoDB call each: the items that one transaction takes. */
const GROUP_FILES = 100;

/** A message in reserve leaves the message that the file waits for this much time to begin its attempt, milliseconds. */
const RESERVE_MS = 30_000;

/** Files in flight at once; thumbnails wait for round trips far more than for bandwidth. */
const FILES_AT_ONCE = 16;

/**
 * Does all that is to be done for one output: records its primary failures, then claims, copies and settles its backup
 * files side by side. Settled files are left alone, unless they were lost and this message brings new evidence; while
 * another message has a file, this one stays in reserve. Events of the failures are published beside the copying: no
 * file waits for the topic.
 *
 * @throws {SourceNotAllowed} when the allow-list does not admit a URL; the failures are recorded all the same.
 */
export async function recoverOutput(message: OutputMessage, context: WorkerContext): Promise<MessageOutcome> {
  const published = publishOrOwe(await recordFailures(message, context), context);
  try {
    const files = message.files.map((file) => allowedSource(file, context.storage));
    return await recoverFiles(message, files, context);
  } finally {
    await published;
  }
}

/** Records the primary failures; gives those whose event this message is to publish. */
async function recordFailures(
  message: OutputMessage,
  { ledger, logger, meter }: WorkerContext,
): Promise<PrimaryFailureRecord[]> {
  const recorded = await ledger.failures.record(message);
  for (const { record, isNew } of recorded) {
    if (!isNew) continue;
    logger.warn('primary failure', { role: record.role, errorClass: record.errorClass });
    meter.add('primaryFailures', 1, record.errorClass);
  }
  return recorded.flatMap(({ record, isNew }) => (isNew || ledger.outbox.isLeftOwed(record) ? [record] : []));
}

/** Claims, copies and settles files of one output. */
export async function recoverFiles(
  output: OutputContext,
  files: readonly BackupFile[],
  context: WorkerContext,
): Promise<MessageOutcome> {
  const keyed = withKeys(output, files, context);
  const groups = groupsOf(keyed).map((group) => recoverGroup(output, group, context));
  // One group's fault must not end the invocation while another still copies.
  const outcomes = await Promise.allSettled(groups);
  const fault = outcomes.find((outcome) => outcome.status === 'rejected');
  if (fault !== undefined) throw fault.reason;
  return earliest(outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? outcome.value : [])));
}

async function recoverGroup(
  { job, output, failedAt }: OutputContext,
  files: readonly KeyedFile[],
  context: WorkerContext,
): Promise<MessageOutcome> {
  const claims = await claimAll({ job, output, failedAt }, files, context);
  const published = publishOrOwe(leftOwedOf(claims, context), context);
  const tasks = claims.flatMap((claim) => taskOf(claim, { job, output }));
  const attempts = await pMap(tasks, async (task) => ({ task, outcome: await copyFile(task, context) }), {
    concurrency: FILES_AT_ONCE,
  });
  const left = claims.map((claim) => reserveFor(claim, context));
  const outcome = await settleOutcomes(attempts, context);
  await published;
  return earliest([outcome, ...left]);
}

/** Settled recoveries whose event was left by an invocation that died, or that the topic refused. */
function leftOwedOf(claims: readonly FileClaim[], { ledger }: WorkerContext): RecoveryRecord[] {
  return claims.flatMap(({ outcome, record }) =>
    outcome === 'settled' && ledger.outbox.isLeftOwed(record) ? [record] : [],
  );
}

/** Claims files, those included that were lost before this message's URL was tried: it may succeed. */
async function claimAll(
  output: OutputContext,
  files: readonly KeyedFile[],
  context: WorkerContext,
): Promise<FileClaim[]> {
  const { ledger } = context;
  const claims = await ledger.recoveries.claim(output, files, leaseOf(context));
  const lost = claims.filter(({ record, file }) => isNewEvidence(record, file, context));
  if (lost.length === 0) return claims;
  await Promise.all(lost.map(({ record }) => ledger.recoveries.reopen(record)));
  const again = lost.map(({ file }) => file);
  return [
    ...claims.filter((claim) => !lost.includes(claim)),
    ...(await ledger.recoveries.claim(output, again, leaseOf(context))),
  ];
}

/**
 * When this message is due again for a file that it cannot do anything for now. While a message of other evidence has the
 * file, this one is kept in reserve: its URL may succeed where the other's is refused. One of the same evidence has no use.
 */
function reserveFor(claim: FileClaim, context: WorkerContext): MessageOutcome {
  const { evidence } = context;
  switch (claim.outcome) {
    case 'claimed':
    case 'settled':
      return DONE;
    case 'leased':
      return besideLease(claim.record.lease, context);
    case 'dispatched':
      return claim.record.dispatchedBy?.evidence === evidence ? DONE : afterPause(context);
    case 'waiting': {
      const { nextAttemptAt, nextAttemptMessage } = claim.record;
      if (nextAttemptMessage?.evidence === evidence) return DONE;
      // Not before its own pause is over, either: the queue's deliveries of a message are counted.
      return { kind: 'again', at: Math.max(nextAttemptAt + RESERVE_MS, afterPause(context).at) };
    }
    case 'unreadable':
      return { kind: 'invalid-input', error: claim.error };
  }
}

function taskOf(
  { outcome, file: { key: offered, ...file }, record }: FileClaim,
  { job, output }: Pick<OutputContext, 'job' | 'output'>,
): FileTask[] {
  if (outcome !== 'claimed') return [];
  // The stored key stands, even if the template or the company in the message is another by now.
  return [{ job, output, file, key: record.key ?? offered, record }];
}

/** Files with the keys that they get if this is their first claim. */
function withKeys(
  { job, output }: Pick<OutputContext, 'job' | 'output'>,
  files: readonly BackupFile[],
  { keyTemplate }: WorkerContext,
): KeyedFile[] {
  const sources = files.map((file) => ({ job, output, file, fileId: fileIdOf(file.url) }));
  const keys = keysOf(keyTemplate, sources);
  return files.map((file, index) => ({ ...file, key: keys[index] ?? '' }));
}

/** Media apart from thumbnails, so that a long copy does not keep finished thumbnails from being settled. */
function groupsOf(files: readonly KeyedFile[]): KeyedFile[][] {
  const media = files.filter(({ role }) => role === 'media');
  const thumbnails = files.filter(({ role }) => role === 'thumbnail');
  const chunks = Array.from({ length: Math.ceil(thumbnails.length / GROUP_FILES) }, (_, index) =>
    thumbnails.slice(index * GROUP_FILES, (index + 1) * GROUP_FILES),
  );
  return [media, ...chunks].filter((group) => group.length > 0);
}
