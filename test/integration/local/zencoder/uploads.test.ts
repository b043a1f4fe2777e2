import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type S3Server, startS3 } from '../../../../infra/local/aws/s3/server.ts';
import { type Destination, startDestination } from '../../../../infra/local/zencoder/destination.ts';
import { readSource } from '../../../../infra/local/zencoder/source.ts';
import {
  type PrimaryOptions,
  UnsupportedDestination,
  uploadToPrimary,
} from '../../../../infra/local/zencoder/uploads.ts';
import { type FtpServer, startFtpServer } from './ftp-server.ts';

const CLIP = new URL('../../../fixtures/media/clip.mp4', import.meta.url);
let destination: Destination;
let options: PrimaryOptions;
let closedPort: number;
let directory: string;
let s3: S3Server;
let ftp: FtpServer;

beforeAll(async () => {
  destination = await startDestination((path) => {
    if (path.includes('denied')) return 'denies';
    if (path.includes('broken')) return 'breaks';
    return path.includes('slow') ? 'hangs' : 'takes';
  });
  options = {
    timeout: 2000,
    now: Date.now,
    s3: { origin: destination.origin, accessKeyId: 'zencoder', secretAccessKey: 'secret' },
  };
  closedPort = await portThatNobodyListensOn();
  directory = await mkdtemp(join(tmpdir(), 'primary-test-'));
  s3 = await startS3({ dir: directory, buckets: ['acme'], credentials: { known: 'secret' } });
  ftp = await startFtpServer('n0t-real');
});

afterAll(async () => {
  await Promise.all([destination.close(), s3.close(), ftp.close()]);
  await rm(directory, { recursive: true, force: true });
});

test('uploadToPrimary uploads a whole file', async () => {
  const file = await readSource(CLIP);

  const url = await uploadToPrimary(`${destination.origin}/shows/clip.mp4`, file, options);

  expect(url).toBe(`${destination.origin}/shows/clip.mp4`);
  expect(destination.files.get('/shows/clip.mp4')).toBe(file.sha256);
});

test('uploadToPrimary returns the virtual-hosted address of a file on S3, as in recorded notifications', async () => {
  const file = await readSource(CLIP);

  const url = await uploadToPrimary('s3://acme-video-out/shows/clip.mp4', file, options);

  expect(url).toBe('http://acme-video-out.s3.amazonaws.com/shows/clip.mp4');
  expect(destination.files.get('/acme-video-out/shows/clip.mp4')).toBe(file.sha256);
});

describe('uploadToPrimary throws the error class of Zencoder', () => {
  test.each([
    ['ftp://media.acme.invalid/a.mp4', 'UnableToResolveHostError', 'ftp://media.acme.invalid'],
    ['http://media.acme.invalid/a.mp4', 'UnableToResolveHostError', 'http://media.acme.invalid'],
    ['ftp://127.0.0.1:CLOSED/a.mp4', 'UploadServerNotFoundError', 'ftp://127.0.0.1:CLOSED'],
    ['http://127.0.0.1:CLOSED/a.mp4', 'UploadServerNotFoundError', 'http://127.0.0.1:CLOSED'],
    ['ORIGIN/denied/a.mp4', 'UploadAccessDeniedError', 'ORIGIN/denied/a.mp4'],
    ['ORIGIN/broken/a.mp4', 'UploadFailureError', 'returned 503'],
    ['ORIGIN/slow/a.mp4', 'UploadTimeoutError', 'took too long to respond'],
    ['s3://acme-denied/a.mp4', 'UploadAccessDeniedError', 's3://acme-denied/a.mp4'],
    ['s3://acme-broken/a.mp4', 'UploadFailureError', 'returned 503 SlowDown'],
  ])('for %s: %s', async (url, errorClass, message) => {
    const upload = uploadToPrimary(real(url), await readSource(CLIP), options);

    await expect(upload).rejects.toMatchObject({
      errorClass,
      message: expect.stringContaining(real(message)),
      link: `https://app.zencoder.com/docs/errors/${errorClass}`,
    });
  });

  test('for an FTP server that rejects the login', async () => {
    const upload = uploadToPrimary(`ftp://render:wrong@127.0.0.1:${ftp.port}/a.mp4`, await readSource(CLIP), {
      ...options,
      timeout: 5000,
    });

    await expect(upload).rejects.toMatchObject({ errorClass: 'InvalidUsernameOrPasswordError' });
  });

  test.each([
    ['a bucket that does not exist', { bucket: 'acme-thumbz', key: 'known' }, 'S3BucketNotFoundError'],
    ['an access key that S3 does not know', { bucket: 'acme', key: 'other' }, 'InvalidAccessKeyIdError'],
  ])('for %s', async (_, { bucket, key }, errorClass) => {
    const account = { origin: s3.origin, accessKeyId: key, secretAccessKey: 'secret' };

    const upload = uploadToPrimary(`s3://${bucket}/a.mp4`, await readSource(CLIP), {
      ...options,
      timeout: 5000,
      s3: account,
    });

    await expect(upload).rejects.toMatchObject({ errorClass });
  });
});

test('uploadToPrimary uploads a whole file over FTP and creates its folders', async () => {
  const file = await readSource(CLIP);
  const url = `ftp://render:n0t-real@127.0.0.1:${ftp.port}/shows/ep-1/clip.mp4`;

  await expect(uploadToPrimary(url, file, { ...options, timeout: 5000 })).resolves.toBe(url);

  const stored = ftp.files.get('/shows/ep-1/clip.mp4');
  expect(stored?.equals(await readFile(CLIP))).toBe(true);
});

test('uploadToPrimary throws UnsupportedDestination, not a failed upload, for a destination that it cannot simulate', async () => {
  const upload = uploadToPrimary('gopher://acme.invalid/a.mp4', await readSource(CLIP), options);

  await expect(upload).rejects.toThrow(UnsupportedDestination);
});

function real(text: string): string {
  return text.replace('ORIGIN', destination.origin).replace('CLOSED', String(closedPort));
}

async function portThatNobodyListensOn(): Promise<number> {
  const server = createServer();
  const port = await listen(server);
  await close(server);
  return port;
}

async function listen(server: ReturnType<typeof createServer>): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', resolve);
  await promise;
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

async function close(server: ReturnType<typeof createServer>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  await promise;
}
