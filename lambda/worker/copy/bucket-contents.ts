import type { Readable } from 'node:stream';
import type { StoredHeaders } from './object-headers.ts';

/** What a new object carries besides its bytes; every value is fit for a header already. */
export interface ObjectHead {
  readonly key: string;
  readonly contentType: string;
  /** @default {} */
  readonly stored?: StoredHeaders;
  readonly metadata: Readonly<Record<string, string>>;
}

/** An object that is in the bucket. */
export interface FoundObject {
  readonly size: number;
  readonly etag: string;
  readonly contentType: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** CRC32 of the whole object in base64, when S3 keeps one. */
  readonly crc32: string | null;
}

/** A part that is in the bucket. */
export interface StoredPart {
  readonly part: number;
  readonly bytes: number;
  readonly etag: string;
  /** Null when S3 does not state it. */
  readonly crc32: number | null;
}

export interface UploadRef {
  readonly key: string;
  readonly uploadId: string;
}

/** A part too large for memory, on its way through it piece by piece. */
export interface StreamedPart {
  readonly body: Readable;
  /** CRC32 of what has been sent so far. */
  readonly crc32: () => number;
}
