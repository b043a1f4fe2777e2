import pMap from 'p-map';
import { fileIdOf } from '../shared/backup-file.ts';
import { RecoveryError } from '../shared/errors.ts';
import { failureEvent } from '../shared/events.ts';
import { claimFiles, type FileClaim, type OutputContext } from '../shared/ledger/claims.ts';
import { markFailuresPublished, recordPrimaryFailures } from '../shared/ledger/failures.ts';
import { reopenRecovery } from '../shared/ledger/reopenings.ts';
import type { OutputMessage } from '../shared/message.ts';
import type { BackupFile } from '../shared/model.ts';
import {
  afterOwnLease,
  afterPause,
  DONE,
  earliest,
  leaseOf,
  type MessageOutcome,
  type WorkerContext,
} from './context.ts';
import { copyFile, type FileTask } from './copy-file.ts';
import { keysOf } from './key-template.ts';
import { settleOutcomes } from './settle.ts';
import { noteOf } from './verdict.ts';

/** Files that are claimed and settled in one DynamoDB call each: the items that one transaction takes. */
const GROUP_FILES = 100;

/** Files in flight at once; thumbnails wait for round trips far more than for bandwidth. */
const FILES_AT_ONCE = 16;

/** Errors by which a source refuses a signed URL, not the file. */
const REFUSALS: ReadonlySet<string> = new Set([
  'SourceExpired',
  'SourceRefused',
  'SourceRedirected',
  'SourceOutOfReach',
  'NoFreshUrl',
]);

/** So many attempts at a file whose URLs are refused; Zencoder sends at most ten notifications of an output. */
const MOST_URLS = 10;

/** A URL that is not on Zencoder's storage: no request ever leaves for it. */
export class SourceNotAllowed extends RecoveryError {
  override readonly name = 'SourceNotAllowed';
  override readonly meaning = 'not-understood';
}

/**
 * Does all that is to be done for one output: records its primary failures, then claims, copies and settles its backup
 * files side by side. Files that are settled, that a living invocation works on or that wait for another message's
 * time are left alone.
 *
 * @throws {SourceNotAllowed} when a URL is not on the allow-list; the failures are recorded all the same.
 */
export async function recoverOutput(message: OutputMessage, context: WorkerContext): Promise<MessageOutcome> {
  const published = await recordFailures(message, context);
  const stranger = message.files.find(({ url }) => !context.storage.allows(new URL(url)));
  if (stranger !== undefined) {
    if (published.kind === 'again') return published;
    throw new SourceNotAllowed(
      `a ${stranger.role} file is on ${new URL(stranger.url).host}, which is not on the allow-list`,
    );
  }
  return earliest([published, await recoverFiles(message, message.files, context)]);
}

/** Records the primary failures and publishes those that nobody has; files do not wait for a topic out of order. */
async function recordFailures(message: OutputMessage, context: WorkerContext): Promise<MessageOutcome> {
  const { table, events, logger, meter, now } = context;
  const recorded = await recordPrimaryFailures(table, message, now());
  for (const { record, isNew } of recorded) {
    if (!isNew) continue;
    logger.warn('primary failure', { role: record.role, errorClass: record.errorClass });
    meter.put('primaryFailures', 1, record.errorClass);
  }
  const untold = recorded
    .map(({ record }) => record)
    .filter(({ eventPublishedAt }) => eventPublishedAt === undefined);
  if (untold.length === 0) return DONE;
  try {
    await events.publish(untold.map(failureEvent));
    await markFailuresPublished(table, untold, now());
    return DONE;
  } catch (error) {
    logger.error('events not published', { fault: noteOf(error) });
    return afterPause(context);
  }
}

/** Claims, copies and settles files of one output. */
export async function recoverFiles(
  output: OutputContext,
  files: readonly BackupFile[],
  context: WorkerContext,
): Promise<MessageOutcome> {
  const keys = keysFor(output, files, context);
  const groups = groupsOf(files).map((group) => recoverGroup(output, group, keys, context));
  // One group's fault must not end the invocation while another still copies.
  const outcomes = await Promise.allSettled(groups);
  const fault = outcomes.find((outcome) => outcome.status === 'rejected');
  if (fault !== undefined) throw fault.reason;
  return earliest(outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? outcome.value : [])));
}

