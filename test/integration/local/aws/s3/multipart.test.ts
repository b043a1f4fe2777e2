import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:http';
import { crc32 } from 'node:zlib';
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  type CreateMultipartUploadCommandInput,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { describe, expect, it } from 'vitest';
import { BUCKET, failure, testS3 } from './fixture.ts';

const MIB = 1024 * 1024;
const at = { Bucket: BUCKET, Key: 'film.mp4' };
const bytes = [randomBytes(5 * MIB), randomBytes(6 * MIB), randomBytes(100)];
const whole = Buffer.concat(bytes);

/** An upload and short words for what is done with it. */
async function upload(client: S3Client, options: Partial<CreateMultipartUploadCommandInput> = {}) {
  const { UploadId } = await client.send(new CreateMultipartUploadCommand({ ...at, ...options }));
  const its = { ...at, UploadId };
  return {
    id: UploadId,
    part: async (number: number, Body: Buffer, more: object = {}): Promise<CompletedPart> => {
      const sent = await client.send(new UploadPartCommand({ ...its, PartNumber: number, Body, ...more }));
      const { ETag, ChecksumCRC32, ChecksumSHA256, ChecksumCRC64NVME } = sent;
      return { PartNumber: number, ETag, ChecksumCRC32, ChecksumSHA256, ChecksumCRC64NVME };
    },
    complete: (Parts: CompletedPart[], more: object = {}) =>
      client.send(new CompleteMultipartUploadCommand({ ...its, MultipartUpload: { Parts }, ...more })),
    abort: () => client.send(new AbortMultipartUploadCommand(its)),
    list: (more: object = {}) => client.send(new ListPartsCommand({ ...its, ...more })),
  };
}

/** Sends all of {@link bytes}, last part first. */
async function allParts(
  multipart: Awaited<ReturnType<typeof upload>>,
  more: object = {},
): Promise<CompletedPart[]> {
  const parts: CompletedPart[] = [];
  for (const [index, body] of [...bytes.entries()].reverse())
    parts.unshift(await multipart.part(index + 1, body, more));
  return parts;
}

