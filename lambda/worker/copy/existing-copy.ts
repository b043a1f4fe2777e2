import type { RecoveryError } from '../../shared/runtime/errors.ts';
import type { FoundObject } from './bucket-contents.ts';
import { fromBase64 } from './checksums.ts';
import { DestinationConflict, KeyContested, KeyHeldByAnotherFile, type ObjectExists } from './errors.ts';
import { isOfAnotherFile, isSameCopy } from './object-headers.ts';
import type { CopySession } from './session.ts';
import type { CompletionJob, Copied, CopyJob, RequestCounts, Verification } from './types.ts';

/** What is known of a file's bytes. */
export interface KnownBytes {
  /** Number of them; null when not known yet. */
  readonly size: number | null;
  /** Of the whole file; null when not known. */
  readonly crc32: number | null;
}

/** Whether an object is the one that a job makes: same identity in its metadata, same size, same CRC32, as far as known. */
function isMadeBy(job: CompletionJob, found: FoundObject, { size, crc32 }: KnownBytes): boolean {
  const stated = found.crc32 === null ? null : fromBase64(found.crc32);
  const isSameChecksum = crc32 === null || stated === null || stated === crc32;
  return isSameCopy(found.metadata, job.metadata) && (size === null || found.size === size) && isSameChecksum;
}

/** The object at the job's key when it is the one that this job makes. */
export async function findExistingCopy(
  session: CopySession,
  job: CompletionJob,
  bytes: KnownBytes,
): Promise<FoundObject | null> {
  const found = await session.bucket.headIfAllowed(job.key);
  return found !== null && isMadeBy(job, found, bytes) ? found : null;
}

/**
 * Decides what an object at the key means after a conditional write was refused.
 *
 * @returns the object when it is the one that this job makes.
 * @throws {KeyHeldByAnotherFile} when this stack made it for another file.
 * @throws {DestinationConflict} when it did not, or made it of this file when that had other bytes.
 * @throws {KeyContested} when there is none (yet): another write is under way.
 */
export async function resolveKeyConflict(
  session: CopySession,
  job: CompletionJob,
  bytes: KnownBytes,
  cause: ObjectExists,
): Promise<FoundObject> {
  const found = await session.bucket.head(job.key);
  if (found === null) throw new KeyContested('another write to the key is under way', { cause });
  if (isMadeBy(job, found, bytes)) return found;
  throw errorForTakenKey(found, job, { cause });
}

/**
 * Looks before a long copy whether the key is taken, as far as the role may know.
 *
 * @returns the object when it is the one that this job makes, null when there is none.
 * @throws {KeyHeldByAnotherFile} when there is one that this stack made for another file.
 * @throws {DestinationConflict} when there is one that it did not make, or made of this file with another size.
 */
export async function checkKeyFree(
  session: CopySession,
  job: CompletionJob,
  size: number,
): Promise<FoundObject | null> {
  const found = await session.bucket.headIfAllowed(job.key);
  if (found === null || isMadeBy(job, found, { size, crc32: null })) return found;
  throw errorForTakenKey(found, job);
}

function errorForTakenKey(
  { metadata }: FoundObject,
  job: CompletionJob,
  options?: ErrorOptions,
): RecoveryError {
  if (isOfAnotherFile(metadata, job.metadata)) {
    return new KeyHeldByAnotherFile('the key holds an object that this stack made for another file', options);
  }
  const found = isSameCopy(metadata, job.metadata)
    ? 'an object that this stack made of this file, but with other bytes than the file has now'
    : 'an object that this stack did not make';
  return new DestinationConflict(`the key holds ${found}: move or delete it, then redrive`, options);
}

/**
 * The result for an object that an earlier attempt made.
 *
 * @param crc32 of the file as far as this attempt knows it.
 */
export function copiedBefore(
  job: Pick<CopyJob, 'expectedSize'>,
  found: FoundObject,
  requests: RequestCounts,
  crc32: number | null = null,
): Copied {
  const verifiedBy: Verification[] = [];
  if (job.expectedSize === found.size) verifiedBy.push('size');
  if (crc32 !== null && found.crc32 !== null && fromBase64(found.crc32) === crc32) verifiedBy.push('crc32');
  const differs = job.expectedSize !== null && job.expectedSize !== found.size;
  return {
    kind: 'copied',
    result: {
      size: found.size,
      etag: found.etag,
      contentType: found.contentType,
      crc32: found.crc32,
      verifiedBy,
      warnings: differs
        ? [`the file has ${found.size} bytes, the notification announced ${job.expectedSize}`]
        : [],
      alreadyThere: true,
      requests: { ...requests },
    },
  };
}
