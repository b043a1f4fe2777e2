import { ChecksumMismatch, UploadContested, UploadVanished } from './destination-errors.ts';
import { Md5Mismatch, SourceChanged } from './source-errors.ts';

export * from './destination-errors.ts';
export * from './source-errors.ts';

/** Whether a fault ends a plan: its upload is to be abandoned and the copy started anew, from the first byte. */
export function endsPlan(error: unknown): boolean {
  return (
    error instanceof UploadVanished ||
    error instanceof UploadContested ||
    error instanceof SourceChanged ||
    error instanceof ChecksumMismatch ||
    error instanceof Md5Mismatch
  );
}
