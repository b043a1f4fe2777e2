import { categoryOf, type RecoveryError } from '../../shared/runtime/errors.ts';
import type { FoundObject, StoredPart } from './bucket.ts';
import { combineAll, compareMd5, compareSize, fromBase64, toBase64 } from './checksums.ts';
import {
  ChecksumMismatch,
  DestinationConflict,
  DestinationUnproven,
  KeyContested,
  KeyHeldByAnotherFile,
  Md5Mismatch,
  ObjectExists,
  PartsMissing,
  UploadNotFound,
} from './errors.ts';
import { isOfAnotherFile, isSameCopy } from './object-headers.ts';
import { rangeOf, segmentOf } from './plan.ts';
import { Attempts, type EngineTools } from './retry.ts';
import type {
  CompletionJob,
  Copied,
  CopyJob,
  CopyPlan,
  Incomplete,
  RequestCounts,
  Verification,
} from './types.ts';
import type { KnownUpload } from './upload-state.ts';

/** Completes an upload, once, whoever else tries at the same time. See `CopyEngine.complete`. */
export async function completeUpload(
  tools: EngineTools,
  job: CompletionJob,
  plan: CopyPlan,
): Promise<Copied | Incomplete> {
  const upload = tools.uploads.of(plan);
  const attempts = new Attempts(tools, upload.requests, job.signal);
  try {
    const done = await tryToComplete(tools, job, plan, upload, attempts);
    if (done.kind === 'copied') tools.uploads.forget(plan);
    return done;
  } catch (error) {
    if (error instanceof UploadNotFound || error instanceof DestinationUnproven) {
      const found = await findExistingCopy(tools, job, plan.size, attempts, combined(plan, upload));
      tools.uploads.forget(plan);
      if (found === null) throw error;
      return copiedBefore(job, found, upload.requests, combined(plan, upload));
    }
    if (error instanceof ObjectExists) {
      const settled = resolveKeyConflict(tools, job, plan.size, attempts, error, combined(plan, upload));
      const found = await abortUnlessBusy(tools, plan, attempts, settled);
      return copiedBefore(job, found, upload.requests, combined(plan, upload));
    }
    if (error instanceof ChecksumMismatch || error instanceof Md5Mismatch) {
      await abort(tools, plan, attempts);
    }
    throw error;
  }
}

async function tryToComplete(
  tools: EngineTools,
  job: CompletionJob,
  plan: CopyPlan,
  upload: KnownUpload,
  attempts: Attempts,
): Promise<Copied | Incomplete> {
  if (upload.parts.size < plan.parts) await listAll(tools, plan, upload, attempts);
  const incomplete = whatIsMissing(plan, upload);
  if (incomplete !== null) return incomplete;
  const size = compareSize(job, plan.size);
  const md5 = compareMd5(job, upload.md5?.digest(plan.parts) ?? null);
  const send = async () => {
    const parts = inOrder(plan, upload);
    return tools.bucket.complete(plan, parts, combined(plan, upload), attempts.context);
  };
  let completed: Awaited<ReturnType<typeof send>>;
  try {
    completed = await attempts.again(send);
  } catch (error) {
    if (!(error instanceof PartsMissing)) throw error;
    // Another attempt may have sent a part again: S3 knows the ETags that count now. The bytes must be the same.
    const sent = new Map(upload.parts);
    await listAll(tools, plan, upload, attempts);
    if (inOrder(plan, upload).some((part) => differs(part, sent.get(part.part)))) {
      throw new ChecksumMismatch('a part in the bucket is not the one that was sent', { cause: error });
    }
    const missing = whatIsMissing(plan, upload);
    if (missing !== null) return missing;
    completed = await attempts.again(send);
  }
  const crc32 = combined(plan, upload);
  const object = await provenObject(tools, job, plan, completed, crc32, attempts);
  const verifiedBy: Verification[] = [];
  if (size.verified) verifiedBy.push('size');
  if (crc32 !== null) verifiedBy.push('crc32');
  if (md5.verified) verifiedBy.push('md5');
  return {
    kind: 'copied',
    result: {
      size: plan.size,
      etag: object.etag,
      contentType: plan.contentType,
      crc32: crc32 === null ? object.crc32 : toBase64(crc32),
      verifiedBy,
      warnings: [...size.warnings, ...md5.warnings],
      alreadyThere: false,
      requests: { ...upload.requests },
    },
  };
}

/**
 * What S3 has made of the parts. Its answer proves it by the checksum that the parts have together (their bytes have been
 * counted by S3 as well); without that, the object itself is looked at.
 *
 * @throws {DestinationUnproven} when the key holds no such object.
 */
async function provenObject(
  tools: EngineTools,
  job: CompletionJob,
  plan: CopyPlan,
  completed: Pick<FoundObject, 'etag' | 'crc32'>,
  crc32: number | null,
  attempts: Attempts,
): Promise<Pick<FoundObject, 'etag' | 'crc32'>> {
  if (crc32 !== null && completed.crc32 === toBase64(crc32)) return completed;
  const found = await findExistingCopy(tools, job, plan.size, attempts, crc32);
  if (found !== null) return found;
  throw new DestinationUnproven('the upload was completed, but its object is not found at the key');
}

async function listAll(
  tools: EngineTools,
  plan: CopyPlan,
  upload: KnownUpload,
  attempts: Attempts,
): Promise<void> {
  const stored = await attempts.again(() => tools.bucket.listParts(plan, 1, plan.parts, attempts.context));
  upload.parts.clear();
  for (const part of stored) {
    const range = rangeOf(plan, part.part);
    if (part.bytes === range.to - range.from) upload.parts.set(part.part, part);
  }
}

