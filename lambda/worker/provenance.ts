import { fileIdOf } from '../shared/backup-file.ts';
import type { BackupFile, JobInfo, OutputInfo, RecoveryKey } from '../shared/model.ts';

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
export function provenanceOf(job: JobInfo, output: OutputInfo, file: BackupFile): Record<string, string> {
  const fileId = fileIdOf(file.url);
  return {
    ...identityOf({ jobId: job.id, outputId: output.id, role: file.role, fileId }),
    ...(output.label === null ? {} : { 'zencoder-label': output.label }),
    ...(file.thumbnailLabel === null ? {} : { 'zencoder-thumbnail-label': file.thumbnailLabel }),
  };
}
