import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Bodies } from './bodies.ts';
import { Bucket } from './bucket.ts';
import { s3Error } from './errors.ts';
import { BucketSchema, readRecord, writeRecord } from './records.ts';

/**
 * Everything on disk under one directory: `bodies/` holds bytes, `buckets/<name>/` the records that give them names.
 * One process owns the directory. What a killed one left half written is removed when it is opened again.
 */
export class Store {
  readonly bodies: Bodies;
  readonly #dir: string;
  readonly #buckets = new Map<string, Bucket>();

  constructor(dir: string, keepBodies: boolean) {
    this.#dir = join(dir, 'buckets');
    mkdirSync(this.#dir, { recursive: true });
    this.bodies = new Bodies(join(dir, 'bodies'), keepBodies);
    for (const name of readdirSync(this.#dir)) {
      const record = join(this.#dir, name, 'bucket.json');
      if (existsSync(record)) this.#load(name, readRecord(record, BucketSchema).created);
    }
    const known = [...this.#buckets.values()].flatMap((bucket) => [...bucket.bodyIds()]);
    this.bodies.sweep(new Set(known));
  }

  /** @throws S3Error NoSuchBucket */
  bucket(name: string): Bucket {
    const bucket = this.#buckets.get(name);
    if (bucket === undefined) throw s3Error('NoSuchBucket', { BucketName: name });
    return bucket;
  }

  has(name: string): boolean {
    return this.#buckets.has(name);
  }

  /**
   * @param created epoch milliseconds
   * @throws S3Error InvalidBucketName, BucketAlreadyOwnedByYou
   */
  createBucket(name: string, created: number): void {
    if (!isBucketName(name)) throw s3Error('InvalidBucketName', { BucketName: name });
    if (this.has(name)) throw s3Error('BucketAlreadyOwnedByYou', { BucketName: name });
    mkdirSync(join(this.#dir, name), { recursive: true });
    writeRecord(join(this.#dir, name, 'bucket.json'), { name, created });
    this.#load(name, created);
  }

  /** @throws S3Error NoSuchBucket, BucketNotEmpty */
  deleteBucket(name: string): void {
    const bucket = this.bucket(name);
    if (bucket.objects.size > 0 || bucket.uploads.size > 0) {
      throw s3Error('BucketNotEmpty', { BucketName: name });
    }
    this.#buckets.delete(name);
    rmSync(join(this.#dir, name), { recursive: true });
  }

  #load(name: string, created: number): void {
    this.#buckets.set(name, new Bucket(join(this.#dir, name), { name, created }, this.bodies));
  }
}

/** The rules of general purpose bucket names that matter to who makes one by mistake. */
function isBucketName(name: string): boolean {
  return /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name) && !name.includes('..');
}
