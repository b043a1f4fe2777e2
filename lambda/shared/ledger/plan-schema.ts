import * as v from 'valibot';

/** The values that the ledger's schemas are made of, and the one schema whose type others share: a large file's plan. */

export const text = v.string();
export const nullableText = v.nullish(text, null);
export const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
export const time = v.pipe(
  text,
  v.isoTimestamp(),
  v.transform((iso) => Date.parse(iso)),
  v.safeInteger(),
);
/** The copy engine's plan as the table holds it. */
export const uploadPlan = v.object({
  version: v.literal(1),
  /** Key of the object in the bucket. */
  key: text,
  uploadId: text,
  /** Epoch milliseconds once it is read. */
  plannedAt: time,
  /** Bytes of the whole file. */
  size: count,
  partBytes: count,
  parts: count,
  /** Parts of every segment but the last. */
  segmentParts: count,
  /** Number of segments; they count from 0. */
  segments: count,
  sourceEtag: nullableText,
  contentType: text,
});

/** How a large file is copied under one multipart upload: the same type as the copy engine's `CopyPlan`. */
export type UploadPlan = Readonly<v.InferOutput<typeof uploadPlan>>;
