import type { Readable } from 'node:stream';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  ListPartsCommand,
  PutObjectCommand,
  type S3Client,
  S3ServiceException,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { translateBucketError } from './bucket-errors.ts';
import { fromBase64, toBase64 } from './checksums.ts';
import { DestinationDenied, DestinationUnproven, UploadNotFound } from './errors.ts';
import type { StoredHeaders } from './object-headers.ts';

/** Who asks: ends the call early, counts its requests. */
export interface CallContext {
  readonly signal?: AbortSignal | undefined;
  readonly onRequest?: (() => void) | undefined;
}

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
  /** Null when S3 does not tell. */
  readonly crc32: number | null;
}

export interface UploadRef {
  readonly key: string;
  readonly uploadId: string;
}

/** What a call needs in the role's policy. */
const PERMISSIONS = {
  write: 's3:PutObject',
  read: 's3:GetObject',
  listParts: 's3:ListMultipartUploadParts',
  abort: 's3:AbortMultipartUpload',
} as const;

/**
 * The bucket, as far as the engine uses it. Writes never replace an object (`If-None-Match: *`); every byte is sent
 * with a CRC32 that S3 checks. All methods throw the RecoveryErrors of `destination-errors.ts`; an answer counts as
 * success only with what proves it, else it is a {@link DestinationUnproven}.
 */
export class Bucket {
  readonly #client: S3Client;
  readonly #name: string;

  constructor(client: S3Client, name: string) {
    this.#client = client;
    this.#name = name;
  }

  /**
   * Puts a whole object.
   *
   * @returns its ETag.
   * @throws {ObjectExists} when the key holds an object already.
   */
  async put(head: ObjectHead, body: Uint8Array, crc32: number, context: CallContext): Promise<string> {
    const command = new PutObjectCommand({
      ...this.#address(head.key),
      Body: body,
      ContentLength: body.length,
      ...headersOf(head),
      ChecksumCRC32: toBase64(crc32),
      IfNoneMatch: '*',
    });
    const output = await this.#call('write', context, (options) => this.#client.send(command, options));
    return this.#proven(output.ETag, 'an ETag');
  }

  /** Begins a multipart upload. @returns its id. */
  async createUpload(head: ObjectHead, context: CallContext): Promise<string> {
    const command = new CreateMultipartUploadCommand({
      ...this.#address(head.key),
      ...headersOf(head),
      ChecksumAlgorithm: 'CRC32',
      ChecksumType: 'FULL_OBJECT',
    });
    const output = await this.#call('write', context, (options) => this.#client.send(command, options));
    return this.#proven(output.UploadId, 'an upload id');
  }

  /** Sends a part from memory. @returns its ETag. */
  async uploadPart(
    upload: UploadRef,
    part: number,
    body: Uint8Array,
    crc32: number,
    context: CallContext,
  ): Promise<string> {
    const command = new UploadPartCommand({
      ...this.#upload(upload),
      PartNumber: part,
      Body: body,
      ContentLength: body.length,
      ChecksumCRC32: toBase64(crc32),
    });
    const output = await this.#call('write', context, (options) => this.#client.send(command, options));
    return this.#proven(output.ETag, 'an ETag');
  }

