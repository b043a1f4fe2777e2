import * as v from 'valibot';
import { s3Error } from './errors.ts';
import { listPage } from './listing.ts';
import { receiveText } from './receive.ts';
import { bucketOf, type Exchange, type Operation, parameter } from './service.ts';
import { encodePath } from './signatures.ts';
import { parseXml, xmlDocument } from './xml.ts';

export const createBucket: Operation = async (exchange, service) => {
  await receiveText(exchange);
  service.store.createBucket(exchange.request.bucket, service.now());
  return { status: 200, headers: { location: `/${exchange.request.bucket}` } };
};

export const headBucket: Operation = (exchange, service) => {
  bucketOf(exchange, service);
  return { status: 200, headers: { 'x-amz-bucket-region': service.region } };
};

export const deleteBucket: Operation = (exchange, service) => {
  service.store.deleteBucket(bucketOf(exchange, service).name);
  return { status: 204 };
};

export const listObjectsV2: Operation = (exchange, service) => {
  const bucket = bucketOf(exchange, service);
  const prefix = parameter(exchange, 'prefix') ?? '';
  const delimiter = parameter(exchange, 'delimiter') ?? '';
  const token = parameter(exchange, 'continuation-token');
  const startAfter = parameter(exchange, 'start-after');
  const limit = pageLimit(exchange, 'max-keys');
  const after = token === undefined ? (startAfter ?? '') : Buffer.from(token, 'base64url').toString('utf8');
  const page = listPage(bucket.sortedKeys(), { prefix, delimiter, after, limit });
  const encode = encoder(exchange);
  const contents = page.keys.flatMap((key) => {
    const object = bucket.objects.get(key);
    if (object === undefined) return [];
    return {
      Key: encode(key),
      LastModified: new Date(object.lastModified).toISOString(),
      ETag: `"${object.etag}"`,
      ChecksumAlgorithm: object.checksum?.algorithm,
      ChecksumType: object.checksum?.type,
      Size: object.size,
      StorageClass: object.headers['x-amz-storage-class'] ?? 'STANDARD',
    };
  });
  const xml = xmlDocument('ListBucketResult', {
    Name: bucket.name,
    Prefix: encode(prefix),
    Delimiter: delimiter === '' ? undefined : encode(delimiter),
    MaxKeys: limit,
    EncodingType: parameter(exchange, 'encoding-type'),
    KeyCount: page.keys.length + page.commonPrefixes.length,
    IsTruncated: page.next !== undefined,
    ContinuationToken: token,
    NextContinuationToken: page.next === undefined ? undefined : Buffer.from(page.next).toString('base64url'),
    StartAfter: startAfter === undefined ? undefined : encode(startAfter),
    Contents: contents,
    CommonPrefixes: page.commonPrefixes.map((common) => ({ Prefix: encode(common) })),
  });
  return { status: 200, xml };
};

const MOST = 1000;

/**
 * The size of a page that a request asks for, at most 1,000.
 * @throws S3Error InvalidArgument
 */
export function pageLimit(exchange: Exchange, name: string): number {
  const text = parameter(exchange, name) ?? String(MOST);
  const limit = Number(text);
  if (!/^\d+$/.test(text) || limit > 2 ** 31 - 1) {
    const message = `Provided ${name} not an integer or within integer range`;
    throw s3Error('InvalidArgument', { ArgumentName: name, ArgumentValue: text }, message);
  }
  return Math.min(limit, MOST);
}

/** How keys are to be written: as they are, or percent-encoded when asked for by `encoding-type=url`. */
export function encoder(exchange: Exchange): (text: string) => string {
  return parameter(exchange, 'encoding-type') === 'url' ? encodePath : (text) => text;
}

const DeleteSchema = v.object({
  Delete: v.object({
    Object: v.pipe(v.array(v.object({ Key: v.string() })), v.maxLength(MOST)),
    Quiet: v.optional(v.string()),
  }),
});

export const deleteObjects: Operation = async (exchange, service) => {
  const bucket = bucketOf(exchange, service);
  const parsed = v.safeParse(DeleteSchema, parseXml(await receiveText(exchange)));
  if (!parsed.success) throw s3Error('MalformedXML');
  const { Object: objects, Quiet: quiet } = parsed.output.Delete;
  for (const { Key } of objects) bucket.deleteObject(Key);
  const deleted = quiet === 'true' ? [] : objects.map(({ Key }) => ({ Key }));
  return { status: 200, xml: xmlDocument('DeleteResult', { Deleted: deleted }) };
};
