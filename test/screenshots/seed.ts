import type { KeyedFile } from '../../lambda/shared/ledger/claims.ts';
import type { OutputOfJob } from '../../lambda/shared/ledger/new-recoveries.ts';
import type { ClaimedRecovery, LastError } from '../../lambda/shared/ledger/records.ts';
import type { Settlement } from '../../lambda/shared/ledger/settlements.ts';
import { HOUR_MS, MINUTE_MS } from '../../lambda/shared/runtime/durations.ts';
import type { PrimaryFailure, Role } from '../../lambda/shared/zencoder/model.ts';
import type { DatedLedger } from '../support/ledger-table.ts';
import { openRecoveries } from '../support/open-recoveries.ts';
import { SCENARIOS, type Scene, type SceneFile } from './scenarios.ts';

/** Where the made files are. */
export const SEED_BUCKET = 'acme-recovered-files';

const STORAGE = 'https://zencoder-temp-storage-us-east-1.s3.amazonaws.com/o';

/**
 * Fills an empty ledger with a week of failed uploads in every state, through the functions that the worker itself
 * uses, so that pages have something plausible to show.
 *
 * @param now epoch milliseconds; everything is placed relative to it.
 * @returns the scenes that were played, with the ids they got.
 */
export async function seedLedger(ledger: DatedLedger, now: number): Promise<readonly Scene[]> {
  for (const scene of SCENARIOS) await play(ledger, scene, now);
  await background(ledger, now);
  return SCENARIOS;
}

async function play(ledger: DatedLedger, scene: Scene, now: number): Promise<void> {
  const failedAt = now - scene.hoursAgo * HOUR_MS;
  const context: OutputOfJob = {
    job: { id: scene.jobId, passThrough: scene.passThrough, test: scene.test ?? false },
    output: { id: scene.outputId, label: scene.label, type: scene.type ?? 'standard' },
    failedAt,
  };
  const roles = new Set(scene.files.map(({ role }) => role));
  const failures = (roles.size > 0 ? [...roles] : ['media' as const]).map((role) => failureOf(scene, role));
  await ledger.at(failedAt + MINUTE_MS).failures.record({ ...context, failures });
  for (const file of scene.files) await playFile(ledger, context, file, now);
}

async function playFile(
  ledger: DatedLedger,
  context: OutputOfJob,
  file: SceneFile,
  now: number,
): Promise<void> {
  const { failedAt } = context;
  const backup = backupOf(context, file);
  const began = Math.min(failedAt + MINUTE_MS, now - 1000);
  const claim = async (attempt: number): Promise<ClaimedRecovery> => {
    const lease = { owner: `seed-${attempt}`, until: now + 10 * MINUTE_MS };
    const [claimed] = await ledger.at(began + attempt * MINUTE_MS).recoveries.claim(context, [backup], lease);
    if (claimed?.outcome !== 'claimed') throw new Error(`${backup.filename} could not be claimed`);
    return claimed.record;
  };
  const errors = file.errors ?? [];
  if (file.state === 'pending' && errors.length === 0) {
    await openRecoveries(ledger, context, [backup], began);
    return;
  }
  for (const [index, error] of errors.entries()) {
    if (index === errors.length - 1 && file.state === 'lost') break;
    const at = began + (index + 1) * 7 * MINUTE_MS;
    const isLast = file.state === 'pending' && index === errors.length - 1;
    const nextAttemptAt = isLast ? now + 6 * MINUTE_MS : began;
    const release = { record: await claim(index), error: { ...error, at }, nextAttemptAt };
    await ledger.at(at).recoveries.release([release]);
  }
  if (file.state === 'pending') return;
  const record = await claim(errors.length);
  if (file.state === 'copying') {
    const bytesDone = Math.floor(file.size * (file.done ?? 0.4));
    await ledger.at(now).recoveries.saveProgress(record, { bytesDone, bytesTotal: file.size });
    return;
  }
  const settledAt = Math.min(began + (file.minutes ?? 3 + 7 * errors.length) * MINUTE_MS, now - MINUTE_MS);
  const dated = errors.map((error) => ({ ...error, at: settledAt }));
  await ledger.at(settledAt).recoveries.settle([{ record, settlement: settlementOf(context, file, dated) }]);
  const { retriedBy } = file;
  if (retriedBy !== undefined) {
    await ledger.recoveries.noteRetry(record, { by: retriedBy, at: settledAt + MINUTE_MS });
  }
}

function settlementOf(context: OutputOfJob, file: SceneFile, errors: readonly LastError[]): Settlement {
  const bucket = SEED_BUCKET;
  const { key } = backupOf(context, file);
  if (file.state === 'recovered') {
    return {
      ...{ state: 'recovered', bucket, key, size: file.size, etag: '"9b2cf535f27731c974343645a3985328"' },
      contentType: file.role === 'media' ? 'video/mp4' : 'image/png',
      verifiedBy: file.role === 'media' ? ['size', 'crc32', 'md5'] : ['size', 'crc32'],
      ...(file.warnings && { warnings: file.warnings }),
    };
  }
  const error = errors.at(-1);
  if (error === undefined) throw new Error(`${file.name} is to be ${file.state} and has no error`);
  return { state: file.state === 'failed' ? 'failed' : 'lost', error, bucket, key };
}

function failureOf(scene: Scene, role: Role): PrimaryFailure {
  const { errorClass, message, host } = scene.failure;
  return {
    role,
    errorClass,
    message: role === 'media' ? message : message.replace(/[^/]+\.$/, 'thumbs/.'),
    link: `https://app.zencoder.com/docs/errors/${errorClass}`,
    destinationHost: host,
  };
}

function backupOf({ job, output, failedAt }: OutputOfJob, file: SceneFile): KeyedFile {
  return {
    role: file.role,
    url: `${STORAGE}/${job.id}/${output.id}/${encodeURIComponent(file.name)}?Signature=none`,
    deadline: failedAt + 24 * HOUR_MS,
    filename: file.name,
    thumbnailLabel: file.set ?? null,
    size: file.size,
    md5: null,
    key: `zencoder-recovery/${job.id}/${output.id}/${file.role}/${file.name}`,
  };
}

/** Failures of the days before, all recovered, so that the chart has something to draw. */
async function background(ledger: DatedLedger, now: number): Promise<void> {
  const kinds: readonly (readonly [string, string, number])[] = [
    ['UploadAccessDeniedError', 'acme-video-out', 5],
    ['UploadTimeoutError', 'ftp.partner.example', 3],
    ['UnableToResolveHostError', 'media.acme.example', 2],
    ['UploadFailureError', 'acme-archive', 2],
    ['UploadServerNotFoundError', 'sftp.partner.example', 1],
  ];
  for (let hours = 30; hours < 7 * 24; hours += 6) {
    for (const [index, [errorClass, host, weight]] of kinds.entries()) {
      const count = Math.max(0, Math.round(weight * (1 + Math.sin(hours / 9 + index * 2)) - 1));
      for (let each = 0; each < count; each++) {
        const id = `17024${String(hours).padStart(3, '0')}${index}${each}`;
        await play(ledger, backgroundScene(id, hours + each / 7, errorClass, host), now);
      }
    }
  }
}

function backgroundScene(id: string, hoursAgo: number, errorClass: string, host: string): Scene {
  return {
    ...{ jobId: id, outputId: `43${id}`, label: 'hd', passThrough: `asset:ep-${id.slice(-4)}`, hoursAgo },
    failure: { errorClass, host, message: `The upload to ${host} failed.` },
    files: [{ role: 'media', name: 'hd.mp4', size: 48_211_937, state: 'recovered' }],
  };
}
