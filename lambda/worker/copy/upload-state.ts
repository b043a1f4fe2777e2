import type { StoredPart, UploadRef } from './bucket-contents.ts';
import type { KeptBlock } from './buffers.ts';
import type { OrderedMd5 } from './checksums.ts';

/** Uploads remembered at once; a process works on one or a few. */
const MAX_KNOWN = 32;

/** What this process knows of a multipart upload. All of it can be lost: S3 knows the parts. */
export interface KnownUpload {
  /** Parts that are in the bucket, by number. */
  readonly parts: Map<number, StoredPart>;
  /** True while no other process can have stored a part: S3 need not be asked. */
  isUntouched: boolean;
  /** The beginning of the file as the first request brought it. */
  first: { readonly kept: KeptBlock; readonly bytes: number } | null;
  /** Set while all parts of the file go through this process in one go. */
  md5: OrderedMd5 | null;
  /** Requests made for the file here. */
  readonly requests: { source: number; bucket: number };
}

/** The uploads that this process works on, the oldest forgotten first. */
export class KnownUploads {
  readonly #uploads = new Map<string, KnownUpload>();

  of(upload: Pick<UploadRef, 'uploadId'>): KnownUpload {
    const known = this.#uploads.get(upload.uploadId);
    if (known !== undefined) return known;
    const blank: KnownUpload = {
      parts: new Map(),
      isUntouched: false,
      first: null,
      md5: null,
      requests: { source: 0, bucket: 0 },
    };
    this.remember(upload, blank);
    return blank;
  }

  remember(upload: Pick<UploadRef, 'uploadId'>, known: KnownUpload): void {
    this.#uploads.set(upload.uploadId, known);
    const [oldest] = this.#uploads.keys();
    if (this.#uploads.size > MAX_KNOWN && oldest !== undefined) this.forget({ uploadId: oldest });
  }

  forget(upload: Pick<UploadRef, 'uploadId'>): void {
    const known = this.#uploads.get(upload.uploadId);
    this.#uploads.delete(upload.uploadId);
    known?.first?.kept.take()?.release();
    known?.md5?.cancel();
  }
}