function differs(stored: StoredPart, sent: StoredPart | undefined): boolean {
  const isKnown = sent !== undefined && sent.crc32 !== null && stored.crc32 !== null;
  return isKnown && sent.crc32 !== stored.crc32;
}

function inOrder(plan: CopyPlan, upload: KnownUpload): StoredPart[] {
  return Array.from({ length: plan.parts }, (_, index) => upload.parts.get(index + 1)).filter(
    (part) => part !== undefined,
  );
}

/** CRC32 of the whole file from its parts; null when one is missing or its checksum is not known. */
function combined(plan: CopyPlan, upload: KnownUpload): number | null {
  const known = inOrder(plan, upload).flatMap(({ crc32, bytes }) =>
    crc32 === null ? [] : [{ crc32, bytes }],
  );
  return known.length === plan.parts ? combineAll(known) : null;
}

function whatIsMissing(plan: CopyPlan, upload: KnownUpload): Incomplete | null {
  const missing = Array.from({ length: plan.parts }, (_, index) => index + 1).filter(
    (part) => !upload.parts.has(part),
  );
  if (missing.length === 0) return null;
  return {
    kind: 'incomplete',
    missingParts: missing.length,
    missingSegments: [...new Set(missing.map((part) => segmentOf(plan, part)))],
    bytesDone: inOrder(plan, upload).reduce((sum, part) => sum + part.bytes, 0),
  };
}

/** Whether an object is the one that a job makes: same identity in its metadata, same size, same CRC32, as far as known. */
function isMadeBy(
  job: CompletionJob,
  found: FoundObject,
  size: number | null,
  crc32: number | null,
): boolean {
  const stated = found.crc32 === null ? null : fromBase64(found.crc32);
  const isSameChecksum = crc32 === null || stated === null || stated === crc32;
  return isSameCopy(found.metadata, job.metadata) && (size === null || found.size === size) && isSameChecksum;
}

/**
 * The object at the job's key when it is the one that this job makes.
 *
 * @param size bytes; null when not known yet.
 * @param crc32 of the whole file; null when not known.
 */
export async function findExistingCopy(
  tools: EngineTools,
  job: CompletionJob,
  size: number | null,
  attempts: Attempts,
  crc32: number | null = null,
): Promise<FoundObject | null> {
  const found = await attempts.again(() => tools.bucket.headIfAllowed(job.key, attempts.context));
  return found !== null && isMadeBy(job, found, size, crc32) ? found : null;
}

/**
 * Decides what an object at the key means after a conditional write was refused.
 *
 * @returns the object when it is ours.
 * @throws {KeyHeldByAnotherFile} when this stack made it for another file.
 * @throws {DestinationConflict} when it did not, or made it of this file when that had other bytes.
 * @throws {KeyContested} when there is none (yet): another write is under way.
 */
export async function resolveKeyConflict(
  tools: EngineTools,
  job: CompletionJob,
  size: number,
  attempts: Attempts,
  cause: ObjectExists,
  crc32: number | null,
): Promise<FoundObject> {
  const found = await attempts.again(() => tools.bucket.head(job.key, attempts.context));
  if (found === null) throw new KeyContested('another write to the key is under way', { cause });
  if (isMadeBy(job, found, size, crc32)) return found;
  throw takenBy(found, job, { cause });
}

/**
 * Looks before a long copy whether the key is taken, as far as the role may know.
 *
 * @returns the object when it is ours, null when there is none.
 * @throws {KeyHeldByAnotherFile} when there is one that this stack made for another file.
 * @throws {DestinationConflict} when there is one that it did not make, or made of this file with another size.
 */
export async function checkKeyFree(
  tools: EngineTools,
  job: CompletionJob,
  size: number,
  attempts: Attempts,
): Promise<FoundObject | null> {
  const found = await attempts.again(() => tools.bucket.headIfAllowed(job.key, attempts.context));
  if (found === null || isMadeBy(job, found, size, null)) return found;
  throw takenBy(found, job);
}

function takenBy({ metadata }: FoundObject, job: CompletionJob, options?: ErrorOptions): RecoveryError {
  if (isOfAnotherFile(metadata, job.metadata)) {
    return new KeyHeldByAnotherFile('the key holds an object that this stack made for another file', options);
  }
  const found = isSameCopy(metadata, job.metadata)
    ? 'an object that this stack made of this file, but with other bytes than the file has now'
    : 'an object that this stack did not make';
  return new DestinationConflict(`the key holds ${found}: move or delete it, then redrive`, options);
}

/** An upload whose key is taken for good serves nobody; one whose key is only busy may still be completed. */
async function abortUnlessBusy(
  tools: EngineTools,
  plan: CopyPlan,
  attempts: Attempts,
  settled: Promise<FoundObject>,
): Promise<FoundObject> {
  try {
    const found = await settled;
    await abort(tools, plan, attempts);
    return found;
  } catch (error) {
    if (categoryOf(error) === 'conflict') await abort(tools, plan, attempts);
    throw error;
  }
}

async function abort(tools: EngineTools, plan: CopyPlan, attempts: Attempts): Promise<void> {
  tools.uploads.forget(plan);
  await attempts.again(() => tools.bucket.abort(plan, attempts.context));
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
