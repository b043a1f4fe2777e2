import { randomBytes } from 'node:crypto';
import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { presignV2, presignV4 } from '../aws/s3/presign.ts';
import type { SignatureVersion, UploadProblem } from './job.ts';
import type { SourceFile } from './source.ts';
import { type S3Account, s3Client } from './uploads.ts';

/** Lifetime of files on Zencoder's storage, counted from the output's end. Seconds. */
export const LIFETIME = 86_400;

/** Where Zencoder keeps what it could not upload. */
export interface StorageOptions extends S3Account {
  /** Has to exist. @default 'zencoder-temp-storage-us-east-1' */
  readonly bucket?: string;
}

/** Even Zencoder's own storage did not accept a file: the output fails. */
export class StorageRefused extends Error {
  override readonly name = 'StorageRefused';
  readonly problem: UploadProblem;

  constructor(problem: UploadProblem, options: ErrorOptions) {
    super('the backup storage did not take a file', options);
    this.problem = problem;
  }
}

/** Zencoder's temporary storage: random keys by day, URLs that expire 24 h after the output finished. */
export class BackupStorage {
  readonly bucket: string;
  readonly #options: StorageOptions;

  constructor(options: StorageOptions) {
    this.bucket = options.bucket ?? 'zencoder-temp-storage-us-east-1';
    this.#options = options;
  }

  /**
   * @param now epoch milliseconds; its day is part of the key
   * @returns the key: `o/YYYYMMDD/<32 hex>/<32 hex>.<ext>`, or with the file's own name at the end
   * @throws {StorageRefused}
   */
  async put(
    name: string,
    keepsName: boolean,
    file: SourceFile,
    now: number,
    problem: UploadProblem | null,
  ): Promise<string> {
    const day = new Date(now).toISOString().slice(0, 10).replaceAll('-', '');
    const last = keepsName ? name : `${hex()}${name.slice(name.lastIndexOf('.'))}`;
    const key = `o/${day}/${hex()}/${last}`;
    const client = s3Client(this.#options, now);
    try {
      await client.send(
        new PutObjectCommand({ Bucket: this.bucket, Key: key, Body: file.open(), ContentLength: file.size }),
      );
    } catch (error) {
      throw new StorageRefused(problem ?? UNKNOWN_PROBLEM, { cause: error });
    } finally {
      client.destroy();
    }
    return key;
  }

  /**
   * A GET URL signed now that expires with the file, so that a later URL states fewer seconds. After that end it is
   * a URL that has already run out.
   *
   * @param finishedAt epoch milliseconds
   * @param now epoch milliseconds
   */
  sign(key: string, version: SignatureVersion, finishedAt: number, now: number): string {
    const ends = Math.floor(finishedAt / 1000) + LIFETIME;
    // One second less than the full life at most: what recorded URLs show.
    const seconds = Math.max(1, Math.min(LIFETIME - 1, ends - Math.floor(now / 1000)));
    const presign = {
      method: 'GET',
      url: this.addressOf(key),
      accessKeyId: this.#options.accessKeyId,
      secretAccessKey: this.#options.secretAccessKey,
      expiresIn: seconds,
      now: (ends - seconds) * 1000,
    };
    return version === 'v2' ? presignV2(presign) : presignV4({ ...presign, region: 'us-east-1' });
  }

  /** Where the file is, without a signature. */
  addressOf(key: string): string {
    return `${this.#options.origin}/${this.bucket}/${key}`;
  }

  /** @param now epoch milliseconds */
  async remove(key: string, now: number): Promise<void> {
    const client = s3Client(this.#options, now);
    try {
      await client.send(new DeleteObjectCommand({ Bucket: this.bucket, Key: key }));
    } finally {
      client.destroy();
    }
  }
}

const UNKNOWN_PROBLEM: UploadProblem = {
  errorClass: 'UnexpectedUploadProblemError',
  message: 'There was an unexpected problem while uploading.',
  link: 'https://app.zencoder.com/docs/errors/UnexpectedUploadProblemError',
};

function hex(): string {
  return randomBytes(16).toString('hex');
}
