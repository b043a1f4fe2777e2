import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { Agent } from 'node:https';
import { join } from 'node:path';
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListPartsCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { describe, expect, it } from 'vitest';
import { BUCKET, failure, testS3 } from './fixture.ts';

const at = { Bucket: BUCKET, Key: 'film.mp4' };

describe('an object on disk', () => {
  it('survives a restart of the server, which deletes unreferenced files', async () => {
    await using first = await testS3();
    await first.client.send(new PutObjectCommand({ ...at, Body: 'kept', Metadata: { job: '1' } }));
    const other = { ...at, Key: 'other.mp4' };
    const { UploadId } = await first.client.send(new CreateMultipartUploadCommand(other));
    const part = new UploadPartCommand({ ...other, UploadId, PartNumber: 1, Body: 'part' });
    const { ETag } = await first.client.send(part);
    await writeFile(join(first.dir, 'bodies', 'half-written'), 'x');
    await first.server.close();

    await using second = await testS3({ dir: first.dir });
    const get = await second.client.send(new GetObjectCommand(at));
    expect(get.Metadata).toEqual({ job: '1' });
    expect(await get.Body?.transformToString()).toBe('kept');
    const { Parts } = await second.client.send(new ListPartsCommand({ ...other, UploadId }));
    expect(Parts).toMatchObject([{ PartNumber: 1, ETag, Size: 4 }]);
    await second.client.send(
      new CompleteMultipartUploadCommand({
        ...other,
        UploadId,
        MultipartUpload: { Parts: [{ PartNumber: 1, ETag }] },
      }),
    );
    await expect.poll(() => second.bodyFiles()).toHaveLength(2);
  });

  it('is not created when the client disconnects within its body', async () => {
    await using s3 = await testS3({ anonymous: true });
    const headers = { 'content-length': 10_000_000 };
    const write = request(s3.url('film.mp4'), { method: 'PUT', headers });
    write.on('error', () => {});
    write.write(randomBytes(5_000_000));
    await expect.poll(() => s3.server.stats().bytesIn).toBe(5_000_000);
    expect(await s3.bodyFiles()).toHaveLength(1);
    write.destroy();
    await expect.poll(() => s3.bodyFiles()).toHaveLength(0);
    await expect(s3.client.send(new HeadObjectCommand(at))).rejects.toEqual(failure('NotFound', 404));
  });

  it('is not requested with 100 Continue when the response is an error', async () => {
    await using s3 = await testS3();
    const put = (Bucket: string) =>
      s3.client.send(new PutObjectCommand({ ...at, Bucket, Body: randomBytes(3_000_000) }));
    await expect(put('nobodys')).rejects.toEqual(failure('NoSuchBucket', 404));
    expect(s3.server.stats().bytesIn).toBe(0);
    await put(BUCKET);
    expect(s3.server.stats().bytesIn).toBe(3_000_000);
  });

  it('may consist of size and checksums only, for objects larger than the disk', async () => {
    await using s3 = await testS3({ keepBodies: false });
    const { ChecksumCRC32 } = await s3.client.send(
      new PutObjectCommand({ ...at, Body: randomBytes(1_000_000) }),
    );
    expect(await s3.bodyFiles()).toHaveLength(0);
    const head = await s3.client.send(new HeadObjectCommand({ ...at, ChecksumMode: 'ENABLED' }));
    expect(head).toMatchObject({ ContentLength: 1_000_000, ChecksumCRC32 });
    await expect(s3.client.send(new GetObjectCommand(at))).rejects.toEqual(failure('NotImplemented', 501));
  });

  it('can have an opaque entity tag, as under KMS', async () => {
    await using s3 = await testS3({ etags: 'opaque' });
    const put = () => s3.client.send(new PutObjectCommand({ ...at, Body: 'same' }));
    const [one, two] = [await put(), await put()];
    expect(one.ETag).toMatch(/^"[0-9a-f]{32}"$/);
    expect(two.ETag).not.toBe(one.ETag);
  });

  it('is served over TLS as well', async () => {
    const fixture = (name: string) => readFile(new URL(`../../../../fixtures/tls/${name}`, import.meta.url));
    const [key, cert] = [await fixture('key.pem'), await fixture('cert.pem')];
    await using s3 = await testS3({ tls: { key, cert } });
    expect(s3.server.origin).toMatch(/^https:/);
    const client = s3.makeClient({ requestHandler: { httpsAgent: new Agent({ ca: cert }) } });
    const body = randomBytes(5_000_000);
    await client.send(new PutObjectCommand({ ...at, Body: body }));
    const { Body } = await client.send(new GetObjectCommand(at));
    expect(Buffer.from((await Body?.transformToByteArray()) ?? []).equals(body)).toBe(true);
  });
});
