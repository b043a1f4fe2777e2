import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import * as v from 'valibot';
import { CHECKSUM_ALGORITHMS } from './checksums.ts';

const Body = v.object({ id: v.string(), size: v.number() });
const Headers = v.record(v.string(), v.string());
const Algorithm = v.picklist(CHECKSUM_ALGORITHMS);
const Type = v.picklist(['FULL_OBJECT', 'COMPOSITE']);

export const ObjectSchema = v.object({
  key: v.string(),
  size: v.number(),
  /** Without quotes. */
  etag: v.string(),
  /** Epoch milliseconds. */
  lastModified: v.number(),
  /** What GET and HEAD give back: content type, cache control, user metadata, storage class, … */
  headers: Headers,
  bodies: v.array(Body),
  checksum: v.optional(v.object({ algorithm: Algorithm, type: Type, value: v.string() })),
  /** The multipart upload that made it. */
  uploadId: v.optional(v.string()),
});
export type ObjectRecord = v.InferOutput<typeof ObjectSchema>;

export const PartSchema = v.object({
  number: v.number(),
  size: v.number(),
  etag: v.string(),
  lastModified: v.number(),
  body: Body,
  /** In base64, the one that belongs to the upload's algorithm or that the client stated. */
  checksum: v.optional(v.object({ algorithm: Algorithm, value: v.string() })),
});
export type PartRecord = v.InferOutput<typeof PartSchema>;

export const UploadSchema = v.object({
  id: v.string(),
  key: v.string(),
  initiated: v.number(),
  headers: Headers,
  checksum: v.optional(v.object({ algorithm: Algorithm, type: Type })),
});
export type UploadRecord = v.InferOutput<typeof UploadSchema>;

export const BucketSchema = v.object({ name: v.string(), created: v.number() });
export type BucketRecord = v.InferOutput<typeof BucketSchema>;

/** Replaces a record's file at once or not at all. It blocks for microseconds, and so needs no lock around it. */
export function writeRecord(path: string, record: object): void {
  const temporary = `${path}.new`;
  writeFileSync(temporary, JSON.stringify(record));
  renameSync(temporary, path);
}

export function readRecord<S extends v.GenericSchema>(path: string, schema: S): v.InferOutput<S> {
  return v.parse(schema, JSON.parse(readFileSync(path, 'utf8')));
}
