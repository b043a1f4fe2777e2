import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Destination, startDestination } from '../../../../infra/local/zencoder/destination.ts';
import {
  type PrimaryOptions,
  UnsupportedDestination,
  uploadToPrimary,
} from '../../../../infra/local/zencoder/primary-upload.ts';
import { readSource } from '../../../../infra/local/zencoder/source.ts';

const CLIP = new URL('../../../fixtures/media/clip.mp4', import.meta.url);
let destination: Destination;
let options: PrimaryOptions;
let closedPort: number;

beforeAll(async () => {
  destination = await startDestination((path) => {
    if (path.includes('denied')) return 'denies';
    if (path.includes('broken')) return 'breaks';
    return path.includes('slow') ? 'hangs' : 'takes';
  });
  options = {
    timeout: 100,
    now: Date.now,
    s3: { origin: destination.origin, accessKeyId: 'zencoder', secretAccessKey: 'secret' },
  };
  closedPort = await portThatNobodyListensOn();
});

afterAll(() => destination.close());

test('an upload that succeeds arrives whole', async () => {
  const file = await readSource(CLIP);

  const url = await uploadToPrimary(`${destination.origin}/shows/clip.mp4`, file, options);

  expect(url).toBe(`${destination.origin}/shows/clip.mp4`);
  expect(destination.files.get('/shows/clip.mp4')).toBe(file.sha256);
});

test('a file on S3 is named by its plain virtual-hosted address, as in recorded notifications', async () => {
  const file = await readSource(CLIP);

  const url = await uploadToPrimary('s3://acme-video-out/shows/clip.mp4', file, options);

  expect(url).toBe('http://acme-video-out.s3.amazonaws.com/shows/clip.mp4');
  expect(destination.files.get('/acme-video-out/shows/clip.mp4')).toBe(file.sha256);
});

describe('what really goes wrong becomes the class that Zencoder has for it', () => {
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
  ])('%s is %s', async (url, errorClass, message) => {
    const upload = uploadToPrimary(real(url), await readSource(CLIP), options);

    await expect(upload).rejects.toMatchObject({
      errorClass,
      message: expect.stringContaining(real(message)),
      link: `https://app.zencoder.com/docs/errors/${errorClass}`,
    });
  });

  test('an FTP server that refuses the login', async () => {
    const ftp = await ftpServerThatRefusesLogins();

    const upload = uploadToPrimary(
      `ftp://render:n0t-real@127.0.0.1:${ftp.port}/a.mp4`,
      await readSource(CLIP),
      {
        ...options,
        timeout: 5000,
      },
    );

    await expect(upload).rejects.toMatchObject({ errorClass: 'InvalidUsernameOrPasswordError' });
    await ftp.close();
  });
});

test('a destination that the stand-in cannot play is a mistake of the test, not a failed upload', async () => {
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

async function ftpServerThatRefusesLogins() {
  const server = createServer((socket) => {
    socket.write('220 ready\r\n');
    socket.on('data', (data) =>
      socket.write(data.toString().startsWith('USER') ? '331 go on\r\n' : '530 no\r\n'),
    );
    socket.on('error', () => undefined);
  });
  const port = await listen(server);
  return { port, close: () => close(server) };
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
