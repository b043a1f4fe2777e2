import { checksumHeader } from './checksums.ts';
import { s3Error } from './errors.ts';
import { checkKey, checkWriteHeaders, keptHeaders, refuseUnsupported } from './metadata.ts';
import { checkLockedDeletion, checkLockedWrite } from './object-lock.ts';
import { receiveBody } from './receive.ts';
import type { ObjectRecord } from './records.ts';
import { bareEtag, etagMatches, evaluateRead, parseRange } from './request.ts';
import { bucketOf, type Exchange, header, type Operation, type S3Response, type Service } from './service.ts';
import type { PendingWrite } from './store.ts';

export const putObject: Operation = async (exchange, service) => {
  const bucket = bucketOf(exchange, service);
  const { key } = exchange.request;
  checkKey(key);
  refuseUnsupported(exchange);
  checkWriteHeaders(exchange, service.demandedHeaders);
  checkLockedWrite(exchange, service);
  const headers = keptHeaders(exchange);
  const pending = bucket.beginWrite(key);
  try {
    const { body, etag, checksum } = await receiveBody(exchange, service);
    try {
      checkWrite(exchange, bucket.objects.get(key), pending);
    } catch (error) {
      service.store.bodies.discard([body]);
      throw error;
    }
    const full = checksum === undefined ? undefined : { ...checksum, type: 'FULL_OBJECT' as const };
    const { size } = body;
    bucket.putObject({
      key,
      size,
      etag,
      lastModified: service.now(),
      headers,
      bodies: [body],
      checksum: full,
    });
    return { status: 200, headers: { etag: `"${etag}"`, ...encryption(headers), ...checksumHeaders(full) } };
  } finally {
    bucket.endWrite(pending);
  }
};

/**
 * Holds a write against its `If-None-Match: *` or `If-Match`.
 * @throws S3Error PreconditionFailed; ConditionalRequestConflict when the key was deleted in the meantime; NoSuchKey
 */
export function checkWrite(
  exchange: Exchange,
  existing: ObjectRecord | undefined,
  pending: PendingWrite,
): void {
  const ifNoneMatch = header(exchange, 'if-none-match');
  const ifMatch = header(exchange, 'if-match');
  if (ifNoneMatch === undefined && ifMatch === undefined) return;
  if (ifNoneMatch !== undefined && ifNoneMatch !== '*') {
    throw s3Error('NotImplemented', { Header: 'If-None-Match' });
  }
  const { key } = exchange.request;
  if (pending.deleted) throw s3Error('ConditionalRequestConflict', { Condition: 'If-None-Match', Key: key });
  if (ifNoneMatch !== undefined && existing !== undefined) {
    throw s3Error('PreconditionFailed', { Condition: 'If-None-Match' });
  }
  if (ifMatch === undefined) return;
  if (existing === undefined) throw s3Error('NoSuchKey', { Key: key });
  if (bareEtag(ifMatch) !== '*' && !etagMatches(ifMatch, existing.etag)) {
    throw s3Error('PreconditionFailed', { Condition: 'If-Match' });
  }
}

/** GetObject and HeadObject, which respond alike but for the body. */
export const readObject: Operation = (exchange, service) => {
  const object = existing(exchange, service);
  const validators = { etag: `"${object.etag}"`, 'last-modified': httpDate(object.lastModified) };
  const outcome = evaluateRead(
    {
      ifMatch: header(exchange, 'if-match'),
      ifNoneMatch: header(exchange, 'if-none-match'),
      ifModifiedSince: header(exchange, 'if-modified-since'),
      ifUnmodifiedSince: header(exchange, 'if-unmodified-since'),
    },
    object.etag,
    object.lastModified,
  );
  if (outcome === 'precondition-failed')
    throw s3Error('PreconditionFailed', { Condition: failedCondition(exchange) });
  if (outcome === 'not-modified') return { status: 304, headers: validators };
  const common = {
    ...validators,
    'accept-ranges': 'bytes',
    ...object.headers,
    ...encryption(object.headers),
    ...overrides(exchange),
  };
  return withRange(exchange, object, common);
};

function withRange(exchange: Exchange, object: ObjectRecord, common: Record<string, string>): S3Response {
  const requested = header(exchange, 'range');
  const range = parseRange(requested, object.size);
  if (range === 'unsatisfiable') {
    throw s3Error('InvalidRange', { RangeRequested: requested ?? '', ActualObjectSize: object.size });
  }
  if (range === 'whole') {
    const shown =
      header(exchange, 'x-amz-checksum-mode')?.toUpperCase() === 'ENABLED' ? object.checksum : undefined;
    return {
      status: 200,
      headers: { ...common, ...checksumHeaders(shown), 'content-length': object.size },
      content: { object, range: object.size === 0 ? 'empty' : { start: 0, end: object.size - 1 } },
    };
  }
  return {
    status: 206,
    headers: {
      ...common,
      'content-range': `bytes ${range.start}-${range.end}/${object.size}`,
      'content-length': range.end - range.start + 1,
    },
    content: { object, range },
  };
}

function existing(exchange: Exchange, service: Service): ObjectRecord {
  const { key } = exchange.request;
  const object = bucketOf(exchange, service).objects.get(key);
  if (object === undefined) throw s3Error('NoSuchKey', { Key: key });
  return object;
}

function failedCondition(exchange: Exchange): string {
  return header(exchange, 'if-match') === undefined ? 'If-Unmodified-Since' : 'If-Match';
}

const OVERRIDES = [
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-type',
  'expires',
];

/** The `response-…` parameters, which only a signed request may use. */
function overrides(exchange: Exchange): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const name of OVERRIDES) {
    const value = exchange.request.query.get(`response-${name}`);
    // Header values go out byte by byte, so a text beyond Latin-1 goes out as its UTF-8.
    if (value !== null) headers[name] = Buffer.from(value).toString('latin1');
  }
  if (Object.keys(headers).length > 0 && exchange.caller.accessKeyId === undefined) {
    const message = 'Request specific response headers cannot be used for anonymous GET requests.';
    throw s3Error('InvalidRequest', {}, message);
  }
  return headers;
}

export const deleteObject: Operation = (exchange, service) => {
  const bucket = bucketOf(exchange, service);
  const { key } = exchange.request;
  checkLockedDeletion(bucket.objects.get(key), service);
  bucket.deleteObject(key);
  return { status: 204 };
};

export function checksumHeaders(checksum: ObjectRecord['checksum']): Record<string, string> {
  if (checksum === undefined) return {};
  return { [checksumHeader(checksum.algorithm)]: checksum.value, 'x-amz-checksum-type': checksum.type };
}

/** S3 encrypts everything, with its own key where the client names no other. */
export function encryption(headers: Readonly<Record<string, string>>): Record<string, string> {
  const shown: Record<string, string> = { 'x-amz-server-side-encryption': 'AES256' };
  for (const [name, value] of Object.entries(headers)) {
    if (name.startsWith('x-amz-server-side-encryption')) shown[name] = value;
  }
  return shown;
}

export function httpDate(time: number): string {
  return new Date(time).toUTCString();
}