async function recoverGroup(
  { job, output, failedAt }: OutputContext,
  files: readonly BackupFile[],
  keys: ReadonlyMap<BackupFile, string>,
  context: WorkerContext,
): Promise<MessageOutcome> {
  const claims = await claimAll({ job, output, failedAt }, files, context);
  const tasks = claims.flatMap((claim) => taskOf(claim, { job, output }, keys));
  const attempts = await pMap(tasks, async (task) => ({ task, outcome: await copyFile(task, context) }), {
    concurrency: FILES_AT_ONCE,
  });
  const left = claims.map((claim) => comeBackFor(claim, context));
  return earliest([await settleOutcomes(attempts, context), ...left]);
}

/**
 * Claims files, those included that were lost because the source refused an earlier signed URL: this message's is
 * another one.
 */
async function claimAll(
  output: OutputContext,
  files: readonly BackupFile[],
  context: WorkerContext,
): Promise<FileClaim[]> {
  const { table, now } = context;
  const claims = await claimFiles(table, output, files, leaseOf(context), now());
  const refused = claims.filter((claim) => deservesAnotherUrl(claim, context));
  if (refused.length === 0) return claims;
  await Promise.all(refused.map(({ record }) => reopenRecovery(table, record, now())));
  const again = refused.map(({ file }) => file);
  return [
    ...claims.filter((claim) => !refused.includes(claim)),
    ...(await claimFiles(table, output, again, leaseOf(context), now())),
  ];
}

function deservesAnotherUrl({ outcome, file, record }: FileClaim, { message, now }: WorkerContext): boolean {
  if (outcome !== 'settled' || record.state !== 'lost' || record.attempts >= MOST_URLS) return false;
  const wasRefused = REFUSALS.has(record.lastError?.errorClass ?? '');
  // A message that comes back brings the URL that was refused.
  return wasRefused && message.receiveCount === 1 && file.deadline > now();
}

/** Files that this message is to come back for, although there is nothing to be done for them now. */
function comeBackFor({ outcome, record }: FileClaim, context: WorkerContext): MessageOutcome {
  return outcome === 'leased' ? afterOwnLease(record.lease, context) : DONE;
}

function taskOf(
  claim: FileClaim,
  { job, output }: Pick<OutputContext, 'job' | 'output'>,
  keys: ReadonlyMap<BackupFile, string>,
): FileTask[] {
  const { outcome, file, record } = claim;
  if (outcome !== 'claimed') return [];
  // A plan was made for a key: it stands, even if the template has been changed since.
  const key = record.upload?.key ?? keys.get(file);
  return key === undefined ? [] : [{ job, output, file, key, record }];
}

function keysFor(
  { job, output }: Pick<OutputContext, 'job' | 'output'>,
  files: readonly BackupFile[],
  { keyTemplate }: WorkerContext,
): Map<BackupFile, string> {
  const sources = files.map((file) => ({ job, output, file, fileId: fileIdOf(new URL(file.url)) }));
  const keys = keysOf(keyTemplate, sources);
  return new Map(files.map((file, index) => [file, keys[index] ?? '']));
}

/** Media apart from thumbnails, so that a long copy does not keep finished thumbnails from being settled. */
function groupsOf(files: readonly BackupFile[]): BackupFile[][] {
  const media = files.filter(({ role }) => role === 'media');
  const thumbnails = files.filter(({ role }) => role === 'thumbnail');
  const chunks = Array.from({ length: Math.ceil(thumbnails.length / GROUP_FILES) }, (_, index) =>
    thumbnails.slice(index * GROUP_FILES, (index + 1) * GROUP_FILES),
  );
  return [media, ...chunks].filter((group) => group.length > 0);
}
