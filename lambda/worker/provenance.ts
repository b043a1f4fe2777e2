import { fileIdOf } from '../shared/backup-file.ts';
import type { BackupFile, JobInfo, OutputInfo } from '../shared/model.ts';

/**
 * Object metadata that says where a recovered object came from; never a signature. Attempts recognise their own work
 * by it, so that an object which an earlier attempt put counts as recovered and a stranger's as conflict.
 */
export function provenanceOf(job: JobInfo, output: OutputInfo, file: BackupFile): Record<string, string> {
  return {
    'zencoder-job': job.id,
    'zencoder-output': output.id,
    'zencoder-role': file.role,
    'zencoder-file': fileIdOf(new URL(file.url)),
    ...(output.label === null ? {} : { 'zencoder-label': output.label }),
    ...(file.thumbnailLabel === null ? {} : { 'zencoder-thumbnail-label': file.thumbnailLabel }),
  };
}
