import type { PartLayout } from './types.ts';

export const KiB = 1024;
export const MiB = 1024 * KiB;
export const GiB = 1024 * MiB;

/** What S3 allows of one multipart upload. */
export interface UploadLimits {
  /** Bytes that every part but the last has at least. */
  readonly minPartBytes: number;
  readonly maxPartBytes: number;
  /** The number of parts S3 allows. */
  readonly maxParts: number;
  /** The number of parts that part sizes are chosen for; what lies between it and `maxParts` is for the very largest. */
  readonly aimedParts: number;
}

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html; 10,000 parts of 5 GiB make 48.8 TiB. */
export const S3_LIMITS: UploadLimits = {
  minPartBytes: 5 * MiB,
  maxPartBytes: 5 * GiB,
  maxParts: 10_000,
  aimedParts: 9_000,
};

/** Up to this size a file is one PutObject, and below 4 GiB it is also the size of a part. */
export const DEFAULT_PART_BYTES = 16 * MiB;

/** From here on larger parts pay: the same CPU, fewer requests to pay for. */
const LARGE_FILE = 4 * GiB;
const LARGE_PART_BYTES = 64 * MiB;
/** Large parts still leave room for this many at once, since one S3 connection is slow. */
const LARGE_PART_CONCURRENCY = 6;

/** Where memory holds fewer parts than this, they are streamed through small buffers instead of being held whole. */
const MIN_CONCURRENCY = 2;

export interface PlanRequest {
  /** Bytes of the file, more than 0. */
  readonly size: number;
  /** Bytes of memory for parts in flight. */
  readonly bufferBytes: number;
  /** Bytes that one invocation is to copy. */
  readonly segmentBytes: number;
  /** Part size to use while the limits allow it; by default chosen by the size of the file. */
  readonly partBytes?: number;
  readonly limits?: UploadLimits;
}

/** The file is larger than S3 can hold: no attempt can copy it. */
export class FileTooLarge extends RangeError {
  override readonly name = 'FileTooLarge';
}

/**
 * Chooses parts and segments for a file: part sizes are whole MiB (except where S3's upper limit cuts), never
 * below 5 MiB, and large enough that the number of parts stays within S3's limit.
 *
 * @throws {FileTooLarge} for more bytes than S3's largest object.
 */
export function planCopy(request: PlanRequest): PartLayout {
  const { size, limits = S3_LIMITS } = request;
  if (!Number.isSafeInteger(size) || size < 1)
    throw new RangeError('the size of a planned file is at least 1');
  if (size > largestObject(limits)) {
    throw new FileTooLarge(`a file of ${size} bytes is larger than the largest object of S3`);
  }
  const wanted = request.partBytes ?? usualPartBytes(size, request.bufferBytes);
  const needed = roundUp(Math.ceil(size / limits.aimedParts), Math.min(MiB, limits.minPartBytes));
  const partBytes = Math.min(Math.max(wanted, needed, limits.minPartBytes), limits.maxPartBytes);
  const parts = Math.ceil(size / partBytes);
  const segmentParts = Math.min(parts, Math.max(1, Math.floor(request.segmentBytes / partBytes)));
  return { size, partBytes, parts, segmentParts, segments: Math.ceil(parts / segmentParts) };
}

/** Bytes of the largest object that can be uploaded in parts. */
export function largestObject(limits: UploadLimits = S3_LIMITS): number {
  return limits.maxParts * limits.maxPartBytes;
}

function usualPartBytes(size: number, bufferBytes: number): number {
  if (size < LARGE_FILE) return DEFAULT_PART_BYTES;
  const share = Math.floor(bufferBytes / LARGE_PART_CONCURRENCY / MiB) * MiB;
  return Math.min(Math.max(share, DEFAULT_PART_BYTES), LARGE_PART_BYTES);
}

function roundUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit;
}

/** A half-open range of bytes: `from` is in it, `to` is not. */
export interface ByteRange {
  readonly from: number;
  readonly to: number;
}

/** The bytes of a part; parts count from 1. */
export function rangeOf(layout: PartLayout, part: number): ByteRange {
  if (!Number.isInteger(part) || part < 1 || part > layout.parts) throw new RangeError(`no part ${part}`);
  const from = (part - 1) * layout.partBytes;
  return { from, to: Math.min(layout.size, from + layout.partBytes) };
}

/** The parts of a segment, in order; segments count from 0. */
export function partsOf(layout: PartLayout, segment: number): number[] {
  if (!Number.isInteger(segment) || segment < 0 || segment >= layout.segments) {
    throw new RangeError(`no segment ${segment}`);
  }
  const first = segment * layout.segmentParts + 1;
  const last = Math.min(layout.parts, first + layout.segmentParts - 1);
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

/** The number of bytes of a segment. */
export function bytesOf(layout: PartLayout, segment: number): number {
  const from = segment * layout.segmentParts * layout.partBytes;
  return Math.min(layout.size, from + layout.segmentParts * layout.partBytes) - from;
}

/** The segment that a part belongs to. */
export function segmentOf(layout: PartLayout, part: number): number {
  return Math.floor((part - 1) / layout.segmentParts);
}

/** How the parts of a plan go through the memory there is. */
export type Concurrency =
  /** Each lane holds a whole part. */
  | { readonly kind: 'whole-parts'; readonly concurrency: number }
  /** A part is larger than memory allows: each lane streams it through a ring of pieces. */
  | {
      readonly kind: 'streamed';
      readonly concurrency: number;
      readonly pieceBytes: number;
      readonly ring: number;
    };

/** Decides how many parts are in flight, so that together they stay within `bufferBytes`, whatever the part size. */
export function concurrencyFor(partBytes: number, bufferBytes: number, maxConcurrency: number): Concurrency {
  const whole = Math.floor(bufferBytes / partBytes);
  if (whole >= MIN_CONCURRENCY) return { kind: 'whole-parts', concurrency: Math.min(whole, maxConcurrency) };
  const concurrency = Math.min(MIN_CONCURRENCY, maxConcurrency);
  const ring = 4;
  return {
    kind: 'streamed',
    concurrency,
    ring,
    pieceBytes: Math.max(1, Math.floor(bufferBytes / concurrency / ring)),
  };
}