  /**
   * Sends a part that is too large for memory from a stream; its CRC32 follows it as a trailer. The stream can be sent
   * once only.
   *
   * @returns the ETag, and the CRC32 that S3 computed.
   */
  async uploadStreamedPart(
    upload: UploadRef,
    part: number,
    body: Readable,
    bytes: number,
    context: CallContext,
  ): Promise<{ etag: string; crc32: number | null }> {
    const command = new UploadPartCommand({
      ...this.#upload(upload),
      PartNumber: part,
      Body: body,
      ContentLength: bytes,
      ChecksumAlgorithm: 'CRC32',
    });
    const output = await this.#call('write', context, (options) => this.#client.send(command, options));
    return { etag: this.#proven(output.ETag, 'an ETag'), crc32: fromBase64(output.ChecksumCRC32 ?? '') };
  }

  /**
   * The parts that S3 has, in order, from part number `first` to `last`.
   *
   * @throws {UploadNotFound} when there is no such upload.
   */
  async listParts(
    upload: UploadRef,
    first: number,
    last: number,
    context: CallContext,
  ): Promise<StoredPart[]> {
    const found: StoredPart[] = [];
    let marker = first - 1;
    for (;;) {
      const command = new ListPartsCommand({
        ...this.#upload(upload),
        PartNumberMarker: `${marker}`,
        MaxParts: Math.min(1000, last - marker),
      });
      const page = await this.#call('listParts', context, (options) => this.#client.send(command, options));
      // A page that is no list of S3 has no parts either, and would have them all copied again.
      this.#proven(page.UploadId, 'an upload id');
      for (const part of page.Parts ?? []) {
        if (part.PartNumber === undefined || part.ETag === undefined || part.PartNumber > last) continue;
        const crc32 = fromBase64(part.ChecksumCRC32 ?? '');
        found.push({ part: part.PartNumber, bytes: part.Size ?? -1, etag: part.ETag, crc32 });
      }
      const next = Number(page.NextPartNumberMarker ?? Number.NaN);
      if (page.IsTruncated !== true || !(next > marker) || next >= last) return found;
      marker = next;
    }
  }

  /**
   * Makes the object of its parts.
   *
   * @param crc32 of the whole object, which S3 checks; null when not every part's is known.
   * @returns its ETag and the CRC32 that S3 states for it, null when it states none.
   * @throws {ObjectExists} when the key holds an object already.
   * @throws {PartsMissing} when S3 does not have a part, or has another one under its number.
   */
  async complete(
    upload: UploadRef,
    parts: readonly StoredPart[],
    crc32: number | null,
    context: CallContext,
  ): Promise<{ etag: string; crc32: string | null }> {
    const command = new CompleteMultipartUploadCommand({
      ...this.#upload(upload),
      MultipartUpload: { Parts: parts.map(({ part, etag }) => ({ PartNumber: part, ETag: etag })) },
      MpuObjectSize: parts.reduce((sum, { bytes }) => sum + bytes, 0),
      ChecksumType: 'FULL_OBJECT',
      ...(crc32 === null ? {} : { ChecksumCRC32: toBase64(crc32) }),
      IfNoneMatch: '*',
    });
    const output = await this.#call('write', context, (options) => this.#client.send(command, options));
    return { etag: this.#proven(output.ETag, 'an ETag'), crc32: output.ChecksumCRC32 ?? null };
  }

  /** Aborts an upload. @returns false when there was none. */
  async abort(upload: UploadRef, context: CallContext): Promise<boolean> {
    const command = new AbortMultipartUploadCommand(this.#upload(upload));
    try {
      const { $metadata } = await this.#call('abort', context, (options) =>
        this.#client.send(command, options),
      );
      this.#proven($metadata.httpStatusCode === 204 ? '204' : '', 'status 204');
      return true;
    } catch (error) {
      if (error instanceof UploadNotFound) return false;
      throw error;
    }
  }

  /**
   * Looks an object up.
   *
   * @returns null when there is none.
   * @throws {DestinationDenied} also when there is none and the role may not list the bucket.
   */
  async head(key: string, context: CallContext): Promise<FoundObject | null> {
    const command = new HeadObjectCommand({ ...this.#address(key), ChecksumMode: 'ENABLED' });
    try {
      const output = await this.#call('read', context, (options) => this.#client.send(command, options));
      return {
        size: this.#proven(output.ContentLength, 'a length'),
        etag: this.#proven(output.ETag, 'an ETag'),
        contentType: output.ContentType ?? 'application/octet-stream',
        metadata: output.Metadata ?? {},
        crc32: fromBase64(output.ChecksumCRC32 ?? '') === null ? null : (output.ChecksumCRC32 ?? null),
      };
    } catch (error) {
      if (isMissing(error)) return null;
      throw error;
    }
  }

  /** As `head`, but null as well when the role may not know. */
  async headIfAllowed(key: string, context: CallContext): Promise<FoundObject | null> {
    try {
      return await this.head(key, context);
    } catch (error) {
      if (error instanceof DestinationDenied) return null;
      throw error;
    }
  }

  #proven<T>(value: T | undefined, what: string): T {
    if (value !== undefined && value !== '') return value;
    throw new DestinationUnproven(
      `bucket ${this.#name} answered as if it had succeeded, but without ${what}`,
    );
  }

  #address(key: string): { Bucket: string; Key: string } {
    return { Bucket: this.#name, Key: key };
  }

  #upload(upload: UploadRef): { Bucket: string; Key: string; UploadId: string } {
    return { ...this.#address(upload.key), UploadId: upload.uploadId };
  }

  async #call<T>(
    kind: keyof typeof PERMISSIONS,
    context: CallContext,
    send: (options: { abortSignal?: AbortSignal }) => Promise<T>,
  ): Promise<T> {
    const { signal, onRequest } = context;
    signal?.throwIfAborted();
    onRequest?.();
    try {
      return await send(signal === undefined ? {} : { abortSignal: signal });
    } catch (error) {
      signal?.throwIfAborted();
      const region = await this.#client.config.region();
      throw translateBucketError(error, { bucket: this.#name, region, permission: PERMISSIONS[kind] });
    }
  }
}

/** HEAD has no body, so S3's code is not known: 404 is all there is. */
function isMissing(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return (
    cause instanceof S3ServiceException &&
    cause.$metadata.httpStatusCode === 404 &&
    cause.name !== 'NoSuchBucket'
  );
}

function headersOf({ contentType, stored = {}, metadata }: ObjectHead) {
  return {
    ContentType: contentType,
    ContentEncoding: stored.contentEncoding,
    ContentLanguage: stored.contentLanguage,
    ContentDisposition: stored.contentDisposition,
    CacheControl: stored.cacheControl,
    Metadata: { ...metadata },
  };
}
