import pMap from 'p-map';
import type { FileClaim, KeyedFile } from '../shared/ledger/claims.ts';
import type { OutputOfJob } from '../shared/ledger/new-recoveries.ts';
import type { PrimaryFailureRecord, RecoveryRecord } from '../shared/ledger/records.ts';
import type { OutputMessage } from '../shared/queue/messages.ts';
import type { BackupFile } from '../shared/zencoder/model.ts';
import { fileIdOf } from '../shared/zencoder/signed-url.ts';
import { uploadErrorKind } from '../shared/zencoder/upload-errors.ts';
import { FileCopy, type FileCopyDependencies } from './copy-file.ts';
import {
  afterPause,
  besideLease,
  type Delivery,
  DONE,
  earliest,
  isNewEvidence,
  leaseOf,
  type MessageOutcome,
} from './delivery.ts';
import type { WorkerDependencies } from './dependencies.ts';
import { keysOf } from './key-template.ts';
import { publishOrOwe } from './publish-events.ts';
import { type Attempted, type SettleDependencies, settleOutcomes } from './settle.ts';

/** What the handling of an output works with. */
type OutputDependencies = FileCopyDependencies &
  SettleDependencies &
  Pick<WorkerDependencies, 'storage' | 'keyTemplate'>;

/** Files that are claimed and settled in one DynamoDB call each: the items that one transaction takes. */
const GROUP_FILES = 100;

/** A message in reserve leaves the message that the file waits for this much time to begin its attempt, milliseconds. */
const RESERVE_MS = 30_000;

/** Files in flight at once; thumbnails wait for round trips far more than for bandwidth. */
const MAX_FILES_IN_FLIGHT = 16;

/**
 * Handles one output: records its primary failures, then claims, copies and settles its backup files side by side. Settled
 * files are left alone, unless they were lost and this message brings new evidence; while another message has a file,
 * this one stays in reserve. Events of the failures are published beside the copying: no file waits for the topic.
 *
 * @throws {SourceNotAllowed} when the allow-list does not admit a URL; the failures are recorded all the same.
 */
export async function handleOutput(
  message: OutputMessage,
  delivery: Delivery,
  dependencies: OutputDependencies,
): Promise<MessageOutcome> {
  const published = publishOrOwe(await recordFailures(message, dependencies), dependencies);
  try {
    const files = message.files.map((file) => dependencies.storage.assertAllowed(file));
    const keyed = withKeys(message, files, dependencies);
    const groups = groupsOf(keyed).map((group) => handleGroup(message, group, delivery, dependencies));
    // An error of one group must not end the invocation while another still copies.
    const outcomes = await Promise.allSettled(groups);
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    return earliest(outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? outcome.value : [])));
  } finally {
    await published;
  }
}

/** Records the primary failures; returns those whose event this message is to publish. */
async function recordFailures(
  message: OutputMessage,
  { ledger, logger, meter }: Pick<WorkerDependencies, 'ledger' | 'logger' | 'meter'>,
): Promise<PrimaryFailureRecord[]> {
  const recorded = await ledger.failures.record(message);
  for (const { record, isNew } of recorded) {
    if (!isNew) continue;
    logger.warn('primary failure', { role: record.role, errorClass: record.errorClass });
    meter.add('primaryFailures', 1, uploadErrorKind(record.errorClass)?.errorClass ?? 'Other');
  }
  return recorded.flatMap(({ record, isNew }) => (isNew || ledger.outbox.isLeftOwed(record) ? [record] : []));
}

/** Claims, copies and settles files of one output. */
async function handleGroup(
  { job, output, failedAt }: OutputOfJob,
  files: readonly KeyedFile[],
  delivery: Delivery,
  dependencies: OutputDependencies,
): Promise<MessageOutcome> {
  const { now } = dependencies;
  const claims = await claimAll({ job, output, failedAt }, files, delivery, dependencies);
  const published = publishOrOwe(leftOwedOf(claims, dependencies), dependencies);
  const copying = claims.filter((claim) => claim.outcome === 'claimed');
  const attempts = await pMap(
    copying,
    async ({ file: { key: offered, ...file }, record }): Promise<Attempted> => {
      // The stored key stands, even if the template or the label in the message has changed since.
      const key = record.key ?? offered;
      const copy = new FileCopy({ job, output, file, key }, delivery, dependencies);
      return { record, outcome: await copy.start(record) };
    },
    { concurrency: MAX_FILES_IN_FLIGHT },
  );
  const left = claims.map((claim) => outcomeOfClaim(claim, delivery, now()));
  const outcome = await settleOutcomes(attempts, delivery, dependencies);
  await published;
  return earliest([outcome, ...left]);
}

/** Settled recoveries whose event was left by an invocation that crashed, or that the topic refused. */
function leftOwedOf(
  claims: readonly FileClaim[],
  { ledger }: Pick<WorkerDependencies, 'ledger'>,
): RecoveryRecord[] {
  return claims.flatMap(({ outcome, record }) =>
    outcome === 'settled' && ledger.outbox.isLeftOwed(record) ? [record] : [],
  );
}

/** Claims files, those included that were lost before this message's URL was tried: it may succeed. */
async function claimAll(
  output: OutputOfJob,
  files: readonly KeyedFile[],
  delivery: Delivery,
  { ledger, now }: Pick<WorkerDependencies, 'ledger' | 'now'>,
): Promise<FileClaim[]> {
  const claims = await ledger.recoveries.claim(output, files, leaseOf(delivery));
  const lost = claims.filter(({ record, file }) => isNewEvidence(record, file, delivery, now()));
  if (lost.length === 0) return claims;
  await Promise.all(lost.map(({ record }) => ledger.recoveries.reopen(record)));
  const again = lost.map(({ file }) => file);
  return [
    ...claims.filter((claim) => !lost.includes(claim)),
    ...(await ledger.recoveries.claim(output, again, leaseOf(delivery))),
  ];
}

/**
 * When this message is due again for a file that it can do nothing for now. While a message of other evidence has the
 * file, this one stays in reserve: its URL may succeed where the other's is refused. One of the same evidence is redundant.
 */
function outcomeOfClaim(claim: FileClaim, delivery: Delivery, now: number): MessageOutcome {
  const { evidence } = delivery;
  switch (claim.outcome) {
    case 'claimed':
    case 'settled':
      return DONE;
    case 'leased':
      return besideLease(claim.record.lease, delivery, now);
    case 'dispatched':
      return claim.record.dispatchedBy?.evidence === evidence ? DONE : afterPause(delivery, now);
    case 'waiting': {
      const { nextAttemptAt, nextAttemptMessage } = claim.record;
      if (nextAttemptMessage?.evidence === evidence) return DONE;
      // Not before its own pause is over, either: the queue counts the deliveries of a message.
      return { kind: 'retry', at: Math.max(nextAttemptAt + RESERVE_MS, afterPause(delivery, now).at) };
    }
    case 'unreadable':
      return { kind: 'invalid-input', error: claim.error };
  }
}

/** Files with the keys that they get if this is their first claim. */
function withKeys(
  { job, output }: Pick<OutputOfJob, 'job' | 'output'>,
  files: readonly BackupFile[],
  { keyTemplate }: Pick<WorkerDependencies, 'keyTemplate'>,
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
