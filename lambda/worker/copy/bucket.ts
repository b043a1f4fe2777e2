import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  type CompleteMultipartUploadCommandInput,
  CreateMultipartUploadCommand,
  type CreateMultipartUploadCommandInput,
  HeadObjectCommand,
  type HeadObjectCommandInput,
  ListPartsCommand,
  type ListPartsCommandInput,
  PutObjectCommand,
  type PutObjectCommandInput,
  type S3Client,
  UploadPartCommand,
  type UploadPartCommandInput,
} from '@aws-sdk/client-s3';
import { type BucketCallOptions, BucketCalls, isNoObject } from './bucket-calls.ts';
import type { FoundObject, ObjectHead, StoredPart, StreamedPart, UploadRef } from './bucket-contents.ts';
import { fromBase64, toBase64 } from './checksums.ts';
import { ChecksumMismatch, DestinationDenied, UploadNotFound } from './errors.ts';

/**
 * The bucket, as far as the engine uses it. Writes never replace an object (`If-None-Match: *`); every byte is sent
 * with a CRC32 that S3 checks. All methods make their requests again while an error passes, and throw the errors of
 * `errors.ts`; a response counts as success only with what proves it.
 */
export class Bucket {
  readonly #calls: BucketCalls;
  readonly #name: string;

  constructor(client: S3Client, name: string, options: BucketCallOptions) {
    this.#calls = new BucketCalls(client, name, options);
    this.#name = name;
  }

