import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Bodies } from './bodies.ts';
import { s3Error } from './errors.ts';
import { compareUtf8 } from './listing.ts';
import {
  type BucketRecord,
  BucketSchema,
  type ObjectRecord,
  ObjectSchema,
  type PartRecord,
  PartSchema,
  readRecord,
  type UploadRecord,
  UploadSchema,
  writeRecord,
} from './records.ts';

/** An upload under way; its parts by number. */
export interface Upload extends UploadRecord {
  readonly parts: Map<number, PartRecord>;
}

/** A write on its way, which a deletion of its key in the meantime spoils if it is conditional. */
export interface PendingWrite {
  readonly key: string;
  deleted: boolean;
}

/**
 * The objects and uploads of one bucket: in memory, and as one small file each. Every change is a single synchronous
 * step (check, record, forget what it replaces), so that concurrent requests cannot come between.
 */
export class Bucket {
  readonly name: string;
  /** Epoch milliseconds. */
  readonly created: number;
  readonly #dir: string;
  readonly #bodies: Bodies;
  readonly #objects = new Map<string, ObjectRecord>();
  readonly #uploads = new Map<string, Upload>();
  readonly #pending = new Set<PendingWrite>();
  #sorted: string[] | undefined;

  constructor(dir: string, record: BucketRecord, bodies: Bodies) {
    this.name = record.name;
    this.created = record.created;
    this.#dir = dir;
    this.#bodies = bodies;
    mkdirSync(join(dir, 'objects'), { recursive: true });
    mkdirSync(join(dir, 'uploads'), { recursive: true });
    this.#loadObjects();
    this.#loadUploads();
  }

  get objects(): ReadonlyMap<string, ObjectRecord> {
    return this.#objects;
  }

  get uploads(): ReadonlyMap<string, Upload> {
    return this.#uploads;
  }

  /** All keys in S3's order, by the bytes of their UTF-8. */
  sortedKeys(): readonly string[] {
    this.#sorted ??= [...this.#objects.keys()].sort(compareUtf8);
    return this.#sorted;
  }

  /** Announces a write, so that deletions in the meantime are seen; give it back to {@link endWrite}. */
  beginWrite(key: string): PendingWrite {
    const pending = { key, deleted: false };
    this.#pending.add(pending);
    return pending;
  }

  endWrite(pending: PendingWrite): void {
    this.#pending.delete(pending);
  }

  putObject(record: ObjectRecord): void {
    const before = this.#objects.get(record.key);
    writeRecord(this.#objectPath(record.key), record);
    this.#objects.set(record.key, record);
    if (before === undefined) this.#sorted = undefined;
    else this.#bodies.discard(before.bodies);
  }

  deleteObject(key: string): void {
    for (const pending of this.#pending) if (pending.key === key) pending.deleted = true;
    const before = this.#objects.get(key);
    if (before === undefined) return;
    rmSync(this.#objectPath(key));
    this.#objects.delete(key);
    this.#sorted = undefined;
    this.#bodies.discard(before.bodies);
  }

  createUpload(upload: Omit<UploadRecord, 'id'>): Upload {
    const id = randomBytes(48).toString('base64url');
    mkdirSync(join(this.#dir, 'uploads', id));
    writeRecord(join(this.#dir, 'uploads', id, 'upload.json'), { id, ...upload });
    const made = { id, ...upload, parts: new Map<number, PartRecord>() };
    this.#uploads.set(id, made);
    return made;
  }

  /** @throws S3Error NoSuchUpload */
  upload(id: string, key: string): Upload {
    const upload = this.#uploads.get(id);
    if (upload === undefined || upload.key !== key) throw s3Error('NoSuchUpload', { UploadId: id });
    return upload;
  }

  /** Adds a part or replaces the one of its number. */
  putPart(upload: Upload, part: PartRecord): void {
    const before = upload.parts.get(part.number);
    const file = `${String(part.number).padStart(5, '0')}.json`;
    writeRecord(join(this.#dir, 'uploads', upload.id, file), part);
    upload.parts.set(part.number, part);
    if (before !== undefined) this.#bodies.discard([before.body]);
  }

  /** Makes an object of an upload's parts; those that the object leaves out are deleted. */
  completeUpload(upload: Upload, record: ObjectRecord): void {
    this.putObject(record);
    const used = new Set(record.bodies.map(({ id }) => id));
    this.#forgetUpload(upload);
    this.#bodies.discard(
      [...upload.parts.values()].map(({ body }) => body).filter(({ id }) => !used.has(id)),
    );
  }

  abortUpload(upload: Upload): void {
    this.#forgetUpload(upload);
    this.#bodies.discard([...upload.parts.values()].map(({ body }) => body));
  }

  *bodyIds(): Iterable<string> {
    for (const object of this.#objects.values()) for (const { id } of object.bodies) yield id;
    for (const upload of this.#uploads.values()) for (const { body } of upload.parts.values()) yield body.id;
  }

  #forgetUpload(upload: Upload): void {
    this.#uploads.delete(upload.id);
    rmSync(join(this.#dir, 'uploads', upload.id), { recursive: true, force: true });
  }

  #objectPath(key: string): string {
    return join(this.#dir, 'objects', `${createHash('sha256').update(key).digest('hex')}.json`);
  }

  #loadObjects(): void {
    for (const file of records(join(this.#dir, 'objects'))) {
      const object = readRecord(file, ObjectSchema);
      this.#objects.set(object.key, object);
    }
  }

  /** An upload whose object is there already was completed by a process that died before it could forget it. */
  #loadUploads(): void {
    for (const id of readdirSync(join(this.#dir, 'uploads'))) {
      const dir = join(this.#dir, 'uploads', id);
      const record = join(dir, 'upload.json');
      const upload = existsSync(record) ? readRecord(record, UploadSchema) : undefined;
      if (upload === undefined || this.#objects.get(upload.key)?.uploadId === id) {
        rmSync(dir, { recursive: true });
        continue;
      }
      const parts = records(dir).filter((file) => file !== record);
      const loaded = parts.map((file) => readRecord(file, PartSchema));
      this.#uploads.set(id, { ...upload, parts: new Map(loaded.map((part) => [part.number, part])) });
    }
  }
}

function records(dir: string): string[] {
  return readdirSync(dir)
    .filter((name) => name.endsWith('.json'))
    .map((name) => join(dir, name));
}

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
