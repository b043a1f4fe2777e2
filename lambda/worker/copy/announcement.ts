import { Md5Mismatch, SizeMismatch } from './source-errors.ts';
import type { CompletionJob } from './types.ts';

/** How a file compares with what the notification says about it. */
export interface Comparison {
  /** True when the notification says it and it is so. */
  readonly verified: boolean;
  readonly warnings: readonly string[];
}

const NOT_COMPARED: Comparison = { verified: false, warnings: [] };
const SAME: Comparison = { verified: true, warnings: [] };

/** @throws {SizeMismatch} unless the job accepts a file that differs. */
export function compareSize(job: CompletionJob, size: number): Comparison {
  if (job.announcedSize === null) return NOT_COMPARED;
  if (job.announcedSize === size) return SAME;
  const sentence = `the file has ${size} bytes, the notification announced ${job.announcedSize}`;
  if (job.acceptMismatch !== true) throw new SizeMismatch(sentence);
  return { verified: false, warnings: [sentence] };
}

/**
 * @param md5 lower-case hex; null when it could not be computed, because the file was not copied in one go.
 * @throws {Md5Mismatch} unless the job accepts a file that differs.
 */
export function compareMd5(job: CompletionJob, md5: string | null): Comparison {
  if (job.announcedMd5 === null || md5 === null) return NOT_COMPARED;
  if (job.announcedMd5 === md5) return SAME;
  const sentence = `the file has MD5 ${md5}, the notification announced ${job.announcedMd5}`;
  if (job.acceptMismatch !== true) throw new Md5Mismatch(sentence);
  return { verified: false, warnings: [sentence] };
}
