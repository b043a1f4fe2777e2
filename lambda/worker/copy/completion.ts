import { categoryOf } from '../../shared/runtime/errors.ts';
import type { FoundObject, StoredPart } from './bucket-contents.ts';
import { combineAll, compareMd5, compareSize, toBase64 } from './checksums.ts';
import {
  ChecksumMismatch,
  DestinationUnproven,
  endsPlan,
  ObjectExists,
  PartsMissing,
  UploadNotFound,
} from './errors.ts';
import { copiedBefore, findExistingCopy, type KnownBytes, resolveKeyConflict } from './existing-copy.ts';
import { rangeOf, segmentOf } from './plan.ts';
import type { CopySession } from './session.ts';
import type { CompletionJob, Copied, CopyPlan, Incomplete, Verification } from './types.ts';
import type { KnownUpload, KnownUploads } from './upload-state.ts';

/** Completes an upload, once, whatever other process tries at the same time. See `CopyEngine.complete`. */
export async function completeUpload(
  session: CopySession,
  job: CompletionJob,
  plan: CopyPlan,
  uploads: KnownUploads,
): Promise<Copied | Incomplete> {
  const upload = uploads.of(plan);
  const abort = async () => {
    uploads.forget(plan);
    await session.bucket.abort(plan);
  };
  try {
    const done = await tryToComplete(session, job, plan, upload);
    if (done.kind === 'copied') uploads.forget(plan);
    return done;
  } catch (error) {
    const bytes = knownBytes(plan, upload);
    if (error instanceof UploadNotFound || error instanceof DestinationUnproven) {
      const found = await findExistingCopy(session, job, bytes);
      uploads.forget(plan);
      if (found === null) throw error;
      return copiedBefore(job, found, session.requests, bytes.crc32);
    }
    if (error instanceof ObjectExists) {
      const found = await abortUnlessBusy(resolveKeyConflict(session, job, bytes, error), abort);
      return copiedBefore(job, found, session.requests, bytes.crc32);
    }
    // Other bytes than the file's: no attempt can complete this upload.
    if (endsPlan(error)) await abort();
    throw error;
  }
}

async function tryToComplete(
  session: CopySession,
  job: CompletionJob,
  plan: CopyPlan,
  upload: KnownUpload,
): Promise<Copied | Incomplete> {
  if (upload.parts.size < plan.parts) await listAll(session, plan, upload);
  const incomplete = missingParts(plan, upload);
  if (incomplete !== null) return incomplete;
  const size = compareSize(job, plan.size);
  const md5 = compareMd5(job, upload.md5?.digest(plan.parts) ?? null);
  const completed = await completeByParts(session, plan, upload);
  if ('kind' in completed) return completed;
  const bytes = knownBytes(plan, upload);
  const object = await provenObject(session, job, completed, bytes);
  const verifiedBy: Verification[] = [];
  if (size.verified) verifiedBy.push('size');
  if (bytes.crc32 !== null) verifiedBy.push('crc32');
  if (md5.verified) verifiedBy.push('md5');
  return {
    kind: 'copied',
    result: {
      size: plan.size,
      etag: object.etag,
      contentType: plan.contentType,
      crc32: bytes.crc32 === null ? object.crc32 : toBase64(bytes.crc32),
      verifiedBy,
      warnings: [...size.warnings, ...md5.warnings],
      alreadyThere: false,
      requests: { ...session.requests },
    },
  };
}

type CompletedObject = Pick<FoundObject, 'etag' | 'crc32'>;

/** Completes by the parts as they are known here; once more by those that S3 lists when it does not have these. */
async function completeByParts(
  { bucket }: CopySession,
  plan: CopyPlan,
  upload: KnownUpload,
): Promise<CompletedObject | Incomplete> {
  const send = () => bucket.complete(plan, inOrder(plan, upload), knownBytes(plan, upload).crc32);
  try {
    return await send();
  } catch (error) {
    if (!(error instanceof PartsMissing)) throw error;
    // Another attempt may have sent a part again: S3 knows the ETags that count now. The bytes must be the same.
    const sent = new Map(upload.parts);
    await listAll({ bucket }, plan, upload);
    if (inOrder(plan, upload).some((part) => differs(part, sent.get(part.part)))) {
      throw new ChecksumMismatch('a part in the bucket is not the one that was sent', { cause: error });
    }
    return missingParts(plan, upload) ?? (await send());
  }
}

/**
 * What S3 has made of the parts. Its response proves it by the checksum that the parts have together (their bytes have
 * been counted by S3 as well); without that, the object itself is looked at.
 *
 * @throws {DestinationUnproven} when the key holds no such object.
 */
async function provenObject(
  session: CopySession,
  job: CompletionJob,
  completed: CompletedObject,
  bytes: KnownBytes,
): Promise<CompletedObject> {
  if (bytes.crc32 !== null && completed.crc32 === toBase64(bytes.crc32)) return completed;
  const found = await findExistingCopy(session, job, bytes);
  if (found !== null) return found;
  throw new DestinationUnproven('the upload was completed, but its object is not found at the key');
}

async function listAll(
  { bucket }: Pick<CopySession, 'bucket'>,
  plan: CopyPlan,
  upload: KnownUpload,
): Promise<void> {
  const stored = await bucket.listParts(plan, 1, plan.parts);
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

/** The CRC32 of the whole file comes from its parts; it is null when one is missing or its checksum is not known. */
function knownBytes(plan: CopyPlan, upload: KnownUpload): KnownBytes {
  const known = inOrder(plan, upload).flatMap(({ crc32, bytes }) =>
    crc32 === null ? [] : [{ crc32, bytes }],
  );
  return { size: plan.size, crc32: known.length === plan.parts ? combineAll(known) : null };
}

function missingParts(plan: CopyPlan, upload: KnownUpload): Incomplete | null {
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

/** An upload whose key is taken for good is of no use; one whose key is only busy may still be completed. */
async function abortUnlessBusy(
  resolved: Promise<FoundObject>,
  abort: () => Promise<void>,
): Promise<FoundObject> {
  try {
    const found = await resolved;
    await abort();
    return found;
  } catch (error) {
    if (categoryOf(error) === 'conflict') await abort();
    throw error;
  }
}
