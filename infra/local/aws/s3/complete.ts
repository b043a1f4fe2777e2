import { createHash, randomBytes } from 'node:crypto';
import * as v from 'valibot';
import {
  CHECKSUM_ALGORITHMS,
  type ChecksumAlgorithm,
  checksumHeader,
  multipartChecksum,
} from './checksums.ts';
import { type S3Error, s3Error } from './errors.ts';
import { checksumElement, checksumType, uploadOf } from './multipart.ts';
import { checkWrite, encryption } from './objects.ts';
import { receiveText } from './receive.ts';
import type { ObjectRecord, PartRecord } from './records.ts';
import { bareEtag } from './request.ts';
import { bucketOf, type Exchange, header, type Operation, type S3Response, type Service } from './service.ts';
import type { Bucket, Upload } from './store.ts';
import { parseXml, xmlDocument } from './xml.ts';

const SMALLEST_PART = 5 * 1024 ** 2;

const checksumEntries = Object.fromEntries(
  CHECKSUM_ALGORITHMS.map((algorithm) => [`Checksum${algorithm}`, v.optional(v.string())] as const),
);
const CompleteSchema = v.object({
  CompleteMultipartUpload: v.object({
    Part: v.pipe(
      v.array(
        v.object({
          PartNumber: v.pipe(v.string(), v.digits(), v.transform(Number)),
          ETag: v.string(),
          ...checksumEntries,
        }),
      ),
      v.minLength(1),
      v.maxLength(10_000),
    ),
  }),
});

/** A part as the client lists it. */
interface ListedPart {
  readonly number: number;
  readonly etag: string;
  readonly checksums: ReadonlyMap<ChecksumAlgorithm, string>;
}

/**
 * CompleteMultipartUpload. The object refers to its parts' files as they are, so the response takes no longer for a large
 * object. A repetition for an upload whose object still stands gets the response of the first time, unless it is conditional.
 */
export const completeMultipartUpload: Operation = async (exchange, service) => {
  const bucket = bucketOf(exchange, service);
  const { key } = exchange.request;
  const pending = bucket.beginWrite(key);
  try {
    const listed = readParts(await receiveText(exchange));
    const before = bucket.objects.get(key);
    const repeated =
      before?.uploadId !== undefined && before.uploadId === exchange.request.query.get('uploadId');
    if (repeated && before !== undefined) {
      checkWrite(exchange, before, pending);
      return completed(exchange, bucket, before);
    }
    const upload = uploadOf(exchange, bucket);
    const parts = chooseParts(upload, listed, service.partChecksums);
    checkWrite(exchange, before, pending);
    const object = assemble(exchange, service, upload, parts);
    bucket.completeUpload(upload, object);
    return completed(exchange, bucket, object);
  } finally {
    bucket.endWrite(pending);
  }
};

function completed(
  exchange: Exchange,
  bucket: Bucket,
  { key, etag, checksum, headers }: ObjectRecord,
): S3Response {
  const xml = xmlDocument('CompleteMultipartUploadResult', {
    Location: `http://${header(exchange, 'host') ?? ''}/${bucket.name}/${key}`,
    Bucket: bucket.name,
    Key: key,
    ETag: `"${etag}"`,
    ...(checksum === undefined
      ? {}
      : { ...checksumElement(checksum.algorithm, checksum.value), ChecksumType: checksum.type }),
  });
  return { status: 200, headers: encryption(headers), xml };
}

function readParts(text: string): ListedPart[] {
  const parsed = v.safeParse(CompleteSchema, parseXml(text));
  if (!parsed.success) throw s3Error('MalformedXML');
  return parsed.output.CompleteMultipartUpload.Part.map(({ PartNumber, ETag, ...rest }) => {
    const stated: Readonly<Record<string, unknown>> = rest;
    const checksums = new Map<ChecksumAlgorithm, string>();
    for (const algorithm of CHECKSUM_ALGORITHMS) {
      const value = stated[`Checksum${algorithm}`];
      if (typeof value === 'string') checksums.set(algorithm, value);
    }
    return { number: PartNumber, etag: bareEtag(ETag), checksums };
  });
}

