import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type S3Server, startS3 } from '../../../../infra/local/aws/s3/server.ts';
import { mirrorBucket } from '../../../../infra/local/start/mirror.ts';

const BUCKET = 'recovered-files';

let dir: string;
let s3: S3Server;
let client: S3Client;
let stop: () => Promise<void>;
let mirrored: Map<string, { readonly path: string; readonly isShortened: boolean }>;
let notMirrored: Map<string, string>;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'mirror-'));
  s3 = await startS3({ dir: join(dir, 's3') });
  client = new S3Client({
    endpoint: s3.origin,
    forcePathStyle: true,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  });
  await client.send(new CreateBucketCommand({ Bucket: BUCKET }));
  mirrored = new Map();
  notMirrored = new Map();
});

afterEach(async () => {
  await stop();
  client.destroy();
  await s3.close();
  await rm(dir, { recursive: true, force: true });
});

async function mirror(...keys: string[]): Promise<void> {
  for (const key of keys) await client.send(new PutObjectCommand({ Bucket: BUCKET, Key: key, Body: key }));
  stop = mirrorBucket(client, BUCKET, join(dir, 'out'), {
    mirrored: (path, key, isShortened) => void mirrored.set(key, { path, isShortened }),
    notMirrored: (key, reason) => void notMirrored.set(key, reason),
  });
  await vi.waitFor(() => expect(mirrored.size + notMirrored.size).toBe(keys.length), 20_000);
}

describe('the mirror of a bucket', () => {
  it('stores a file with a too long name under a shorter one, and reports it', async () => {
    const long = `1/${'a'.repeat(400)}.mp4`;
    await mirror(long, '1/short.mp4');
    expect(mirrored.get('1/short.mp4')).toMatchObject({ isShortened: false });
    const { path = '', isShortened } = mirrored.get(long) ?? {};
    expect(isShortened).toBe(true);
    expect(await readFile(path, 'utf8')).toBe(long);
  });

  it('reports a file that it cannot store, and continues', async () => {
    await mirror('a', 'a/b.mp4', 'folder/', 'z.mp4');
    expect([...mirrored.keys()]).toEqual(['a', 'z.mp4']);
    expect([...notMirrored.keys()]).toEqual(['a/b.mp4', 'folder/']);
  });
});
