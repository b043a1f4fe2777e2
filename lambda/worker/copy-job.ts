import type { RecoveryRecord } from '../shared/ledger/records.ts';
import type { BackupFile, JobInfo, OutputInfo, RecoveryKey } from '../shared/zencoder/model.ts';
import { fileIdOf } from '../shared/zencoder/signed-url.ts';
import type { CopyJob } from './copy/types.ts';

/** A file that has differed so often from its announcement is kept as it is: better than lost. */
const MAX_MISMATCHES = 2;

/** A backup file and the object that it becomes. */
export interface FileTask {
  readonly job: JobInfo;
  readonly output: OutputInfo;
  readonly file: BackupFile;
  /** Key of the object in the customer's bucket. */
  readonly key: string;
}

/** The part of an object's metadata that says which file it is. */
export function identityOf({ jobId, outputId, role, fileId }: RecoveryKey): Record<string, string> {
  return {
    'zencoder-job': jobId,
    'zencoder-output': outputId,
    'zencoder-role': role,
    'zencoder-file': fileId,
  };
}

/**
 * Object metadata that says where a recovered object came from; never a signature. Attempts recognise their own work
 * by it: an object which an earlier attempt put counts as recovered, one of another file makes this file take its second
 * key, and any other is a conflict.
 */
function provenanceOf({ job, output, file }: Omit<FileTask, 'key'>): Record<string, string> {
  const fileId = fileIdOf(file.url);
  return {
    ...identityOf({ jobId: job.id, outputId: output.id, role: file.role, fileId }),
    ...(output.label === null ? {} : { 'zencoder-label': output.label }),
    ...(file.thumbnailLabel === null ? {} : { 'zencoder-thumbnail-label': file.thumbnailLabel }),
  };
}

/** The copy engine's job for a file. */
export function copyJobOf(
  task: FileTask,
  { attempts, history }: Pick<RecoveryRecord, 'attempts' | 'history'>,
): CopyJob {
  const { file, key } = task;
  const mismatches = history.filter(({ countedAs }) => countedAs === 'mismatch');
  return {
    url: file.url,
    key,
    filename: file.filename,
    metadata: provenanceOf(task),
    expectedSize: file.size,
    expectedMd5: file.md5,
    acceptMismatch: mismatches.length >= MAX_MISMATCHES,
    mayExist: attempts > 1,
  };
}