/** The stored parts that the client lists, all checks passed, in order. */
function chooseParts(
  upload: Upload,
  listed: readonly ListedPart[],
  partChecksums: Service['partChecksums'],
): PartRecord[] {
  let last = 0;
  for (const { number } of listed) {
    if (number <= last) throw s3Error('InvalidPartOrder', { UploadId: upload.id });
    last = number;
  }
  const parts = listed.map((part) => storedPart(upload, part, partChecksums));
  const small = parts.slice(0, -1).find(({ size }) => size < SMALLEST_PART);
  if (small === undefined) return parts;
  throw s3Error('EntityTooSmall', {
    ProposedSize: small.size,
    MinSizeAllowed: SMALLEST_PART,
    PartNumber: small.number,
    ETag: small.etag,
  });
}

function storedPart(upload: Upload, listed: ListedPart, partChecksums: Service['partChecksums']): PartRecord {
  const part = upload.parts.get(listed.number);
  if (part === undefined || part.etag !== listed.etag) throw invalidPart(upload, listed);
  for (const [algorithm, value] of listed.checksums) {
    if (part.checksum?.algorithm !== algorithm || part.checksum.value !== value)
      throw invalidPart(upload, listed);
  }
  const isRequired = upload.checksum?.type === 'COMPOSITE' || partChecksums === 'always';
  if (isRequired && upload.checksum !== undefined && !listed.checksums.has(upload.checksum.algorithm)) {
    const algorithm = upload.checksum.algorithm.toLowerCase();
    const message = `The upload was created using a ${algorithm} checksum. The complete request must include the checksum for each part. It was missing for part ${listed.number} in the request.`;
    throw s3Error('InvalidRequest', {}, message);
  }
  return part;
}

function invalidPart(upload: Upload, { number, etag }: ListedPart): S3Error {
  return s3Error('InvalidPart', { UploadId: upload.id, PartNumber: number, ETag: etag });
}

function assemble(
  exchange: Exchange,
  service: Service,
  upload: Upload,
  parts: readonly PartRecord[],
): ObjectRecord {
  const size = parts.reduce((sum, part) => sum + part.size, 0);
  checkSize(exchange, size);
  return {
    key: upload.key,
    size,
    etag: `${etagOfParts(service, parts)}-${parts.length}`,
    lastModified: service.now(),
    headers: upload.headers,
    bodies: parts.map(({ body }) => body),
    checksum: objectChecksum(exchange, upload, parts),
    uploadId: upload.id,
  };
}

function etagOfParts(service: Service, parts: readonly PartRecord[]): string {
  if (service.etags === 'opaque') return randomBytes(16).toString('hex');
  const whole = createHash('md5');
  for (const { etag } of parts) whole.update(etag, 'hex');
  return whole.digest('hex');
}

function checkSize(exchange: Exchange, size: number): void {
  const stated = header(exchange, 'x-amz-mp-object-size');
  if (stated === undefined || Number(stated) === size) return;
  const message = `The provided 'x-amz-mp-object-size' header value ${stated} does not match what was computed: ${size}`;
  throw s3Error('InvalidRequest', {}, message);
}

function objectChecksum(
  exchange: Exchange,
  upload: Upload,
  parts: readonly PartRecord[],
): ObjectRecord['checksum'] {
  const statedType = checksumType(header(exchange, 'x-amz-checksum-type'));
  const stated = CHECKSUM_ALGORITHMS.filter(
    (algorithm) => header(exchange, checksumHeader(algorithm)) !== undefined,
  );
  const { checksum } = upload;
  const mismatched = stated.filter((algorithm) => algorithm !== checksum?.algorithm);
  const hasOtherType = statedType !== undefined && statedType !== checksum?.type;
  if (mismatched.length > 0 || hasOtherType) {
    const message = `The upload was created using ${checksum === undefined ? 'no checksum' : `the ${checksum.type} checksum mode`}. The complete request must use the same checksum mode.`;
    // "If the checksum type doesn't match [...], it'll result in a BadDigest error":
    // https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html
    throw s3Error(hasOtherType ? 'BadDigest' : 'InvalidRequest', {}, message);
  }
  if (checksum === undefined) return undefined;
  const { algorithm, type } = checksum;
  const checked = parts.map((part) => ({ size: part.size, checksum: part.checksum?.value ?? '' }));
  const value = multipartChecksum(algorithm, type, checked);
  const expected = header(exchange, checksumHeader(algorithm));
  if (expected !== undefined && expected !== value) {
    throw s3Error('BadDigest', {}, `The ${algorithm} you specified did not match the calculated checksum.`);
  }
  return { algorithm, type, value };
}
