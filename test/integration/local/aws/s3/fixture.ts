import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { expect } from 'vitest';
import { type S3Options, type S3Server, startS3 } from '../../../../../infra/local/aws/s3/server.ts';

export const BUCKET = 'videos';
export const KEYS = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' };

/** A server of one test with a directory of its own; everything is gone when it is disposed of. */
export interface TestS3 extends AsyncDisposable {
  readonly server: S3Server;
  readonly dir: string;
  /** A client that signs with {@link KEYS} and tries once. */
  readonly client: S3Client;
  makeClient(config?: S3ClientConfig): S3Client;
  /** The URL of an object, path style. */
  url(key: string): string;
  /** Files that hold bytes of objects and parts, finished or not. */
  bodyFiles(): Promise<string[]>;
}

/** @param options beyond the defaults: known {@link KEYS}, one {@link BUCKET}, a new directory */
export async function testS3(options: Partial<S3Options> = {}): Promise<TestS3> {
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 's3-test-')));
  const credentials = { [KEYS.accessKeyId]: KEYS.secretAccessKey };
  const server = await startS3({ dir, credentials, buckets: [BUCKET], ...options });
  const clients: S3Client[] = [];
  const makeClient = (config: S3ClientConfig = {}) => {
    const client = new S3Client({
      endpoint: server.origin,
      region: 'us-east-1',
      credentials: KEYS,
      maxAttempts: 1,
      ...config,
    });
    clients.push(client);
    return client;
  };
  return {
    server,
    dir,
    client: makeClient(),
    makeClient,
    url: (key) => `${server.origin}/${BUCKET}/${key}`,
    bodyFiles: () => readdir(join(dir, 'bodies')),
    [Symbol.asyncDispose]: async () => {
      for (const client of clients) client.destroy();
      await server.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** What an error of the SDK says that code may go by. */
export function failure(code: string, status: number) {
  return expect.objectContaining({
    name: code,
    $metadata: expect.objectContaining({ httpStatusCode: status }),
  });
}
