/**
 * The vocabulary of the copy engine: everything that a caller passes in and gets back. The engine knows no ledger, no
 * queue and no Lambda; a {@link CopyPlan} is plain JSON so that the caller can keep it wherever it likes.
 */

/** One backup file to bring into the bucket. */
export interface CopyJob {
  /** Signed URL, sent byte for byte as given. The caller has checked its host against the allow-list. */
  readonly url: string;
  /** Key of the object in the bucket. */
  readonly key: string;
  /** Base name of the backup file; decides the content type when the source states none of use. */
  readonly filename: string;
  /**
   * Object metadata without the `x-amz-meta-` prefix, e.g. `zencoder-job`. Values may hold any text: they are made
   * header safe here. The keys in `IDENTITY_KEYS` decide whether an object found at the key is the copy of this file.
   */
  readonly metadata: Readonly<Record<string, string>>;
  /** Bytes that the notification states for this very file; null when it states none. */
  readonly expectedSize: number | null;
  /** MD5 that the notification states for this very file, lower-case hex; null when it states none. */
  readonly expectedMd5: string | null;
  /**
   * Keep a file that differs from its announced size or MD5 and say so in `warnings`, instead of throwing
   * `SizeMismatch` or `Md5Mismatch`. Meant for a later attempt: a differing file is better kept than lost.
   */
  readonly acceptMismatch?: boolean;
  /** An earlier attempt may already have put the object: ask the bucket first (one HEAD) before fetching anything. */
  readonly mayExist?: boolean;
}

/** What the completion of an upload needs of a job: its source is not read any more. */
export type CompletionJob = Omit<CopyJob, 'url' | 'filename' | 'mayExist'>;

/** How a large file is copied under one multipart upload. Plain JSON; the same for every segment and attempt. */
export interface CopyPlan extends PartLayout {
  readonly version: 1;
  readonly key: string;
  readonly uploadId: string;
  /** Epoch milliseconds. */
  readonly plannedAt: number;
  /** ETag that every range is asked with (`If-Match`); null when the source has no strong ETag. */
  readonly sourceEtag: string | null;
  readonly contentType: string;
}

/** The arithmetic of a plan: which bytes are which part, which parts are which segment. Parts count from 1 as in S3. */
export interface PartLayout {
  /** Bytes of the whole file, more than 0. */
  readonly size: number;
  /** Bytes of every part but the last. */
  readonly partBytes: number;
  readonly parts: number;
  /** Parts of every segment but the last. */
  readonly segmentParts: number;
  /** Number of segments; they count from 0. */
  readonly segments: number;
}

/**
 * What has been checked: `size` and `md5` against the notification, `crc32` by S3 against what was received. Whatever is
 * announced, the size that the source states is always checked.
 */
export type Verification = 'size' | 'crc32' | 'md5';

/** Requests made by this engine for the file in this process; attempts in other processes are not in it. */
export interface RequestCounts {
  readonly source: number;
  readonly bucket: number;
}

/** A file that is in the bucket. */
export interface CopyResult {
  /** Bytes of the object. */
  readonly size: number;
  /** ETag of the object as S3 writes it, with quotes. */
  readonly etag: string;
  readonly contentType: string;
  /** CRC32 of the whole object, base64 of four bytes as S3 writes it; null when S3 does not state it for an object found. */
  readonly crc32: string | null;
  readonly verifiedBy: readonly Verification[];
  /** Sentences for people: how the file differs from its announcement, and what was odd about its source. */
  readonly warnings: readonly string[];
  /** True when the object had been put by an earlier attempt and nothing was written now. */
  readonly alreadyThere: boolean;
  readonly requests: RequestCounts;
}

/** The file is in the bucket. */
export interface Copied {
  readonly kind: 'copied';
  readonly result: CopyResult;
}

/** The file is large: an upload was created, nothing of it is copied yet. Keep the plan, then copy its segments. */
export interface Planned {
  readonly kind: 'planned';
  readonly plan: CopyPlan;
}

