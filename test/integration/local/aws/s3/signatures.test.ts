import { GetObjectCommand, HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { describe, expect, it } from 'vitest';
import { presignV2, presignV4 } from '../../../../../infra/local/aws/s3/presign.ts';
import { BUCKET, failure, KEYS, testS3 } from './fixture.ts';

const at = { Bucket: BUCKET, Key: 'clips/a b+(1).mp4' };
const SECOND = 1000;

const versions = [
  {
    version: 2,
    presign: (method: string, url: string, now?: number) =>
      presignV2({ ...KEYS, method, url, expiresIn: 60, ...at_(now) }),
  },
  {
    version: 4,
    presign: (method: string, url: string, now?: number) =>
      presignV4({ ...KEYS, region: 'us-east-1', method, url, expiresIn: 60, ...at_(now) }),
  },
];

function at_(now: number | undefined) {
  return now === undefined ? {} : { now };
}

describe.each(versions)('a URL presigned in version $version', ({ presign }) => {
  it('reads its object, also in ranges', async () => {
    await using s3 = await testS3();
    await s3.client.send(new PutObjectCommand({ ...at, Body: 'hello world' }));
    const url = presign('GET', s3.url('clips/a%20b+(1).mp4'));
    expect(await (await fetch(url)).text()).toBe('hello world');
    const range = await fetch(url, { headers: { range: 'bytes=0-4' } });
    expect([range.status, await range.text()]).toEqual([206, 'hello']);
  });

  it('is valid for its method and its key only', async () => {
    await using s3 = await testS3();
    await s3.client.send(new PutObjectCommand({ ...at, Body: 'x' }));
    const url = presign('GET', s3.url('clips/a%20b+(1).mp4'));
    expect((await fetch(url, { method: 'HEAD' })).status).toBe(403);
    expect((await fetch(url, { method: 'PUT', body: 'y' })).status).toBe(403);
    const other = await fetch(url.replace('clips', 'films'));
    expect([other.status, await other.text()]).toEqual([
      403,
      expect.stringContaining('SignatureDoesNotMatch'),
    ]);
  });

  it('expires, and the error states when', async () => {
    let now = Date.UTC(2026, 4, 1);
    await using s3 = await testS3({ now: () => now });
    await s3.client.send(new PutObjectCommand({ ...at, Body: 'x' }));
    const url = presign('GET', s3.url('clips/a%20b+(1).mp4'), now);
    now += 60 * SECOND;
    expect((await fetch(url)).status).toBe(200);
    now += 1 * SECOND;
    const late = await fetch(url);
    expect(late.status).toBe(403);
    const xml = await late.text();
    expect(xml).toContain('<Code>AccessDenied</Code><Message>Request has expired</Message>');
    expect(xml).toContain(
      '<Expires>2026-05-01T00:01:00Z</Expires><ServerTime>2026-05-01T00:01:01Z</ServerTime>',
    );
  });

  it('is rejected with an unknown access key', async () => {
    await using s3 = await testS3({ credentials: { another: 'secret' }, buckets: [BUCKET] });
    const response = await fetch(presign('GET', s3.url('x')));
    expect([response.status, await response.text()]).toEqual([
      403,
      expect.stringContaining('InvalidAccessKeyId'),
    ]);
  });
});

describe('a signature', () => {
  it('of the SDK is accepted: header, presigned GET, presigned PUT with its headers', async () => {
    await using s3 = await testS3();
    const plain = s3.makeClient({ requestChecksumCalculation: 'WHEN_REQUIRED' });
    const metadata = { ContentType: 'video/mp4', Metadata: { job: '1' } };
    const url = await getSignedUrl(plain, new PutObjectCommand({ ...at, ...metadata }));
    const put = await fetch(url, { method: 'PUT', body: 'x', headers: { 'content-type': 'video/mp4' } });
    expect(put.status).toBe(200);
    expect(await s3.client.send(new HeadObjectCommand(at))).toMatchObject(metadata);
    const get = await getSignedUrl(s3.client, new GetObjectCommand(at));
    expect(await (await fetch(get)).text()).toBe('x');
  });

  it('is rejected with the wrong secret or an unknown key', async () => {
    await using s3 = await testS3();
    const head = (credentials: typeof KEYS) => s3.makeClient({ credentials }).send(new GetObjectCommand(at));
    await expect(head({ ...KEYS, secretAccessKey: 'wrong' })).rejects.toEqual(
      failure('SignatureDoesNotMatch', 403),
    );
    await expect(head({ ...KEYS, accessKeyId: 'nobody' })).rejects.toEqual(
      failure('InvalidAccessKeyId', 403),
    );
  });

  it('must cover every x-amz- header', async () => {
    await using s3 = await testS3();
    const url = presignV4({ ...KEYS, region: 'us-east-1', method: 'GET', url: s3.url('x'), expiresIn: 60 });
    const response = await fetch(url, { headers: { 'x-amz-meta-extra': '1' } });
    expect(response.status).toBe(403);
    expect(await response.text()).toContain('<HeadersNotSigned>x-amz-meta-extra</HeadersNotSigned>');
  });

  it('is rejected for another region, with the right one in the error', async () => {
    await using s3 = await testS3({ region: 'eu-central-1' });
    const wrong = s3.client.send(new GetObjectCommand(at));
    await expect(wrong).rejects.toEqual(failure('AuthorizationHeaderMalformed', 400));
    await expect(wrong).rejects.toMatchObject({ Region: 'eu-central-1' });
    await s3.makeClient({ region: 'eu-central-1' }).send(new PutObjectCommand({ ...at, Body: 'x' }));
  });

  it('is required, unless the server allows anonymous requests', async () => {
    await using closed = await testS3();
    const refused = await fetch(closed.url('x'));
    expect([refused.status, await refused.text()]).toEqual([403, expect.stringContaining('AccessDenied')]);
    await using open = await testS3({ anonymous: true });
    expect((await fetch(open.url('x'))).status).toBe(404);
  });

  it('of the SDK for a presigned PUT covers the checksum of an empty body by default: any other body is rejected', async () => {
    await using s3 = await testS3();
    const url = await getSignedUrl(s3.client, new PutObjectCommand(at));
    const put = await fetch(url, { method: 'PUT', body: 'x' });
    expect([put.status, await put.text()]).toEqual([400, expect.stringContaining('BadDigest')]);
  });

  it('of any key is accepted when the server has no keys', async () => {
    await using s3 = await testS3({ credentials: undefined });
    const credentials = { accessKeyId: 'anybody', secretAccessKey: 'anything' };
    await s3.makeClient({ credentials }).send(new PutObjectCommand({ ...at, Body: 'x' }));
    const url = presignV2({ ...KEYS, method: 'GET', url: s3.url('clips/a%20b+(1).mp4'), expiresIn: -1 });
    expect((await fetch(url)).status).toBe(403);
  });

  it('is valid with the bucket in the host as well as in the path', async () => {
    await using s3 = await testS3();
    await s3.client.send(new PutObjectCommand({ ...at, Key: 'a.txt', Body: 'virtual' }));
    const host = `${BUCKET}.s3.us-east-1.amazonaws.com`;
    for (const presign of versions.map((version) => version.presign)) {
      const { search } = new URL(presign('GET', `http://${host}/a.txt`));
      expect(await getWithHost(`${s3.server.origin}/a.txt${search}`, host)).toBe('virtual');
    }
  });
});

async function getWithHost(url: string, host: string): Promise<string> {
  const { request } = await import('node:http');
  return new Promise((resolve, reject) => {
    request(url, { headers: { host } }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => {
        text += part;
      });
      response.on('end', () => resolve(text));
    })
      .on('error', reject)
      .end();
  });
}
