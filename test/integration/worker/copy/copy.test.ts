import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { accessDenied } from '../../../../infra/local/aws/s3/faults.ts';
import { DestinationDenied } from '../../../../lambda/worker/copy/errors.ts';
import { MiB } from '../../../../lambda/worker/copy/plan.ts';
import { copyWhole, startCopying } from '../../../support/copying.ts';
import { contentOf } from '../../../support/source-server.ts';

const PNG = Buffer.from('89504e470d0a1a0a', 'hex');

function base64Crc(bytes: Buffer): string {
  const four = Buffer.alloc(4);
  four.writeUInt32BE(crc32(bytes));
  return four.toString('base64');
}

function md5(bytes: Buffer): string {
  return createHash('md5').update(bytes).digest('hex');
}

describe('a copy', () => {
  it('puts a file of one part in one request, after one request to the source', async () => {
    const file = { size: 300_001 };
    const copying = await startCopying({ file });
    const content = contentOf(file);
    const job = copying.job({ expectedSize: file.size, expectedMd5: md5(content) });

    const result = await copyWhole(copying.engine, job);

    expect(result).toMatchObject({
      size: file.size,
      crc32: base64Crc(content),
      contentType: 'video/mp4',
      verifiedBy: ['size', 'crc32', 'md5'],
      warnings: [],
      alreadyThere: false,
      requests: { source: 1, bucket: 1 },
    });
    expect((await copying.object()).body.equals(content)).toBe(true);
  });

  it.each([1, 5 * MiB, 5 * MiB + 1, 10 * MiB, 23 * MiB + 7])('copies %i bytes exactly', async (size) => {
    const copying = await startCopying({ file: { size } });
    const content = contentOf({ size });

    const result = await copyWhole(copying.engine, copying.job({ expectedMd5: md5(content) }));

    expect(result.crc32).toBe(base64Crc(content));
    expect(result.verifiedBy).toEqual(['crc32', 'md5']);
    expect((await copying.object()).body.equals(content)).toBe(true);
    expect(await copying.openUploads()).toBe(0);
  });

  it('makes an empty object of an empty file', async () => {
    const copying = await startCopying({ file: { size: 0 } });

    const result = await copyWhole(copying.engine, copying.job({ expectedSize: 0 }));

    expect(result).toMatchObject({ size: 0, contentType: 'video/mp4', verifiedBy: ['size', 'crc32'] });
    expect((await copying.object()).body.length).toBe(0);
  });

  it('requests no part twice from the source, and makes parts + 3 requests to the bucket', async () => {
    const file = { size: 52 * MiB };
    const copying = await startCopying({ file });

    const result = await copyWhole(copying.engine, copying.job());

    expect(copying.source.bytesSent()).toBe(file.size);
    expect(result.requests).toEqual({ source: 11, bucket: 14 });
    expect(copying.s3.stats().byOperation).toEqual({
      HeadObject: 1,
      CreateMultipartUpload: 1,
      UploadPart: 11,
      CompleteMultipartUpload: 1,
    });
  });

  it('keeps connections from file to file, one for each part in flight', async () => {
    const copying = await startCopying({ file: { size: 30 * MiB }, engine: { maxConcurrency: 3 } });

    for (const key of ['a', 'b', 'c']) await copyWhole(copying.engine, copying.job({ key }));

    expect(copying.source.connections()).toBeLessThanOrEqual(3);
    expect(copying.s3.stats().connections).toBeLessThanOrEqual(3);
  });

  it('sends the URL byte for byte, requests identity encoding and pins later ranges to the first response', async () => {
    const copying = await startCopying({ file: { size: 11 * MiB, etag: '"v1"' } });

    await copyWhole(copying.engine, copying.job());

    const [first, ...later] = copying.source.requests;
    expect(first?.target).toBe('/o/video.mp4?Signature=a%2Fb%&Expires=1773569000');
    expect(first?.headers['accept-encoding']).toBe('identity');
    expect(first?.headers['if-match']).toBeUndefined();
    expect(later.map((request) => request.headers['if-match'])).toEqual(['"v1"', '"v1"']);
  });

  it('stores content type and provenance, made safe for headers', async () => {
    const copying = await startCopying({ file: { size: 100, contentType: null, start: PNG } });
    const metadata = { 'zencoder-job': '1', 'zencoder-label': 'höch 100%', 'zencoder-role': 'thumbnail' };

    await copyWhole(copying.engine, copying.job({ filename: 'frame_0000', metadata }));

    const object = await copying.object();
    expect(object.contentType).toBe('image/png');
    expect(object.metadata).toEqual({
      'zencoder-job': '1',
      'zencoder-label': 'h%C3%B6ch 100%25',
      'zencoder-role': 'thumbnail',
    });
  });

  it('copies many small files side by side over few connections', async () => {
    const copying = await startCopying({
      file: { size: 20_000 },
      engine: { connectionsPerOrigin: 6, bufferBytes: 8 * MiB },
    });
    const keys = Array.from({ length: 60 }, (_, index) => `thumbs/${index}.png`);

    await Promise.all(
      keys.map((key) => copyWhole(copying.engine, copying.job({ key, filename: 'frame.png' }))),
    );

    expect(copying.source.requests.length).toBe(60);
    expect(copying.source.connections()).toBeLessThanOrEqual(6);
    expect(copying.s3.stats().byOperation).toEqual({ PutObject: 60 });
  });

  it('copies a large file of a usually small kind', async () => {
    const file = { size: 12 * MiB };
    const copying = await startCopying({ file });

    await copyWhole(copying.engine, copying.job({ filename: 'playlist.m3u8' }));

    expect((await copying.object()).body.equals(contentOf(file))).toBe(true);
  });

  it('streams parts that are larger than its memory', async () => {
    const file = { size: 33 * MiB + 11 };
    const copying = await startCopying({
      file,
      engine: { bufferBytes: 2 * MiB, partBytes: 8 * MiB, maxConcurrency: 2 },
    });
    const content = contentOf(file);

    const result = await copyWhole(copying.engine, copying.job());

    expect(result.crc32).toBe(base64Crc(content));
    expect((await copying.object()).body.equals(content)).toBe(true);
    const widest = Math.max(
      ...copying.source.requests.map(({ range }) => (range?.to ?? 0) - (range?.from ?? 0)),
    );
    expect(widest).toBeLessThanOrEqual(2 * MiB);
  });

  it.each([1000, 12 * MiB])('copies %i bytes over TLS on both sides', async (size) => {
    const copying = await startCopying({ file: { size }, tls: true });

    await copyWhole(copying.engine, copying.job());

    expect((await copying.object()).body.equals(contentOf({ size }))).toBe(true);
  });

  it('streams large parts over TLS as well', async () => {
    const file = { size: 17 * MiB };
    const engine = { bufferBytes: 2 * MiB, partBytes: 8 * MiB };
    const copying = await startCopying({ file, tls: true, engine });

    await copyWhole(copying.engine, copying.job());

    expect((await copying.object()).body.equals(contentOf(file))).toBe(true);
  });
});