/** The time was up: what is copied stays, the next attempt goes on from there. */
export interface OutOfTime {
  readonly kind: 'out-of-time';
}

export interface CallOptions {
  /**
   * Epoch milliseconds at which the call must have returned. Requests that are under way then are ended, and the call
   * returns {@link OutOfTime}; at once when that time is past.
   */
  readonly stopAt?: number;
}

export interface SegmentOptions extends CallOptions {
  /** Called after each part with the bytes of this segment that are in the bucket, those of earlier attempts included. */
  readonly onProgress?: (bytesDone: number) => void;
}

/** Every part of the segment is in the bucket. */
export interface SegmentDone {
  readonly kind: 'done';
  readonly bytesDone: number;
}

export interface SegmentOutOfTime extends OutOfTime {
  /** Bytes of this segment that are in the bucket. */
  readonly bytesDone: number;
}

/** Parts are missing: other segments are still at work, or parts were lost. */
export interface Incomplete {
  readonly kind: 'incomplete';
  /** Number of parts that S3 does not have. */
  readonly missingParts: number;
  /** Segments that have at least one part missing, in order. */
  readonly missingSegments: readonly number[];
  /** Bytes of the whole file that are in the bucket. */
  readonly bytesDone: number;
}

/**
 * Copies backup files into one bucket. Buffers and connections are shared by all calls and kept between them, so one
 * engine serves a process; any number of calls may run side by side.
 *
 * All methods throw the errors of `errors.ts`, after a few attempts of their own for errors that pass.
 */
export interface CopyEngine {
  /**
   * Fetches the first range. A file that fits into one part is put at once; for a larger one a multipart upload is
   * created and its plan returned, once the bucket was asked whether the key is free. The bytes already fetched are
   * kept for a `copySegment` of segment 0 that follows.
   *
   * @throws {KeyHeldByAnotherFile} when the key holds an object that this stack made for another file.
   * @throws {DestinationConflict} when it holds one that this stack did not make, or made of this file with other bytes.
   */
  start(job: CopyJob, options?: CallOptions): Promise<Copied | Planned | OutOfTime>;

  /**
   * Copies the parts of one segment that the upload lacks. After the first part, which every call begins, no part is
   * begun that would probably not end before `stopAt`.
   *
   * @throws {UploadNotFound} when the upload is gone and the key holds no object of this file: `start` anew.
   * @throws {SourceChanged} when the source is another file than the plan was made for: `abandon`, then `start` anew.
   */
  copySegment(
    job: CopyJob,
    plan: CopyPlan,
    segment: number,
    options?: SegmentOptions,
  ): Promise<SegmentDone | SegmentOutOfTime>;

  /**
   * Completes the upload when every part is there. Safe to call from several attempts at once and again after success.
   *
   * @throws {KeyHeldByAnotherFile} when the key holds an object that this stack made for another file; the upload has
   * then been aborted.
   * @throws {DestinationConflict} when it holds one that this stack did not make, or made of this file with other bytes;
   * likewise.
   * @throws {UploadNotFound} when the upload is gone and the key holds no object of this file: `start` anew.
   * @throws {KeyContested} when S3 refuses the completion as contested (409), although the key holds no object.
   * @throws {ChecksumMismatch} when S3 computed another checksum for the whole; the upload has then been aborted.
   */
  complete(
    job: CompletionJob,
    plan: CopyPlan,
    options?: CallOptions,
  ): Promise<Copied | Incomplete | OutOfTime>;

  /** Aborts the upload and frees what it holds. An upload that is already gone is no error. */
  abandon(plan: Pick<CopyPlan, 'key' | 'uploadId'>): Promise<void>;

  /**
   * Looks whether the object that a job makes is in the bucket: one HEAD.
   *
   * @returns null when the key holds no object, or one of another file.
   * @throws {DestinationDenied} when the role may not know.
   */
  find(job: Pick<CopyJob, 'key' | 'metadata' | 'expectedSize'>): Promise<Copied | null>;

  /** Closes idle connections to sources. The engine stays usable. */
  close(): void;
}
