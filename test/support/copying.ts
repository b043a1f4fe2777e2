import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { onTestFinished } from 'vitest';
import { type S3Options, type S3Server, startS3 } from '../../infra/local/aws/s3/server.ts';
import { type CopyEngineOptions, createCopyEngine } from '../../lambda/worker/copy/engine.ts';
import type { StoredHeaders } from '../../lambda/worker/copy/object-headers.ts';
import { MiB } from '../../lambda/worker/copy/plan.ts';
import { createBucketClient } from '../../lambda/worker/copy/s3-client.ts';
import type { CopyEngine, CopyJob } from '../../lambda/worker/copy/types.ts';
import { type SourceFile, type SourceOptions, type SourceServer, startSource } from './source-server.ts';

/** Everything that a test of the copy engine needs, on real sockets; all of it ends with the test. */
export interface Copying {
  readonly source: SourceServer;
  readonly s3: S3Server;
  readonly client: S3Client;
  readonly engine: CopyEngine;
  /** Another engine on the same bucket, as another process would have it. */
  anotherEngine(options?: Partial<CopyEngineOptions>): CopyEngine;
  /** A job for the source's file. */
  job(given?: Partial<CopyJob>): CopyJob;
  /** The object at the job's key. */
  object(key?: string): Promise<{
    body: Buffer;
    contentType: string | undefined;
    metadata: Record<string, string>;
    stored: StoredHeaders;
  }>;
  exists(key?: string): Promise<boolean>;
  /** Multipart uploads that are neither completed nor aborted. */
  openUploads(): Promise<number>;
}

export const BUCKET = 'acme-video';
export const KEY = 'recovered/video.mp4';
const PART = 5 * MiB;

export const TEST_TLS = {
  key: readFileSync(new URL('../fixtures/tls/key.pem', import.meta.url)),
  cert: readFileSync(new URL('../fixtures/tls/cert.pem', import.meta.url)),
};

/** Engines of tests wait hardly at all between attempts; they take nothing for a stall that a busy machine may do. */
export const IMPATIENT: Pick<CopyEngineOptions, 'retry' | 'stall' | 'random'> = {
  retry: { attempts: 3, firstMs: 1, maxMs: 50 },
  stall: { silenceMs: 8000, windowMs: 8000, minBytesPerSecond: 100 },
  random: () => 0.5,
};

/** For tests that are about stalls. */
export const SOON_STALLED: Pick<CopyEngineOptions, 'stall'> = {
  stall: { silenceMs: 300, windowMs: 400, minBytesPerSecond: 20_000 },
};

export interface CopyingOptions {
  readonly file: SourceFile;
  readonly fault?: SourceOptions['fault'];
  readonly s3?: Partial<S3Options>;
  readonly engine?: Partial<CopyEngineOptions>;
  /** HTTPS on both sides, with a certificate that engine and client trust. */
  readonly tls?: boolean;
  /** Milliseconds after which the bucket's client closes a silent connection. */
  readonly clientSilenceMs?: number;
}

export async function startCopying(options: CopyingOptions): Promise<Copying> {
  const dir = mkdtempSync(join(tmpdir(), 'copying-'));
  const source = await startSource({
    file: options.file,
    ...(options.fault === undefined ? {} : { fault: options.fault }),
    ...(options.tls === true ? { tls: TEST_TLS } : {}),
  });
  const s3 = await startS3({
    dir,
    buckets: [BUCKET],
    etags: 'opaque',
    partChecksums: 'always',
    credentials: { test: 'test' },
    ...(options.tls === true ? { tls: TEST_TLS } : {}),
    ...options.s3,
  });
  const trust = options.tls === true ? { tls: { ca: TEST_TLS.cert } } : {};
  const client = createBucketClient({
    silenceMs: options.clientSilenceMs ?? 8000,
    ...trust,
    aws: {
      region: 'us-east-1',
      endpoint: s3.origin,
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    },
  });
  const engines: CopyEngine[] = [];
  const anotherEngine = (given: Partial<CopyEngineOptions> = {}) => {
    const engine = createCopyEngine({
      client,
      bucket: BUCKET,
      bufferBytes: 8 * PART,
      segmentBytes: 1000 * PART,
      partBytes: PART,
      ...IMPATIENT,
      ...trust,
      ...options.engine,
      ...given,
    });
    engines.push(engine);
    return engine;
  };
  onTestFinished(async () => {
    for (const engine of engines) engine.close();
    client.destroy();
    await source.close();
    await s3.close();
    rmSync(dir, { recursive: true, force: true });
  });
  const exists = async (key = KEY) => {
    try {
      await client.send(new HeadObjectCommand({ Bucket: BUCKET, Key: key }));
      return true;
    } catch {
      return false;
    }
  };
  return {
    source,
    s3,
    client,
    engine: anotherEngine(),
    anotherEngine,
    job: (given = {}) => ({
      url: `${source.origin}/o/video.mp4?Signature=a%2Fb%&Expires=1773569000`,
      key: KEY,
      filename: 'video.mp4',
      metadata: {
        'zencoder-job': '1',
        'zencoder-output': '2',
        'zencoder-role': 'media',
        'zencoder-file': 'abc',
      },
      expectedSize: null,
      expectedMd5: null,
      ...given,
    }),
    object: async (key = KEY) => {
      const output = await client.send(new GetObjectCommand({ Bucket: BUCKET, Key: key }));
      const body = Buffer.from((await output.Body?.transformToByteArray()) ?? []);
      const stored = {
        ...(output.ContentEncoding !== undefined && { contentEncoding: output.ContentEncoding }),
        ...(output.ContentLanguage !== undefined && { contentLanguage: output.ContentLanguage }),
        ...(output.ContentDisposition !== undefined && { contentDisposition: output.ContentDisposition }),
        ...(output.CacheControl !== undefined && { cacheControl: output.CacheControl }),
      };
      return { body, contentType: output.ContentType, metadata: output.Metadata ?? {}, stored };
    },
    exists,
    openUploads: async () => {
      const page = await client.send(new ListMultipartUploadsCommand({ Bucket: BUCKET }));
      return page.Uploads?.length ?? 0;
    },
  };
}

/** Start to finish, as a caller with time enough does it. */
export async function copyWhole(engine: CopyEngine, job: CopyJob) {
  const started = await engine.start(job);
  if (started.kind === 'copied') return started.result;
  if (started.kind === 'out-of-time') throw new Error('the time was up');
  for (let segment = 0; segment < started.plan.segments; segment++) {
    await engine.copySegment(job, started.plan, segment);
  }
  const completed = await engine.complete(job, started.plan);
  if (completed.kind !== 'copied') throw new Error(`the copy is ${completed.kind}`);
  return completed.result;
}
