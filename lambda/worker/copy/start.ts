import { createHash } from 'node:crypto';
import type { FoundObject, ObjectHead } from './bucket.ts';
import type { Block } from './buffers.ts';
import { compareMd5, compareSize, crc32Of, OrderedMd5, toBase64 } from './checksums.ts';
import { checkKeyFree, copiedBefore, findExistingCopy, resolveKeyConflict } from './completion.ts';
import { DestinationUnproven, ObjectExists, SourceTooLarge, UnexpectedSourceResponse } from './errors.ts';
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
import { Attempts, type EngineTools } from './retry.ts';
import type { RangeAnswer } from './source-response.ts';
import type { Copied, CopyJob, PartLayout, Planned } from './types.ts';
import type { KnownUpload } from './upload-state.ts';

/** Thumbnails, captions and manifests are seldom larger: asking for a whole part's memory would keep others waiting. */
const SMALL_KIND_BYTES = MiB;

export interface LayoutOptions {
  readonly segmentBytes: number;
  /** Files up to this size are one PutObject. */
  readonly usualPartBytes: number;
  readonly partBytes?: number;
  readonly limits?: UploadLimits;
}

/** The first request decides: small files are put at once, large ones are planned. See `CopyEngine.start`. */
export async function startCopy(
  tools: EngineTools,
  options: LayoutOptions,
  job: CopyJob,
): Promise<Copied | Planned> {
  const requests = { source: 0, bucket: 0 };
  const attempts = new Attempts(tools, requests, job.signal);
  if (job.mayExist === true) {
    const found = await findExistingCopy(tools, job, null, attempts);
    if (found !== null) return copiedBefore(job, found, requests);
  }
  const { block, answer } = await firstRange(tools, options, job, attempts);
  let first: KnownUpload['first'] = null;
  try {
    compareSize(job, answer.size);
    if (answer.length === answer.size) {
      return await putWhole(tools, job, block.bytes.subarray(0, answer.size), answer, attempts, requests);
    }
    const layout = layoutFor(tools, options, answer.size);
    // Rather ask once more than find out after all has been copied.
    const found = await checkKeyFree(tools, job, answer.size, attempts);
    if (found !== null) return copiedBefore(job, found, requests);
    const head = headOf(job, answer, block.bytes);
    const uploadId = await attempts.again(() => tools.bucket.createUpload(head, attempts.context));
    const { kind } = concurrencyFor(layout.partBytes, tools.pool.maxBytes, tools.maxConcurrency);
    if (kind === 'whole-parts') first = { kept: tools.pool.keep(block), bytes: answer.length };
    const isHashed = job.expectedMd5 !== null && layout.segments === 1 && kind === 'whole-parts';
    const md5 = isHashed ? new OrderedMd5() : null;
    tools.uploads.remember({ uploadId }, { parts: new Map(), fresh: true, first, md5, requests });
    const { key, contentType } = head;
    const upload = { key, uploadId, plannedAt: tools.clock(), sourceEtag: answer.etag, contentType };
    return { kind: 'planned', plan: { version: 1, ...layout, ...upload } };
  } finally {
    if (first === null) block.release();
  }
}

/** Fetches the beginning of the file: all of it when it is small, else at most one part. */
async function firstRange(
  tools: EngineTools,
  options: LayoutOptions,
  job: CopyJob,
  attempts: Attempts,
): Promise<{ block: Block; answer: RangeAnswer }> {
  let bytes = firstBytes(tools, options, job);
  let known: RangeAnswer | null = null;
  for (;;) {
    const block = await tools.pool.acquire(bytes, job.signal);
    try {
      const answer = await attempts.again(() =>
        tools.source.read({
          url: job.url,
          range: { from: 0, to: bytes },
          etag: known?.etag ?? null,
          size: known?.size ?? null,
          target: block.bytes,
          signal: job.signal,
          onRequest: attempts.onSourceRequest,
        }),
      );
      const isGuessedTooSmall = answer.length < answer.size && bytes < options.usualPartBytes;
      if (!isGuessedTooSmall) return { block, answer };
      known = answer;
      bytes = Math.min(answer.size, options.usualPartBytes);
      block.release();
    } catch (error) {
      block.release();
      const wholeBytes = error instanceof UnexpectedSourceResponse ? error.wholeBytes : null;
      if (wholeBytes === null || wholeBytes <= bytes || wholeBytes > options.usualPartBytes) throw error;
      bytes = wholeBytes;
    }
  }
}

function firstBytes(tools: EngineTools, options: LayoutOptions, job: CopyJob): number {
  const { usualPartBytes } = options;
  const announced = job.expectedSize;
  if (announced === null) {
    const isSmallKind = /^(image|text)\/|mpegurl|xml|json/.test(typeOfName(job.filename) ?? '');
    return isSmallKind ? Math.min(SMALL_KIND_BYTES, usualPartBytes) : usualPartBytes;
  }
  if (announced <= usualPartBytes) return Math.min(usualPartBytes, Math.max(announced, 64 * KiB));
  // No file can be of such a size: the announcement is wrong, and the file itself tells its size.
  if (announced > largestObject(options.limits)) return usualPartBytes;
  const { partBytes } = layoutFor(tools, options, announced);
  const isWhole = concurrencyFor(partBytes, tools.pool.maxBytes, tools.maxConcurrency).kind === 'whole-parts';
  return isWhole ? partBytes : usualPartBytes;
}

function layoutFor(tools: EngineTools, options: LayoutOptions, size: number): PartLayout {
  try {
    return planCopy({ ...options, size, bufferBytes: tools.pool.maxBytes });
  } catch (error) {
    if (error instanceof FileTooLarge) throw new SourceTooLarge(error.message, { cause: error });
    throw error;
  }
}

async function putWhole(
  tools: EngineTools,
  job: CopyJob,
  body: Buffer,
  answer: RangeAnswer,
  attempts: Attempts,
  requests: { source: number; bucket: number },
): Promise<Copied> {
  const size = compareSize(job, body.length);
  const md5 = compareMd5(job, job.expectedMd5 === null ? null : createHash('md5').update(body).digest('hex'));
  const crc32 = crc32Of(body);
  const head = headOf(job, answer, body);
  const warnings = [
    ...size.warnings,
    ...md5.warnings,
    ...(answer.ignoredRange ? ['the source sent the whole file in answer to a request for a range'] : []),
  ];
  try {
    const etag = await attempts.again(() => tools.bucket.put(head, body, crc32, attempts.context));
    return {
      kind: 'copied',
      result: {
        size: body.length,
        etag,
        contentType: head.contentType,
        crc32: toBase64(crc32),
        verifiedBy: [
          ...(size.verified ? (['size'] as const) : []),
          'crc32',
          ...(md5.verified ? (['md5'] as const) : []),
        ],
        warnings,
        alreadyThere: false,
        requests: { ...requests },
      },
    };
  } catch (error) {
    let found: FoundObject | null = null;
    if (error instanceof ObjectExists) {
      found = await resolveKeyConflict(tools, job, body.length, attempts, error, crc32);
    } else if (error instanceof DestinationUnproven) {
      found = await findExistingCopy(tools, job, body.length, attempts, crc32);
    }
    if (found === null) throw error;
    const { kind, result } = copiedBefore(job, found, requests, crc32);
    return { kind, result: { ...result, warnings } };
  }
}

function headOf(job: CopyJob, answer: RangeAnswer, start: Uint8Array): ObjectHead {
  return {
    key: job.key,
    contentType: contentTypeOf(answer.contentType, job.filename, start),
    stored: answer.stored,
    metadata: objectMetadata(job.metadata),
  };
}