  /**
   * Puts a whole object.
   *
   * @returns its ETag.
   * @throws {ObjectExists} when the key holds an object already.
   */
  async put(head: ObjectHead, body: Uint8Array, crc32: number): Promise<string> {
    const input: PutObjectCommandInput = {
      ...this.#address(head.key),
      Body: body,
      ContentLength: body.length,
      ...headersOf(head),
      ChecksumCRC32: toBase64(crc32),
      IfNoneMatch: '*',
    };
    return await this.#calls.make(
      's3:PutObject',
      (client, options) => client.send(new PutObjectCommand(input), options),
      ({ ETag }) => this.#calls.proven(ETag, 'an ETag'),
    );
  }

  /** Begins a multipart upload. @returns its id. */
  async createUpload(head: ObjectHead): Promise<string> {
    const input: CreateMultipartUploadCommandInput = {
      ...this.#address(head.key),
      ...headersOf(head),
      ChecksumAlgorithm: 'CRC32',
      ChecksumType: 'FULL_OBJECT',
    };
    return await this.#calls.make(
      's3:PutObject',
      (client, options) => client.send(new CreateMultipartUploadCommand(input), options),
      ({ UploadId }) => this.#calls.proven(UploadId, 'an upload id'),
    );
  }

  /** Sends a part from memory. @returns its ETag. */
  async uploadPart(upload: UploadRef, part: number, body: Uint8Array, crc32: number): Promise<string> {
    const input: UploadPartCommandInput = {
      ...this.#upload(upload),
      PartNumber: part,
      Body: body,
      ContentLength: body.length,
      ChecksumCRC32: toBase64(crc32),
    };
    return await this.#calls.make(
      's3:PutObject',
      (client, options) => client.send(new UploadPartCommand(input), options),
      ({ ETag }) => this.#calls.proven(ETag, 'an ETag'),
    );
  }

  /**
   * Sends a part that is too large for memory from a stream; its CRC32 follows it as a trailer.
   *
   * @param open reads the part from its first byte. A stream can be sent only once, so that each attempt opens one.
   * @throws {ChecksumMismatch} when S3 computed another CRC32.
   */
  async uploadStreamedPart(
    upload: UploadRef,
    part: number,
    bytes: number,
    open: () => StreamedPart,
  ): Promise<StoredPart> {
    const input = { ...this.#upload(upload), PartNumber: part, ContentLength: bytes };
    return await this.#calls.make(
      's3:PutObject',
      async (client, options) => {
        const { body, crc32 } = open();
        try {
          const command = new UploadPartCommand({ ...input, Body: body, ChecksumAlgorithm: 'CRC32' });
          return { ...(await client.send(command, options)), sent: crc32() };
        } finally {
          body.destroy();
        }
      },
      ({ ETag, ChecksumCRC32, sent }) => {
        const etag = this.#calls.proven(ETag, 'an ETag');
        const stored = fromBase64(ChecksumCRC32 ?? '');
        if (stored !== null && stored !== sent) {
          throw new ChecksumMismatch(`part ${part} arrived with another checksum`);
        }
        return { part, bytes, etag, crc32: sent };
      },
    );
  }

  /**
   * The parts that S3 has, in order, from part number `first` to `last`.
   *
   * @throws {UploadNotFound} when there is no such upload.
   */
  async listParts(upload: UploadRef, first: number, last: number): Promise<StoredPart[]> {
    const found: StoredPart[] = [];
    let marker = first - 1;
    for (;;) {
      const input: ListPartsCommandInput = {
        ...this.#upload(upload),
        PartNumberMarker: `${marker}`,
        MaxParts: Math.min(1000, last - marker),
      };
      const page = await this.#calls.make(
        's3:ListMultipartUploadParts',
        (client, options) => client.send(new ListPartsCommand(input), options),
        (output) => {
          // A page that is no list of S3 has no parts either, and would have them all copied again.
          this.#calls.proven(output.UploadId, 'an upload id');
          return output;
        },
      );
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
   * Makes the object of its parts, each stated by its ETag and its CRC32.
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
  ): Promise<{ etag: string; crc32: string | null }> {
    const input: CompleteMultipartUploadCommandInput = {
      ...this.#upload(upload),
      MultipartUpload: { Parts: parts.map(completedPart) },
      MpuObjectSize: parts.reduce((sum, { bytes }) => sum + bytes, 0),
      ChecksumType: 'FULL_OBJECT',
      ...(crc32 === null ? {} : { ChecksumCRC32: toBase64(crc32) }),
      IfNoneMatch: '*',
    };
    return await this.#calls.make(
      's3:PutObject',
      (client, options) => client.send(new CompleteMultipartUploadCommand(input), options),
      ({ ETag, ChecksumCRC32 = null }) => ({
        etag: this.#calls.proven(ETag, 'an ETag'),
        crc32: ChecksumCRC32,
      }),
    );
  }

  /** Aborts an upload. @returns false when there was none. */
  async abort(upload: UploadRef): Promise<boolean> {
    const input = this.#upload(upload);
    try {
      await this.#calls.make(
        's3:AbortMultipartUpload',
        (client, options) => client.send(new AbortMultipartUploadCommand(input), options),
        ({ $metadata }) => this.#calls.proven($metadata.httpStatusCode === 204 || undefined, 'status 204'),
      );
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
  async head(key: string): Promise<FoundObject | null> {
    const input: HeadObjectCommandInput = { ...this.#address(key), ChecksumMode: 'ENABLED' };
    try {
      return await this.#calls.make(
        's3:GetObject',
        (client, options) => client.send(new HeadObjectCommand(input), options),
        (output) => ({
          size: this.#calls.proven(output.ContentLength, 'a length'),
          etag: this.#calls.proven(output.ETag, 'an ETag'),
          contentType: output.ContentType ?? 'application/octet-stream',
          metadata: output.Metadata ?? {},
          crc32: fromBase64(output.ChecksumCRC32 ?? '') === null ? null : (output.ChecksumCRC32 ?? null),
        }),
      );
    } catch (error) {
      if (isNoObject(error)) return null;
      throw error;
    }
  }

  /** As `head`, but null as well when the role may not know. */
  async headIfAllowed(key: string): Promise<FoundObject | null> {
    try {
      return await this.head(key);
    } catch (error) {
      if (error instanceof DestinationDenied) return null;
      throw error;
    }
  }

  #address(key: string): { Bucket: string; Key: string } {
    return { Bucket: this.#name, Key: key };
  }

  #upload(upload: UploadRef): { Bucket: string; Key: string; UploadId: string } {
    return { ...this.#address(upload.key), UploadId: upload.uploadId };
  }
}

/** S3 compares each checksum that is stated, and MinIO and versitygw take no part without its own. */
function completedPart({ part, etag, crc32 }: StoredPart): CompletedPart {
  return {
    PartNumber: part,
    ETag: etag,
    ...(crc32 === null ? {} : { ChecksumCRC32: toBase64(crc32) }),
  };
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
