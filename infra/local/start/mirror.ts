import { createWriteStream } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { dirname, resolve, sep } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { GetObjectCommand, paginateListObjectsV2, type S3Client } from '@aws-sdk/client-s3';

const EVERY_MILLISECONDS = 1000;

/**
 * Copies every object of a bucket into a folder as it appears, so that files can be looked at without an S3 client.
 *
 * @param onFile is told the path of each file, once
 * @returns a function that ends it
 */
export function mirrorBucket(
  s3: S3Client,
  bucket: string,
  folder: string,
  onFile: (path: string) => void,
): () => Promise<void> {
  const stop = new AbortController();
  const seen = new Set<string>();
  const look = async () => {
    for await (const page of paginateListObjectsV2({ client: s3 }, { Bucket: bucket })) {
      for (const { Key } of page.Contents ?? []) {
        if (Key === undefined || seen.has(Key) || stop.signal.aborted) continue;
        seen.add(Key);
        const path = pathInside(folder, Key);
        if (path === undefined) continue;
        await download(s3, bucket, Key, path, stop.signal);
        onFile(path);
      }
    }
  };
  const run = async () => {
    while (!stop.signal.aborted) {
      await look().catch(() => undefined);
      await delay(EVERY_MILLISECONDS, undefined, { signal: stop.signal }).catch(() => undefined);
    }
  };
  const running = run();
  return async () => {
    stop.abort();
    await running;
  };
}

/** Where a key goes in the folder; undefined for keys that would lead out of it, or name no file. */
export function pathInside(folder: string, key: string): string | undefined {
  const root = resolve(folder);
  const path = resolve(root, `.${sep}${key}`);
  return path.startsWith(root + sep) && !key.endsWith('/') ? path : undefined;
}

async function download(
  s3: S3Client,
  bucket: string,
  key: string,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }), { abortSignal: signal });
  await mkdir(dirname(path), { recursive: true });
  if (!(Body instanceof Readable)) return;
  await pipeline(Body, createWriteStream(`${path}.part`), { signal });
  await rename(`${path}.part`, path);
}