describe('CopyEngine.abandon', () => {
  it('leaves no upload open, and may be called again', async () => {
    const copying = await startCopying({ file: { size: 11 * MiB } });
    const started = await copying.engine.start(copying.job());
    if (started.kind !== 'planned') throw new Error('expected a plan');

    await copying.engine.abandon(started.plan);
    await copying.engine.abandon(started.plan);

    expect(await copying.openUploads()).toBe(0);
  });
});

describe('CopyEngine.find', () => {
  it('returns the object of a job by its identity, and no other at its key', async () => {
    const copying = await startCopying({ file: { size: 9000 } });
    const job = copying.job();
    expect(await copying.engine.find(job)).toBeNull();

    await copyWhole(copying.engine, job);

    expect(await copying.engine.find(job)).toMatchObject({
      kind: 'copied',
      result: { size: 9000, alreadyThere: true, etag: expect.stringMatching(/^".+"$/) },
    });
    const other = { ...job.metadata, 'zencoder-file': 'def' };
    expect(await copying.engine.find({ ...job, metadata: other })).toBeNull();
  });

  it('throws DestinationDenied when the role may not look, since absence is not proven then', async () => {
    const copying = await startCopying({
      file: { size: 9000 },
      s3: {
        faults: ({ operation }) =>
          operation === 'HeadObject' ? accessDenied('s3:GetObject', 'arn') : undefined,
      },
    });

    await expect(copying.engine.find(copying.job())).rejects.toThrow(DestinationDenied);
  });
});
