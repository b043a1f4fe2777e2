import type { Upload } from './bucket.ts';
import { encoder, pageLimit } from './buckets.ts';
import type { ChecksumAlgorithm } from './checksums.ts';
import { s3Error } from './errors.ts';
import { compareUtf8 } from './listing.ts';
import { uploadOf } from './multipart.ts';
import { bucketOf, type Exchange, type Operation, parameter } from './service.ts';
import { type XmlContent, xmlDocument } from './xml.ts';

const OWNER = {
  ID: '75aa57f09aa0c8caeab4f8c24e99d10f8e7faeebf76c078efc7c6caea54ba06a',
  DisplayName: 'local',
};

export const listParts: Operation = (exchange, service) => {
  const bucket = bucketOf(exchange, service);
  const upload = uploadOf(exchange, bucket);
  const limit = pageLimit(exchange, 'max-parts');
  const marker = Number(parameter(exchange, 'part-number-marker') ?? 0);
  const rest = [...upload.parts.values()]
    .filter(({ number }) => number > marker)
    .sort((a, b) => a.number - b.number);
  const page = rest.slice(0, limit);
  const xml = xmlDocument('ListPartsResult', {
    Bucket: bucket.name,
    Key: encoder(exchange)(upload.key),
    UploadId: upload.id,
    Initiator: OWNER,
    Owner: OWNER,
    StorageClass: storageClass(upload),
    PartNumberMarker: marker,
    NextPartNumberMarker: page.at(-1)?.number ?? 0,
    MaxParts: limit,
    IsTruncated: rest.length > page.length,
    ...checksumElements(upload),
    Part: page.map(({ number, lastModified, etag, size, checksum }) => ({
      PartNumber: number,
      LastModified: new Date(lastModified).toISOString(),
      ETag: `"${etag}"`,
      Size: size,
      ...(checksum === undefined ? {} : checksumElement(checksum.algorithm, checksum.value)),
    })),
  });
  return { status: 200, xml };
};

/** The element of a checksum, e.g. `ChecksumCRC32`. */
export function checksumElement(algorithm: ChecksumAlgorithm, value: string): Record<string, string> {
  return { [`Checksum${algorithm}`]: value };
}

function checksumElements({ checksum }: Upload): Record<string, XmlContent> {
  return checksum === undefined ? {} : { ChecksumAlgorithm: checksum.algorithm, ChecksumType: checksum.type };
}

function storageClass(upload: Upload): string {
  return upload.headers['x-amz-storage-class'] ?? 'STANDARD';
}

export const listMultipartUploads: Operation = (exchange, service) => {
  const bucket = bucketOf(exchange, service);
  if (parameter(exchange, 'delimiter') !== undefined) {
    throw s3Error('NotImplemented', { Parameter: 'delimiter' });
  }
  const prefix = parameter(exchange, 'prefix') ?? '';
  const limit = pageLimit(exchange, 'max-uploads');
  const uploads = [...bucket.uploads.values()]
    .filter(({ key }) => key.startsWith(prefix))
    .sort(byKeyThenTime);
  const rest = uploads.slice(firstAfterMarker(exchange, uploads));
  const page = rest.slice(0, limit);
  const truncated = rest.length > page.length;
  const encode = encoder(exchange);
  const xml = xmlDocument('ListMultipartUploadsResult', {
    Bucket: bucket.name,
    KeyMarker: encode(parameter(exchange, 'key-marker') ?? ''),
    UploadIdMarker: parameter(exchange, 'upload-id-marker') ?? '',
    NextKeyMarker: truncated ? encode(page.at(-1)?.key ?? '') : undefined,
    NextUploadIdMarker: truncated ? page.at(-1)?.id : undefined,
    Prefix: encode(prefix),
    EncodingType: parameter(exchange, 'encoding-type'),
    MaxUploads: limit,
    IsTruncated: truncated,
    Upload: page.map((upload) => ({
      Key: encode(upload.key),
      UploadId: upload.id,
      Initiator: OWNER,
      Owner: OWNER,
      StorageClass: storageClass(upload),
      Initiated: new Date(upload.initiated).toISOString(),
      ...checksumElements(upload),
    })),
  });
  return { status: 200, xml };
};

function byKeyThenTime(a: Upload, b: Upload): number {
  return compareUtf8(a.key, b.key) || a.initiated - b.initiated || compareUtf8(a.id, b.id);
}

/** Without an upload's id the key marker passes over all uploads of its key; with one, over those up to it. */
function firstAfterMarker(exchange: Exchange, uploads: readonly Upload[]): number {
  const keyMarker = parameter(exchange, 'key-marker');
  if (keyMarker === undefined) return 0;
  const idMarker = parameter(exchange, 'upload-id-marker');
  const marked = uploads.findIndex(({ key, id }) => key === keyMarker && id === idMarker);
  if (marked !== -1) return marked + 1;
  const next = uploads.findIndex(({ key }) => compareUtf8(key, keyMarker) > 0);
  return next === -1 ? uploads.length : next;
}
