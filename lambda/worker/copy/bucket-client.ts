import type { ConnectionOptions } from 'node:tls';
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { SlicedHandler } from './sliced-handler.ts';

export interface BucketClientOptions {
  /** Connections to the bucket at a time; default 32. */
  readonly connections?: number;
  /** Milliseconds without any traffic after which a request fails; default 30,000. */
  readonly silenceMs?: number;
  /** Trust beyond the system's. */
  readonly tls?: Pick<ConnectionOptions, 'ca'>;
  /** Region, endpoint and credentials, where they are not to come from the environment. */
  readonly aws?: Pick<S3ClientConfig, 'region' | 'endpoint' | 'credentials' | 'forcePathStyle'>;
}

/**
 * An S3 client for sending large bodies at the least cost. It departs from the SDK's defaults in five ways:
 *
 * - bodies are written in slices over kept connections (see `SlicedHandler`);
 * - no `Expect: 100-continue`, which the SDK would send on a new TLS connection for every part;
 * - over https bodies are not hashed for the signature: TLS and the checksum header protect them;
 * - checksums are ours (CRC32), never made up by the SDK;
 * - no attempts of its own: the engine decides what is tried again, with the time that is left.
 */
export function createBucketClient(options: BucketClientOptions = {}): S3Client {
  const client = new S3Client({
    ...options.aws,
    requestHandler: new SlicedHandler({
      connections: options.connections ?? 32,
      silenceMs: options.silenceMs ?? 30_000,
      ...(options.tls === undefined ? {} : { tls: options.tls }),
    }),
    expectContinueHeader: false,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    maxAttempts: 1,
  });
  client.middlewareStack.add(
    (next) => (args) => {
      if (isUnhashedRequest(args.request)) args.request.headers['x-amz-content-sha256'] = 'UNSIGNED-PAYLOAD';
      return next(args);
    },
    { step: 'build', name: 'unsignedPayload' },
  );
  return client;
}

function isUnhashedRequest(request: unknown): request is { headers: Record<string, string> } {
  return (
    typeof request === 'object' &&
    request !== null &&
    'headers' in request &&
    'protocol' in request &&
    request.protocol === 'https:' &&
    'body' in request &&
    request.body instanceof Uint8Array
  );
}
