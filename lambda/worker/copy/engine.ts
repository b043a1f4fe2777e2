import type { ConnectionOptions } from 'node:tls';
import type { S3Client } from '@aws-sdk/client-s3';
import { BufferPool } from './buffers.ts';
import { completeUpload } from './completion.ts';
import { UploadNotFound } from './errors.ts';
import { copiedBefore, findExistingCopy } from './existing-copy.ts';
import { isSameCopy } from './object-headers.ts';
import { bytesOf, concurrencyFor, DEFAULT_PART_BYTES, type UploadLimits } from './plan.ts';
import { DEFAULT_RETRY_POLICY, type RetryPolicy } from './retry.ts';
import { copySegment } from './segment.ts';
import { CopySession, type SessionResources } from './session.ts';
import { HttpSource, type RangeSource } from './source.ts';
import type { StallLimits } from './stall-watch.ts';
import { type LayoutOptions, startCopy } from './start.ts';
import type { CopyEngine } from './types.ts';
import { KnownUploads } from './upload-state.ts';

export interface CopyEngineOptions {
  /** See `createBucketClient`. */
  readonly client: S3Client;
  readonly bucket: string;
  /** Bytes of memory for parts in flight; at least one usual part. */
  readonly bufferBytes: number;
  /** Bytes that one invocation is to copy of a large file. */
  readonly segmentBytes: number;
  /** Files up to this size are one PutObject; larger ones have parts of at least this size. */
  readonly partBytes?: number;
  /** Parts in flight at most, where memory allows. */
  readonly maxConcurrency?: number;
  /** Connections to one source at a time. */
  readonly connectionsPerOrigin?: number;
  readonly stall?: StallLimits;
  readonly retry?: RetryPolicy;
  readonly limits?: UploadLimits;
  /** Trust for sources beyond the system's. */
  readonly tls?: Pick<ConnectionOptions, 'ca'>;
  /** Reads ranges of files. @default over HTTP */
  readonly source?: RangeSource;
  /** Epoch milliseconds. */
  readonly clock?: () => number;
  /** A number from 0 to 1. */
  readonly random?: () => number;
}

/**
 * Makes an engine; one serves a process. See `CopyEngine` for what it promises.
 *
 * @example
 * const engine = createCopyEngine({ client, bucket: 'acme-video', bufferBytes: 128 * MiB, segmentBytes: 20 * GiB });
 * const started = await engine.start(job, { stopAt });
 * if (started.kind === 'planned') {
 *   const segment = await engine.copySegment(job, started.plan, 0, { stopAt });
 *   if (segment.kind === 'done') await engine.complete(job, started.plan, { stopAt });
 * }
 */
export function createCopyEngine(options: CopyEngineOptions): CopyEngine {
  const resources = resourcesOf(options);
  const layout = layoutOf(options, resources.pool.maxBytes);
  const uploads = new KnownUploads();
  const pace = { msPerByte: 0 };

  return {
    start: async (job, { stopAt } = {}) => {
      const session = new CopySession(resources, stopAt);
      return await session.run(() => startCopy(session, job, layout, uploads));
    },

    copySegment: async (job, plan, segment, { stopAt, onProgress } = {}) => {
      const upload = uploads.of(plan);
      const task = { job, plan, segment, ...(onProgress !== undefined && { onProgress }) };
      const concurrency = concurrencyFor(plan.partBytes, layout.bufferBytes, layout.maxConcurrency);
      try {
        const session = new CopySession(resources, stopAt, upload.requests);
        return await copySegment(session, task, upload, { concurrency, pace });
      } catch (error) {
        if (!(error instanceof UploadNotFound)) throw error;
        // Another process may have completed it: then nothing is left to do for this segment.
        const session = new CopySession(resources, stopAt, upload.requests);
        const bytes = { size: plan.size, crc32: null };
        const found = await session.run(() => findExistingCopy(session, job, bytes));
        if (found !== null && 'kind' in found) return { ...found, bytesDone: 0 };
        uploads.forget(plan);
        if (found === null) throw error;
        return { kind: 'done', bytesDone: bytesOf(plan, segment) };
      }
    },

    complete: async (job, plan, { stopAt } = {}) => {
      const session = new CopySession(resources, stopAt, uploads.of(plan).requests);
      return await session.run(() => completeUpload(session, job, plan, uploads));
    },

    abandon: async (plan) => {
      uploads.forget(plan);
      await new CopySession(resources).bucket.abort(plan);
    },

    find: async (job) => {
      const { bucket, requests } = new CopySession(resources);
      const found = await bucket.head(job.key);
      if (found === null || !isSameCopy(found.metadata, job.metadata)) return null;
      return copiedBefore(job, found, requests);
    },

    close: () => resources.source.close(),
  };
}

function resourcesOf(options: CopyEngineOptions): SessionResources {
  const { client, bucket, connectionsPerOrigin = 32, stall, tls } = options;
  return {
    client,
    bucket,
    source:
      options.source ??
      new HttpSource({
        connections: connectionsPerOrigin,
        ...(stall !== undefined && { stall }),
        ...(tls !== undefined && { tls }),
      }),
    pool: new BufferPool(options.bufferBytes),
    retry: options.retry ?? DEFAULT_RETRY_POLICY,
    clock: options.clock ?? Date.now,
    random: options.random ?? Math.random,
  };
}

function layoutOf(options: CopyEngineOptions, bufferBytes: number): LayoutOptions {
  const { segmentBytes, partBytes, limits, maxConcurrency = 12 } = options;
  return {
    segmentBytes,
    usualPartBytes: Math.min(partBytes ?? DEFAULT_PART_BYTES, bufferBytes),
    bufferBytes,
    maxConcurrency,
    ...(partBytes !== undefined && { partBytes }),
    ...(limits !== undefined && { limits }),
  };
}
