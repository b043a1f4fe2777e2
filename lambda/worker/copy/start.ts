import { createHash } from 'node:crypto';
import type { FoundObject, ObjectHead } from './bucket-contents.ts';
import type { Block } from './buffers.ts';
import { compareMd5, compareSize, crc32Of, OrderedMd5, toBase64 } from './checksums.ts';
import { DestinationUnproven, ObjectExists, SourceTooLarge, UnexpectedSourceResponse } from './errors.ts';
import { checkKeyFree, copiedBefore, findExistingCopy, resolveKeyConflict } from './existing-copy.ts';
import { contentTypeOf, objectMetadata, typeOfName } from './object-headers.ts';
import {
  concurrencyFor,
  FileTooLarge,
  KiB,
  largestObject,
  MiB,
  planCopy,
  type UploadLimits,
} from './plan.ts';
import type { CopySession, SourceFile } from './session.ts';
import type { RangeResponse } from './source-response.ts';
import type { Copied, CopyJob, PartLayout, Planned } from './types.ts';
import type { KnownUpload, KnownUploads } from './upload-state.ts';

/** Thumbnails, captions and manifests are seldom larger: asking for a whole part's memory would keep others waiting. */
const SMALL_KIND_BYTES = MiB;

export interface LayoutOptions {
  readonly segmentBytes: number;
  /** Files up to this size are one PutObject. */
  readonly usualPartBytes: number;
  /** Bytes of memory for parts in flight. */
  readonly bufferBytes: number;
  /** Parts in flight at most, where memory allows. */
  readonly maxConcurrency: number;
  readonly partBytes?: number;
  readonly limits?: UploadLimits;
}

/** The beginning of a file, in memory. */
interface Beginning {
  readonly block: Block;
  readonly response: RangeResponse;
}

/** The first request decides: small files are put at once, large ones are planned. See `CopyEngine.start`. */
export async function startCopy(
  session: CopySession,
  job: CopyJob,
  options: LayoutOptions,
  uploads: KnownUploads,
): Promise<Copied | Planned> {
  if (job.mayExist === true) {
    const found = await findExistingCopy(session, job, { size: null, crc32: null });
    if (found !== null) return copiedBefore(job, found, session.requests);
  }
  const beginning = await readBeginning(session, job, options);
  const { block, response } = beginning;
  let first: KnownUpload['first'] = null;
  try {
    compareSize(job, response.size);
    if (response.length === response.size) return await putWhole(session, job, beginning);
    const layout = layoutFor(options, response.size);
    // Rather ask once more than find out after all has been copied.
    const found = await checkKeyFree(session, job, response.size);
    if (found !== null) return copiedBefore(job, found, session.requests);
    const head = headOf(job, response, block.bytes);
    const uploadId = await session.bucket.createUpload(head);
    const { kind } = concurrencyFor(layout.partBytes, options.bufferBytes, options.maxConcurrency);
    if (kind === 'whole-parts') first = { kept: session.keep(block), bytes: response.length };
    const isHashed = job.expectedMd5 !== null && layout.segments === 1 && kind === 'whole-parts';
    const md5 = isHashed ? new OrderedMd5() : null;
    const { requests } = session;
    uploads.remember({ uploadId }, { parts: new Map(), isUntouched: true, first, md5, requests });
    const { key, contentType } = head;
    const upload = { key, uploadId, plannedAt: session.now(), sourceEtag: response.etag, contentType };
    return { kind: 'planned', plan: { version: 1, ...layout, ...upload } };
  } finally {
    if (first === null) block.release();
  }
}

/** Fetches the beginning of the file: all of it when it is small, else at most one part. */
async function readBeginning(session: CopySession, job: CopyJob, options: LayoutOptions): Promise<Beginning> {
  let bytes = firstBytes(options, job);
  let file: SourceFile = { url: job.url, etag: null, size: null };
  for (;;) {
    const block = await session.acquire(bytes);
    try {
      const response = await session.read(file, { from: 0, to: bytes }, block.bytes);
      const isGuessedTooSmall = response.length < response.size && bytes < options.usualPartBytes;
      if (!isGuessedTooSmall) return { block, response };
      file = { url: job.url, etag: response.etag, size: response.size };
      bytes = Math.min(response.size, options.usualPartBytes);
      block.release();
    } catch (error) {
      block.release();
      const wholeBytes = error instanceof UnexpectedSourceResponse ? error.wholeBytes : null;
      if (wholeBytes === null || wholeBytes <= bytes || wholeBytes > options.usualPartBytes) throw error;
      bytes = wholeBytes;
    }
  }
}

function firstBytes(options: LayoutOptions, job: CopyJob): number {
  const { usualPartBytes, bufferBytes, maxConcurrency } = options;
  const announced = job.expectedSize;
  if (announced === null) {
    const isSmallKind = /^(image|text)\/|mpegurl|xml|json/.test(typeOfName(job.filename) ?? '');
    return isSmallKind ? Math.min(SMALL_KIND_BYTES, usualPartBytes) : usualPartBytes;
  }
  if (announced <= usualPartBytes) return Math.min(usualPartBytes, Math.max(announced, 64 * KiB));
  // No file can be of such a size: the announcement is wrong, and the file itself shows its size.
  if (announced > largestObject(options.limits)) return usualPartBytes;
  const { partBytes } = layoutFor(options, announced);
  const isWhole = concurrencyFor(partBytes, bufferBytes, maxConcurrency).kind === 'whole-parts';
  return isWhole ? partBytes : usualPartBytes;
}

function layoutFor(options: LayoutOptions, size: number): PartLayout {
  try {
    return planCopy({ ...options, size });
  } catch (error) {
    if (error instanceof FileTooLarge) throw new SourceTooLarge(error.message, { cause: error });
    throw error;
  }
}

async function putWhole(session: CopySession, job: CopyJob, { block, response }: Beginning): Promise<Copied> {
  const body = block.bytes.subarray(0, response.size);
  const size = compareSize(job, body.length);
  const md5 = compareMd5(job, job.expectedMd5 === null ? null : createHash('md5').update(body).digest('hex'));
  const bytes = { size: body.length, crc32: crc32Of(body) };
  const head = headOf(job, response, body);
  const warnings = [
    ...size.warnings,
    ...md5.warnings,
    ...(response.ignoredRange ? ['the source sent the whole file in response to a request for a range'] : []),
  ];
  try {
    const etag = await session.bucket.put(head, body, bytes.crc32);
    return {
      kind: 'copied',
      result: {
        size: bytes.size,
        etag,
        contentType: head.contentType,
        crc32: toBase64(bytes.crc32),
        verifiedBy: [
          ...(size.verified ? (['size'] as const) : []),
          'crc32',
          ...(md5.verified ? (['md5'] as const) : []),
        ],
        warnings,
        alreadyThere: false,
        requests: { ...session.requests },
      },
    };
  } catch (error) {
    let found: FoundObject | null = null;
    if (error instanceof ObjectExists) {
      found = await resolveKeyConflict(session, job, bytes, error);
    } else if (error instanceof DestinationUnproven) {
      found = await findExistingCopy(session, job, bytes);
    }
    if (found === null) throw error;
    const { kind, result } = copiedBefore(job, found, session.requests, bytes.crc32);
    return { kind, result: { ...result, warnings } };
  }
}

function headOf(job: CopyJob, response: RangeResponse, start: Uint8Array): ObjectHead {
  return {
    key: job.key,
    contentType: contentTypeOf(response.contentType, job.filename, start),
    stored: response.stored,
    metadata: objectMetadata(job.metadata),
  };
}
