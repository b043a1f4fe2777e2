import type { Bucket, Upload } from './bucket.ts';
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
import { checkKey, keptHeaders, refuseUnsupported } from './metadata.ts';
import { encryption } from './objects.ts';
import { receiveBody } from './receive.ts';
import type { UploadRecord } from './records.ts';
import { bucketOf, type Exchange, header, type Operation, parameter, type Service } from './service.ts';
import { xmlDocument } from './xml.ts';

const MOST_PARTS = 10_000;

export const createMultipartUpload: Operation = (exchange, service) => {
  const bucket = bucketOf(exchange, service);
  const { key } = exchange.request;
  checkKey(key);
  refuseUnsupported(exchange);
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
  if (/^\d+$/.test(text) && number >= 1 && number <= MOST_PARTS) return number;
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
