import type { ConnectionOptions } from 'node:tls';
import type { S3Client } from '@aws-sdk/client-s3';
import { Bucket } from './bucket.ts';
import { BufferPool } from './buffers.ts';
import { completeUpload, copiedBefore, findExistingCopy } from './completion.ts';
import { UploadNotFound } from './errors.ts';
import { isSameCopy } from './object-headers.ts';
import { DEFAULT_PART_BYTES, type UploadLimits } from './plan.ts';
import { Attempts, DEFAULT_RETRY_POLICY, type EngineTools, type RetryPolicy } from './retry.ts';
import { copySegment } from './segment.ts';
import { HttpSource, type RangeSource } from './source.ts';
import type { StallLimits } from './source-connection.ts';
import { startCopy } from './start.ts';
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

/** Makes an engine; one serves a process. See `CopyEngine` for what it promises. */
export function createCopyEngine(options: CopyEngineOptions): CopyEngine {
  const tools: EngineTools = {
    source:
      options.source ??
      new HttpSource({
        connections: options.connectionsPerOrigin ?? 32,
        ...(options.stall === undefined ? {} : { stall: options.stall }),
        ...(options.tls === undefined ? {} : { tls: options.tls }),
      }),
    bucket: new Bucket(options.client, options.bucket),
    pool: new BufferPool(options.bufferBytes),
    uploads: new KnownUploads(),
    retry: options.retry ?? DEFAULT_RETRY_POLICY,
    maxConcurrency: options.maxConcurrency ?? 12,
    pace: { msPerByte: 0 },
    clock: options.clock ?? Date.now,
    random: options.random ?? Math.random,
  };
  const layout = {
    segmentBytes: options.segmentBytes,
    usualPartBytes: Math.min(options.partBytes ?? DEFAULT_PART_BYTES, tools.pool.maxBytes),
    ...(options.partBytes === undefined ? {} : { partBytes: options.partBytes }),
    ...(options.limits === undefined ? {} : { limits: options.limits }),
  };
  const unattended = () => new Attempts(tools, { source: 0, bucket: 0 }, undefined);

  return {
    start: (job) => startCopy(tools, layout, job),

    async copySegment(job, plan, segment, segmentOptions = {}) {
      try {
        return await copySegment(tools, job, plan, segment, segmentOptions);
      } catch (error) {
        if (!(error instanceof UploadNotFound)) throw error;
        // Someone else may have completed it: then there is nothing left to do for this segment.
        const { requests } = tools.uploads.of(plan);
        const found = await findExistingCopy(
          tools,
          job,
          plan.size,
          new Attempts(tools, requests, job.signal),
        );
        tools.uploads.forget(plan);
        if (found === null) throw error;
        const from = segment * plan.segmentParts * plan.partBytes;
        return { kind: 'done', bytesDone: Math.min(plan.size - from, plan.segmentParts * plan.partBytes) };
      }
    },

    complete: (job, plan) => completeUpload(tools, job, plan),

    async abandon(plan) {
      tools.uploads.forget(plan);
      const attempts = unattended();
      await attempts.again(() => tools.bucket.abort(plan, attempts.context));
    },

    async find(job) {
      const attempts = unattended();
      const found = await attempts.again(() => tools.bucket.head(job.key, attempts.context));
      if (found === null || !isSameCopy(found.metadata, job.metadata)) return null;
      return copiedBefore(job, found, { source: 0, bucket: 1 });
    },

    close: () => tools.source.close(),
  };
}
