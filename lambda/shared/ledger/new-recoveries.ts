import type { BackupFile, JobInfo, OutputInfo, RecoveryKey } from '../zencoder/model.ts';
import { fileIdOf, sourceOf } from '../zencoder/signed-url.ts';
import { recoveryToItem } from './attributes.ts';
import type { ConditionalWrite } from './conditional-writes.ts';
import type { RecoveryRecord } from './records.ts';
import { recordTtl, type Table } from './table.ts';

/** The output that a backup file or a primary failure belongs to, and its job, as a message names them. */
export interface OutputOfJob {
  readonly job: JobInfo;
  readonly output: OutputInfo;
  /** When the upload failed, as near as the notification reports it: epoch milliseconds. */
  readonly failedAt: number;
}

/** The recovery of a backup file of which the ledger has none yet: `pending`, without an attempt. */
export function newRecovery(
  { job, output, failedAt }: OutputOfJob,
  file: BackupFile,
  now: number,
): RecoveryRecord {
  return {
    jobId: job.id,
    outputId: output.id,
    role: file.role,
    fileId: fileIdOf(file.url),
    label: output.label,
    outputType: output.type,
    passThrough: job.passThrough,
    test: job.test,
    filename: file.filename,
    thumbnailLabel: file.thumbnailLabel,
    source: sourceOf(file.url),
    state: 'pending',
    deadline: file.deadline,
    expectedSize: file.size,
    expectedMd5: file.md5,
    failedAt,
    createdAt: now,
    updatedAt: now,
    attempts: 0,
    history: [],
  };
}

/** Writes a recovery where there is none. */
export function creation(table: Table, record: RecoveryRecord): ConditionalWrite {
  const ttl = recordTtl(table, Math.max(record.createdAt, record.deadline));
  return { put: recoveryToItem(record, ttl), condition: { expression: 'attribute_not_exists(#pk)' } };
}

/** One file a recovery, the one with the latest deadline when a file is named twice. */
export function distinct<File extends BackupFile>(files: readonly File[]): File[] {
  const byId = new Map<string, File>();
  for (const file of files) {
    const id = `${file.role}#${fileIdOf(file.url)}`;
    const known = byId.get(id);
    if (known === undefined || known.deadline < file.deadline) byId.set(id, file);
  }
  return [...byId.values()];
}

/** The key of the recovery that a backup file of an output belongs to. */
export function recoveryKeyOf(
  { job, output }: Pick<OutputOfJob, 'job' | 'output'>,
  file: BackupFile,
): RecoveryKey {
  return { jobId: job.id, outputId: output.id, role: file.role, fileId: fileIdOf(file.url) };
}