describe('a multipart upload', () => {
  it('joins its parts in the order of their numbers', async () => {
    await using s3 = await testS3();
    const multipart = await upload(s3.client, { ContentType: 'video/mp4', Metadata: { job: '1' } });
    const { ETag } = await multipart.complete(await allParts(multipart));
    const md5 = (data: Buffer) => createHash('md5').update(data).digest();
    expect(ETag).toBe(`"${md5(Buffer.concat(bytes.map(md5))).toString('hex')}-3"`);
    const get = await s3.client.send(new GetObjectCommand(at));
    expect(get).toMatchObject({
      ContentType: 'video/mp4',
      Metadata: { job: '1' },
      ContentLength: whole.length,
    });
    expect(Buffer.from((await get.Body?.transformToByteArray()) ?? []).equals(whole)).toBe(true);
    const across = await s3.client.send(
      new GetObjectCommand({ ...at, Range: `bytes=${5 * MIB - 2}-${11 * MIB}` }),
    );
    const got = Buffer.from((await across.Body?.transformToByteArray()) ?? []);
    expect(got.equals(whole.subarray(5 * MIB - 2, 11 * MIB + 1))).toBe(true);
  });

  it('has the full-object checksum, which completion may state', async () => {
    await using s3 = await testS3();
    const multipart = await upload(s3.client, { ChecksumAlgorithm: 'CRC32', ChecksumType: 'FULL_OBJECT' });
    const parts = await allParts(multipart);
    const crc = Buffer.alloc(4);
    crc.writeUInt32BE(crc32(whole));
    const ChecksumType = 'FULL_OBJECT';
    const wrong = multipart.complete(parts, { ChecksumType, ChecksumCRC32: 'AAAAAA==' });
    await expect(wrong).rejects.toEqual(failure('BadDigest', 400));
    const done = await multipart.complete(parts, { ChecksumType, ChecksumCRC32: crc.toString('base64') });
    expect(done).toMatchObject({ ChecksumCRC32: crc.toString('base64'), ChecksumType });
    const head = await s3.client.send(new HeadObjectCommand({ ...at, ChecksumMode: 'ENABLED' }));
    expect(head).toMatchObject({ ChecksumCRC32: crc.toString('base64'), ChecksumType });
  });

  it('computes a full-object checksum of parts without checksums', async () => {
    await using s3 = await testS3();
    const quiet = s3.makeClient({ requestChecksumCalculation: 'WHEN_REQUIRED' });
    const multipart = await upload(quiet, { ChecksumAlgorithm: 'CRC64NVME' });
    const parts = (await allParts(multipart)).map(({ PartNumber, ETag }) => ({ PartNumber, ETag }));
    const { ChecksumCRC64NVME } = await multipart.complete(parts);
    await s3.client.send(new PutObjectCommand({ ...at, Body: whole, ChecksumAlgorithm: 'CRC64NVME' }));
    const head = await s3.client.send(new HeadObjectCommand({ ...at, ChecksumMode: 'ENABLED' }));
    expect(head.ChecksumCRC64NVME).toBe(ChecksumCRC64NVME);
  });

  it('has a composite checksum, which requires that of each part', async () => {
    await using s3 = await testS3();
    const multipart = await upload(s3.client, { ChecksumAlgorithm: 'SHA256' });
    const parts = await allParts(multipart, { ChecksumAlgorithm: 'SHA256' });
    const bare = parts.map(({ PartNumber, ETag }) => ({ PartNumber, ETag }));
    await expect(multipart.complete(bare)).rejects.toEqual(failure('InvalidRequest', 400));
    const sha256 = (data: Buffer) => createHash('sha256').update(data).digest();
    const expected = `${sha256(Buffer.concat(bytes.map(sha256))).toString('base64')}-3`;
    expect(await multipart.complete(parts)).toMatchObject({
      ChecksumSHA256: expected,
      ChecksumType: 'COMPOSITE',
    });
  });

  it.each([
    ['is composite by default', 'composite', undefined],
    ['is of type FULL_OBJECT', 'always', 'FULL_OBJECT'],
  ] as const)('requires the CRC32 of each part when the checksum %s', async (_, partChecksums, type) => {
    await using s3 = await testS3({ partChecksums });
    const multipart = await upload(s3.client, { ChecksumAlgorithm: 'CRC32', ChecksumType: type });
    const parts = await allParts(multipart);
    const [first, ...others] = parts;
    const bare = [{ PartNumber: 1, ETag: first?.ETag }, ...others];
    await expect(multipart.complete(bare)).rejects.toEqual(failure('InvalidRequest', 400));
    const wrong = [{ ...first, ChecksumCRC32: 'AAAAAA==' }, ...others];
    await expect(multipart.complete(wrong)).rejects.toEqual(failure('InvalidPart', 400));
    expect(await multipart.complete(parts)).toMatchObject({ ChecksumType: type ?? 'COMPOSITE' });
  });

  it('takes the parts of a FULL_OBJECT upload without checksums, and no other type of checksum', async () => {
    await using s3 = await testS3();
    const multipart = await upload(s3.client, { ChecksumAlgorithm: 'CRC32', ChecksumType: 'FULL_OBJECT' });
    const parts = await allParts(multipart);
    const other = multipart.complete(parts, { ChecksumType: 'COMPOSITE' });
    await expect(other).rejects.toEqual(failure('BadDigest', 400));
    const bare = parts.map(({ PartNumber, ETag }) => ({ PartNumber, ETag }));
    expect(await multipart.complete(bare)).toMatchObject({ ChecksumType: 'FULL_OBJECT' });
  });

  it('rejects parts with another checksum algorithm', async () => {
    await using s3 = await testS3();
    const multipart = await upload(s3.client, { ChecksumAlgorithm: 'SHA256' });
    const mismatched = multipart.part(1, Buffer.from('x'), { ChecksumAlgorithm: 'CRC32' });
    await expect(mismatched).rejects.toEqual(failure('InvalidRequest', 400));
    expect(await s3.bodyFiles()).toHaveLength(0);
  });

  it('lists its parts page by page, with sizes and checksums', async () => {
    await using s3 = await testS3();
    const multipart = await upload(s3.client, { ChecksumAlgorithm: 'CRC32', ChecksumType: 'FULL_OBJECT' });
    const parts = await allParts(multipart);
    const first = await multipart.list({ MaxParts: 2 });
    expect(first).toMatchObject({
      IsTruncated: true,
      ChecksumAlgorithm: 'CRC32',
      ChecksumType: 'FULL_OBJECT',
    });
    const second = await multipart.list({ MaxParts: 2, PartNumberMarker: first.NextPartNumberMarker });
    expect(second.IsTruncated).toBe(false);
    const listed = [...(first.Parts ?? []), ...(second.Parts ?? [])];
    expect(
      listed.map(({ PartNumber, ETag, ChecksumCRC32 }) => ({ PartNumber, ETag, ChecksumCRC32 })),
    ).toEqual(parts.map(({ PartNumber, ETag, ChecksumCRC32 }) => ({ PartNumber, ETag, ChecksumCRC32 })));
    expect(listed.map(({ Size }) => Size)).toEqual(bytes.map(({ length }) => length));
  });

  it('replaces a part that is sent again, and deletes the old one', async () => {
    await using s3 = await testS3();
    const multipart = await upload(s3.client);
    await multipart.part(1, Buffer.from('old'));
    const part = await multipart.part(1, Buffer.from('new'));
    await multipart.complete([part]);
    const { Body } = await s3.client.send(new GetObjectCommand(at));
    expect(await Body?.transformToString()).toBe('new');
    await expect.poll(() => s3.bodyFiles()).toHaveLength(1);
  });

  it('rejects completion with missing, unordered or small parts', async () => {
    await using s3 = await testS3();
    const multipart = await upload(s3.client);
    const [one, two] = [
      await multipart.part(1, bytes[2] ?? whole),
      await multipart.part(2, bytes[2] ?? whole),
    ];
    await expect(multipart.complete([two, one])).rejects.toEqual(failure('InvalidPartOrder', 400));
    await expect(multipart.complete([one, two])).rejects.toEqual(failure('EntityTooSmall', 400));
    await expect(multipart.complete([one, { ...two, PartNumber: 3 }])).rejects.toEqual(
      failure('InvalidPart', 400),
    );
    await expect(multipart.complete([{ ...one, ETag: '"0"' }])).rejects.toEqual(failure('InvalidPart', 400));
    await expect(multipart.complete([])).rejects.toEqual(failure('MalformedXML', 400));
    await expect(multipart.complete([one], { MpuObjectSize: 5 })).rejects.toEqual(
      failure('InvalidRequest', 400),
    );
    expect((await multipart.complete([one])).ETag).toContain('-1');
  });

  it('never overwrites when completed with If-None-Match, and can still be aborted then', async () => {
    await using s3 = await testS3();
    const multipart = await upload(s3.client);
    const part = await multipart.part(1, Buffer.from('ours'));
    await s3.client.send(new PutObjectCommand({ ...at, Body: 'theirs' }));
    await expect(multipart.complete([part], { IfNoneMatch: '*' })).rejects.toEqual(
      failure('PreconditionFailed', 412),
    );
    await multipart.abort();
    await expect.poll(() => s3.bodyFiles()).toHaveLength(1);
  });

  it('is completed once by concurrent requests', async () => {
    await using s3 = await testS3();
    const multipart = await upload(s3.client);
    const part = await multipart.part(1, Buffer.from('ours'));
    const responses = await Promise.allSettled(
      Array.from({ length: 5 }, () => multipart.complete([part], { IfNoneMatch: '*' })),
    );
    expect(responses.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const again = await multipart.complete([part]);
    expect(again.ETag).toBe((await s3.client.send(new HeadObjectCommand(at))).ETag);
  });

  it('is deleted by abort: from the list, from the disk, and for later parts', async () => {
    await using s3 = await testS3();
    const multipart = await upload(s3.client);
    await multipart.part(1, Buffer.from('x'));
    await multipart.abort();
    await expect(multipart.part(2, Buffer.from('x'))).rejects.toEqual(failure('NoSuchUpload', 404));
    await expect(multipart.abort()).rejects.toEqual(failure('NoSuchUpload', 404));
    await expect(multipart.list()).rejects.toEqual(failure('NoSuchUpload', 404));
    await expect.poll(() => s3.bodyFiles()).toHaveLength(0);
  });

  it('rejects a part that was in flight when it was aborted', async () => {
    await using s3 = await testS3({ anonymous: true });
    const multipart = await upload(s3.client);
    const headers = { 'content-length': 10 };
    const url = `${s3.url(at.Key)}?partNumber=1&uploadId=${multipart.id}`;
    const part = request(url, { method: 'PUT', headers });
    const responded = once(part, 'response');
    part.write('12345');
    await expect.poll(() => s3.server.stats().bytesIn).toBe(5);
    await multipart.abort();
    part.end('67890');
    const [response] = await responded;
    expect(response).toMatchObject({ statusCode: 404 });
    response.resume();
    await expect.poll(() => s3.bodyFiles()).toHaveLength(0);
  });

  it('is listed among uploads in progress, by prefix and page by page', async () => {
    await using s3 = await testS3();
    const keys = ['a/1', 'a/1', 'a/2', 'b/1'];
    const made: (string | undefined)[] = [];
    for (const Key of keys) made.push((await upload(s3.client, { Key })).id);
    const list = (more: object) =>
      s3.client.send(new ListMultipartUploadsCommand({ Bucket: BUCKET, ...more }));
    const found: (string | undefined)[] = [];
    let markers: object = {};
    for (const more of [true, true, false]) {
      const page = await list({ Prefix: 'a/', MaxUploads: 1, ...markers });
      expect(page.IsTruncated).toBe(more);
      found.push(...(page.Uploads ?? []).map(({ UploadId }) => UploadId));
      markers = { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker };
    }
    expect(new Set(found)).toEqual(new Set(made.slice(0, 3)));
    expect(found).toHaveLength(3);
    expect((await list({ KeyMarker: 'a/1' })).Uploads?.map(({ Key }) => Key)).toEqual(['a/2', 'b/1']);
  });

  it('stays readable while it is replaced: its parts are kept for their readers', async () => {
    await using s3 = await testS3();
    const multipart = await upload(s3.client);
    const large = [randomBytes(24 * MIB), randomBytes(1 * MIB)];
    const parts: CompletedPart[] = [];
    for (const [index, body] of large.entries()) parts.push(await multipart.part(index + 1, body));
    await multipart.complete(parts);
    const { Body } = await s3.client.send(new GetObjectCommand(at));
    await s3.client.send(new PutObjectCommand({ ...at, Body: 'new' }));
    const read = Buffer.from((await Body?.transformToByteArray()) ?? []);
    expect(read.equals(Buffer.concat(large))).toBe(true);
    await expect.poll(() => s3.bodyFiles()).toHaveLength(1);
  });

  it('accepts a stream from lib-storage', async () => {
    await using s3 = await testS3();
    const params = { ...at, Body: new Blob([whole]).stream() };
    await new Upload({ client: s3.client, params }).done();
    const get = await s3.client.send(new GetObjectCommand(at));
    expect(Buffer.from((await get.Body?.transformToByteArray()) ?? []).equals(whole)).toBe(true);
    const uploads = await s3.client.send(new ListMultipartUploadsCommand({ Bucket: BUCKET }));
    expect(uploads.Uploads).toBeUndefined();
  });
});
