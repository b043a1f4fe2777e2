import type { Job, PlacedFile } from './job.ts';
import type { BackupStorage } from './storage.ts';

/** A file that a job placed somewhere, and whose it is. */
export interface ReportedFile extends PlacedFile {
  readonly jobId: string;
  readonly outputId: string;
  readonly label: string | null;
  readonly role: 'media' | 'thumbnail';
  readonly thumbnailLabel: string | null;
  /** Where the file is, without a signature. */
  readonly address: string;
}

/** All files of a job, output by output, the media file first. */
export function reportFiles(job: Job, storage: BackupStorage): ReportedFile[] {
  return job.outputs.flatMap((output) => {
    const report = (
      file: PlacedFile,
      role: ReportedFile['role'],
      thumbnailLabel: string | null,
    ): ReportedFile => ({
      ...file,
      jobId: String(job.id),
      outputId: String(output.id),
      label: output.label,
      role,
      thumbnailLabel,
      address: file.place.kind === 'storage' ? storage.addressOf(file.place.key) : file.place.url,
    });
    const thumbnails = output.thumbnails.flatMap((set) =>
      set.images.map((image) => report(image, 'thumbnail', set.label)),
    );
    return output.file === null ? thumbnails : [report(output.file, 'media', null), ...thumbnails];
  });
}
