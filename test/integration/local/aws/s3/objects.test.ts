import { createHash, randomBytes } from 'node:crypto';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { describe, expect, it } from 'vitest';
import { BUCKET, failure, testS3 } from './fixture.ts';

const at = { Bucket: BUCKET, Key: 'clips/a b+ü.mp4' };

async function read(client: S3Client, range?: string): Promise<Buffer> {
  const { Body } = await client.send(new GetObjectCommand({ ...at, Range: range }));
  return Buffer.from((await Body?.transformToByteArray()) ?? []);
}

describe('an object of the local S3', () => {
  it('is returned as it was put, with its headers and metadata', async () => {
    await using s3 = await testS3();
    const body = randomBytes(3_000_000);
    const headers = {
      ContentType: 'video/mp4',
      CacheControl: 'max-age=60',
      ContentDisposition: 'attachment; filename="a.mp4"',
      ContentLanguage: 'de',
      StorageClass: 'STANDARD_IA' as const,
      Metadata: { 'zencoder-job': '1', label: 'web' },
    };
    const put = await s3.client.send(new PutObjectCommand({ ...at, ...headers, Body: body }));
    expect(put.ETag).toBe(`"${createHash('md5').update(body).digest('hex')}"`);
    expect((await read(s3.client)).equals(body)).toBe(true);
    const head = await s3.client.send(new HeadObjectCommand(at));
    expect(head).toMatchObject({
      ...headers,
      ContentLength: body.length,
      AcceptRanges: 'bytes',
      ETag: put.ETag,
    });
    expect(head.ServerSideEncryption).toBe('AES256');
  });

  it('may be empty, and then has no ranges', async () => {
    await using s3 = await testS3();
    await s3.client.send(new PutObjectCommand({ ...at, Body: new Uint8Array() }));
    expect(await read(s3.client)).toHaveLength(0);
    await expect(read(s3.client, 'bytes=0-15')).rejects.toEqual(failure('InvalidRange', 416));
  });

  it('is read in ranges, each with Content-Range', async () => {
    await using s3 = await testS3();
    const body = randomBytes(2_000_000);
    await s3.client.send(new PutObjectCommand({ ...at, Body: body }));
    expect((await read(s3.client, 'bytes=600000-1200000')).equals(body.subarray(600_000, 1_200_001))).toBe(
      true,
    );
    expect((await read(s3.client, 'bytes=1999999-')).equals(body.subarray(-1))).toBe(true);
    expect((await read(s3.client, 'bytes=-5')).equals(body.subarray(-5))).toBe(true);
    const get = await s3.client.send(new HeadObjectCommand({ ...at, Range: 'bytes=10-19' }));
    expect(get).toMatchObject({ ContentRange: 'bytes 10-19/2000000', ContentLength: 10 });
    await expect(read(s3.client, 'bytes=2000000-')).rejects.toEqual(failure('InvalidRange', 416));
  });

  it('is read under conditions', async () => {
    await using s3 = await testS3();
    const { ETag } = await s3.client.send(new PutObjectCommand({ ...at, Body: 'one' }));
    const get = (conditions: object) => s3.client.send(new GetObjectCommand({ ...at, ...conditions }));
    expect((await get({ IfMatch: ETag })).ContentLength).toBe(3);
    await expect(get({ IfMatch: '"other"' })).rejects.toEqual(failure('PreconditionFailed', 412));
    await expect(get({ IfNoneMatch: ETag })).rejects.toMatchObject({ $metadata: { httpStatusCode: 304 } });
  });

  it('is written under conditions: If-None-Match and If-Match', async () => {
    await using s3 = await testS3();
    const put = (Body: string, conditions: object) =>
      s3.client.send(new PutObjectCommand({ ...at, Body, ...conditions }));
    const responses = await Promise.allSettled(
      Array.from({ length: 8 }, (_, index) => put(`writer ${index}`, { IfNoneMatch: '*' })),
    );
    expect(responses.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const response of responses) {
      if (response.status === 'rejected') expect(response.reason).toEqual(failure('PreconditionFailed', 412));
    }
    const { ETag } = await s3.client.send(new HeadObjectCommand(at));
    await expect(put('b', { IfMatch: '"other"' })).rejects.toEqual(failure('PreconditionFailed', 412));
    await put('c', { IfMatch: ETag });
    expect((await read(s3.client)).toString()).toBe('c');
    expect(await s3.bodyFiles()).toHaveLength(1);
  });

  it('causes a conflict when it is deleted during a conditional write', async () => {
    const { promise: held, resolve: letGo } = Promise.withResolvers<undefined>();
    await using s3 = await testS3();
    await s3.client.send(new PutObjectCommand({ ...at, Body: 'one' }));
    const body = new ReadableStream({
      async start(controller) {
        controller.enqueue(new Uint8Array(10));
        await held;
        controller.enqueue(new Uint8Array(10));
        controller.close();
      },
    });
    const plain = s3.makeClient({ requestChecksumCalculation: 'WHEN_REQUIRED' });
    const url = await getSignedUrl(plain, new PutObjectCommand({ ...at, IfNoneMatch: '*' }), {
      unhoistableHeaders: new Set(['if-none-match']),
    });
    const headers = { 'content-length': '20', 'if-none-match': '*' };
    const write = fetch(url, { method: 'PUT', headers, body, duplex: 'half' });
    await expect.poll(() => s3.server.stats().bytesIn).toBe(13);
    await s3.client.send(new DeleteObjectCommand(at));
    letGo(undefined);
    const response = await write;
    expect(response.status).toBe(409);
    expect(await response.text()).toContain('<Code>ConditionalRequestConflict</Code>');
    expect(await s3.bodyFiles()).toHaveLength(0);
  });

  it('has the response headers that a signed URL requests', async () => {
    await using s3 = await testS3();
    await s3.client.send(new PutObjectCommand({ ...at, Body: 'one' }));
    const disposition = 'attachment; filename="日本.mp4"';
    const get = new GetObjectCommand({
      ...at,
      ResponseContentDisposition: disposition,
      ResponseContentType: 'a/b',
    });
    const response = await fetch(await getSignedUrl(s3.client, get));
    expect(response.headers.get('content-type')).toBe('a/b');
    expect(Buffer.from(response.headers.get('content-disposition') ?? '', 'latin1').toString()).toBe(
      disposition,
    );
  });

  it('returns 404 when it does not exist, and can be deleted nonetheless', async () => {
    await using s3 = await testS3();
    await expect(read(s3.client)).rejects.toEqual(failure('NoSuchKey', 404));
    await expect(s3.client.send(new HeadObjectCommand(at))).rejects.toEqual(failure('NotFound', 404));
    await s3.client.send(new DeleteObjectCommand(at));
    const elsewhere = { Bucket: 'nobodys', Key: 'x' };
    await expect(s3.client.send(new GetObjectCommand(elsewhere))).rejects.toEqual(
      failure('NoSuchBucket', 404),
    );
  });

  it('is rejected with keys, metadata or headers that S3 or this server does not support', async () => {
    await using s3 = await testS3();
    const put = (more: object) => s3.client.send(new PutObjectCommand({ ...at, Body: 'x', ...more }));
    await expect(put({ Key: 'k'.repeat(1025) })).rejects.toEqual(failure('KeyTooLongError', 400));
    await expect(put({ Metadata: { m: 'x'.repeat(2048) } })).rejects.toEqual(
      failure('MetadataTooLarge', 400),
    );
    await expect(put({ Tagging: 'a=b' })).rejects.toEqual(failure('NotImplemented', 501));
  });
});
