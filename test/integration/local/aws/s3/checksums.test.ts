import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { GetObjectCommand, HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { describe, expect, it } from 'vitest';
import { CHECKSUM_ALGORITHMS } from '../../../../../infra/local/aws/s3/checksums.ts';
import { amzDate, signV4 } from '../../../../../infra/local/aws/s3/signatures.ts';
import { BUCKET, failure, KEYS, testS3 } from './fixture.ts';

const at = { Bucket: BUCKET, Key: 'clip.mp4' };

describe('a stated checksum', () => {
  it('is verified and stored, for every algorithm of S3', async () => {
    await using s3 = await testS3();
    for (const algorithm of CHECKSUM_ALGORITHMS) {
      const Key = algorithm;
      const put = await s3.client.send(
        new PutObjectCommand({ ...at, Key, Body: 'abc', ChecksumAlgorithm: algorithm }),
      );
      const head = await s3.client.send(new HeadObjectCommand({ ...at, Key, ChecksumMode: 'ENABLED' }));
      expect(put[`Checksum${algorithm}`], algorithm).toBeDefined();
      expect(head[`Checksum${algorithm}`]).toBe(put[`Checksum${algorithm}`]);
      expect(head.ChecksumType).toBe('FULL_OBJECT');
    }
  });

  it('is returned only on request', async () => {
    await using s3 = await testS3();
    await s3.client.send(new PutObjectCommand({ ...at, Body: 'abc' }));
    expect((await s3.client.send(new HeadObjectCommand(at))).ChecksumCRC32).toBeUndefined();
  });

  it.each([
    ['CRC32', { ChecksumCRC32: 'AAAAAA==' }, 'BadDigest'],
    ['CRC64NVME', { ChecksumCRC64NVME: 'AAAAAAAAAAA=' }, 'BadDigest'],
    ['SHA256', { ChecksumSHA256: createHash('sha256').update('z').digest('base64') }, 'BadDigest'],
    ['Content-MD5', { ContentMD5: createHash('md5').update('z').digest('base64') }, 'BadDigest'],
    ['CRC32 of the wrong length', { ChecksumCRC32: 'AAAA' }, 'InvalidRequest'],
    ['Content-MD5 that is none', { ContentMD5: 'nonsense' }, 'InvalidDigest'],
  ])('is rejected when it does not match: %s', async (_, stated, code) => {
    await using s3 = await testS3();
    await expect(s3.client.send(new PutObjectCommand({ ...at, Body: 'abc', ...stated }))).rejects.toEqual(
      failure(code, 400),
    );
    expect(await s3.bodyFiles()).toHaveLength(0);
    await expect(s3.client.send(new HeadObjectCommand(at))).rejects.toEqual(failure('NotFound', 404));
  });

  it('may be a trailer of a chunked body, whose framing is not stored', async () => {
    await using s3 = await testS3();
    const body = randomBytes(300_000);
    const pieces = [body.subarray(0, 100_000), body.subarray(100_000)];
    const put = new PutObjectCommand({ ...at, Body: Readable.from(pieces), ContentLength: body.length });
    const { ChecksumCRC32 } = await s3.client.send(put);
    const get = await s3.client.send(new GetObjectCommand({ ...at, ChecksumMode: 'ENABLED' }));
    expect(get).toMatchObject({ ChecksumCRC32, ContentLength: body.length });
    expect(get.ContentEncoding).toBeUndefined();
    expect(Buffer.from((await get.Body?.transformToByteArray()) ?? []).equals(body)).toBe(true);
  });

  it('is rejected in a trailer when it does not match', async () => {
    await using s3 = await testS3({ anonymous: true });
    const send = (trailer: string) =>
      fetch(s3.url('t'), {
        method: 'PUT',
        headers: {
          'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
          'x-amz-decoded-content-length': '3',
          'x-amz-trailer': 'x-amz-checksum-crc32',
          'content-encoding': 'aws-chunked',
        },
        body: `3\r\nabc\r\n0\r\n${trailer}\r\n`,
      });
    expect((await send('x-amz-checksum-crc32:NSRBwg==\r\n')).status).toBe(200);
    expect(await (await send('x-amz-checksum-crc32:AAAAAA==\r\n')).text()).toContain(
      '<Code>BadDigest</Code>',
    );
    expect(await (await send('')).text()).toContain('<Code>InvalidRequest</Code>');
    expect(await s3.bodyFiles()).toHaveLength(1);
  });

  it('rejects other bytes under the signature of a body', async () => {
    await using s3 = await testS3();
    const payloadHash = createHash('sha256').update('abc').digest('hex');
    const date = amzDate(Date.now());
    const scope = `${date.slice(0, 8)}/us-east-1/s3/aws4_request`;
    const { host, pathname: path } = new URL(s3.url('t'));
    const headers = { host, 'x-amz-content-sha256': payloadHash, 'x-amz-date': date };
    const signed = {
      method: 'PUT',
      path,
      query: [],
      headers: new Map(Object.entries(headers)),
      payloadHash,
      date,
      scope,
    };
    const { signature } = signV4(signed, KEYS.secretAccessKey);
    const authorization = `AWS4-HMAC-SHA256 Credential=${KEYS.accessKeyId}/${scope}, SignedHeaders=${Object.keys(headers).join(';')}, Signature=${signature}`;
    const put = (body: string) =>
      fetch(s3.url('t'), { method: 'PUT', body, headers: { ...headers, authorization } });
    expect((await put('abc')).status).toBe(200);
    const other = await put('abd');
    expect([other.status, await other.text()]).toEqual([
      400,
      expect.stringContaining('XAmzContentSHA256Mismatch'),
    ]);
  });

  it('includes the length: a truncated body is not stored', async () => {
    await using s3 = await testS3({ anonymous: true });
    const response = await fetch(s3.url('t'), {
      method: 'PUT',
      headers: {
        'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
        'x-amz-decoded-content-length': '4',
      },
      body: '3\r\nabc\r\n0\r\n\r\n',
    });
    expect(await response.text()).toContain('<Code>IncompleteBody</Code>');
    const endless = new Blob(['of unknown length']).stream();
    const unknown = await fetch(s3.url('t'), { method: 'PUT', body: endless, duplex: 'half' });
    expect(unknown.status).toBe(411);
  });
});
