import { encoder, pageLimit } from './buckets.ts';
import {
  type ChecksumAlgorithm,
  type ChecksumType,
  checksumAlgorithm,
  checksumHeader,
  defaultType,
  supportsType,
  typeMismatch,
} from './checksums.ts';
import { s3Error } from './errors.ts';
import { compareUtf8 } from './listing.ts';
import { checkKey, checkWriteHeaders, keptHeaders, refuseUnsupported } from './metadata.ts';
import { checkLockedWrite } from './object-lock.ts';
import { encryption } from './objects.ts';
import { receiveBody } from './receive.ts';
import type { UploadRecord } from './records.ts';
import { bucketOf, type Exchange, header, type Operation, parameter, type Service } from './service.ts';
import type { Bucket, Upload } from './store.ts';
import { type XmlContent, xmlDocument } from './xml.ts';

const MAX_PARTS = 10_000;

export const createMultipartUpload: Operation = (exchange, service) => {
  const bucket = bucketOf(exchange, service);
  const { key } = exchange.request;
  checkKey(key);
  refuseUnsupported(exchange);
  checkWriteHeaders(exchange, service.demandedHeaders);
  const headers = keptHeaders(exchange);
  const checksum = uploadChecksum(exchange);
  const upload = bucket.createUpload({ key, initiated: service.now(), headers, checksum });
  const xml = xmlDocument('InitiateMultipartUploadResult', {
    Bucket: bucket.name,
    Key: key,
    UploadId: upload.id,
  });
  const shown: Record<string, string> =
    checksum === undefined
      ? {}
      : { 'x-amz-checksum-algorithm': checksum.algorithm, 'x-amz-checksum-type': checksum.type };
  return { status: 200, headers: { ...encryption(headers), ...shown }, xml };
};

function uploadChecksum(exchange: Exchange): UploadRecord['checksum'] {
  const algorithmText = header(exchange, 'x-amz-checksum-algorithm');
  const typeText = header(exchange, 'x-amz-checksum-type');
  if (algorithmText === undefined) {
    if (typeText === undefined) return undefined;
    const message =
      'The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.';
    throw s3Error('InvalidRequest', {}, message);
  }
  const algorithm = checksumAlgorithm(algorithmText);
  if (algorithm === undefined) {
    throw s3Error('InvalidRequest', {}, 'Checksum algorithm provided is unsupported.');
  }
  const type = checksumType(typeText) ?? defaultType(algorithm);
  if (!supportsType(algorithm, type)) throw typeMismatch(algorithm, type);
  return { algorithm, type };
}

/** @throws S3Error InvalidRequest for a type that there is not */
export function checksumType(text: string | undefined): ChecksumType | undefined {
  if (text === undefined || text === 'FULL_OBJECT' || text === 'COMPOSITE') return text;
  throw s3Error('InvalidRequest', {}, 'Value for x-amz-checksum-type header is invalid.');
}

export const uploadPart: Operation = async (exchange, service) => {
  const bucket = bucketOf(exchange, service);
  refuseUnsupported(exchange);
  checkLockedWrite(exchange, service);
  const upload = uploadOf(exchange, bucket);
  const number = partNumber(exchange);
  const wanted = upload.checksum?.type === 'FULL_OBJECT' ? upload.checksum.algorithm : undefined;
  const { body, etag, checksum } = await receiveBody(exchange, service, wanted);
  try {
    checkAlgorithm(upload, checksum?.algorithm);
    uploadOf(exchange, bucket);
  } catch (error) {
    service.store.bodies.discard([body]);
    throw error;
  }
  bucket.putPart(upload, { number, size: body.size, etag, lastModified: service.now(), body, checksum });
  const shown: Record<string, string> =
    checksum === undefined ? {} : { [checksumHeader(checksum.algorithm)]: checksum.value };
  return { status: 200, headers: { etag: `"${etag}"`, ...encryption(upload.headers), ...shown } };
};

/** An upload that names an algorithm takes only parts that have a checksum of it. */
function checkAlgorithm(upload: Upload, algorithm: ChecksumAlgorithm | undefined): void {
  const expected = upload.checksum?.algorithm;
  if (expected === undefined || expected === algorithm) return;
  const actual = algorithm?.toLowerCase() ?? 'null';
  const message = `Checksum Type mismatch occurred, expected checksum Type: ${expected.toLowerCase()}, actual checksum Type: ${actual}`;
  throw s3Error('InvalidRequest', {}, message);
}

function partNumber(exchange: Exchange): number {
  const text = parameter(exchange, 'partNumber') ?? '';
  const number = Number(text);
  if (/^\d+$/.test(text) && number >= 1 && number <= MAX_PARTS) return number;
  const message = 'Part number must be an integer between 1 and 10000, inclusive';
  throw s3Error('InvalidArgument', { ArgumentName: 'partNumber', ArgumentValue: text }, message);
}

/** @throws S3Error NoSuchUpload */
export function uploadOf(exchange: Exchange, bucket: Bucket): Upload {
  return bucket.upload(parameter(exchange, 'uploadId') ?? '', exchange.request.key);
}

export const abortMultipartUpload: Operation = (exchange: Exchange, service: Service) => {
  const bucket = bucketOf(exchange, service);
  bucket.abortUpload(uploadOf(exchange, bucket));
  return { status: 204 };
};

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
