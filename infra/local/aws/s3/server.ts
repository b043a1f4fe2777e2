import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Gate } from '../iam/access.ts';
import { listen } from '../listen.ts';
import type { FaultHook } from './faults.ts';
import { Handler, type S3Stats } from './handler.ts';
import type { DefaultRetention } from './service.ts';
import { Store } from './store.ts';

export interface S3Options {
  /** Where everything is kept; made when absent. What is in it from before is served again. */
  readonly dir: string;
  /** @default a free one */
  readonly port?: number;
  /** @default '127.0.0.1' */
  readonly host?: string;
  /** Buckets to make unless they are there. */
  readonly buckets?: readonly string[];
  /**
   * Secret by access key id; read at each request, so that keys can be added later. Without it any key with any signature
   * is let in, and only the expiry of presigned URLs is checked.
   */
  readonly credentials?: Readonly<Record<string, string>> | undefined;
  /** Whether requests without any signature are accepted. @default false */
  readonly anonymous?: boolean;
  /** Epoch milliseconds: decides whether presigned URLs have expired, and dates objects. @default Date.now */
  readonly now?: () => number;
  /** When given, version 4 signatures for another region are rejected, as AWS does. @default any, shown as us-east-1 */
  readonly region?: string;
  /** Id of the account that owns all buckets. @default '000000000000' */
  readonly owner?: string;
  /** Default retention by Object Lock, of all buckets. @default none */
  readonly retention?: DefaultRetention;
  /** Whether all buckets are Requester Pays buckets of an account that no caller belongs to. @default false */
  readonly requesterPays?: boolean;
  /**
   * What a bucket policy demands of PutObject and CreateMultipartUpload: headers by name in lower case, e.g.
   * `x-amz-server-side-encryption-aws-kms-key-id`. @default none
   */
  readonly demandedHeaders?: Readonly<Record<string, string>>;
  /** PEM; the server then supports HTTPS only. */
  readonly tls?: { readonly key: string | Buffer; readonly cert: string | Buffer };
  /** False keeps sizes, entity tags and checksums only; objects can then not be read. @default true */
  readonly keepBodies?: boolean;
  /**
   * `opaque` leaves out MD5, by far the dearest part of taking in an object, and gives random entity tags as S3 does for
   * objects under KMS. @default 'md5'
   */
  readonly etags?: 'md5' | 'opaque';
  /**
   * Which uploads with a checksum algorithm are completed only with each part's checksum: `composite` those of type
   * COMPOSITE, as S3; `always` FULL_OBJECT as well, as MinIO and versitygw. @default 'composite'
   */
  readonly partChecksums?: 'composite' | 'always';
  /** @default every caller may do everything */
  readonly gate?: Gate | undefined;
  readonly faults?: FaultHook | undefined;
}

export interface S3Server {
  /** `http://127.0.0.1:PORT`: with an IP address the SDK puts the bucket into the path by itself. */
  readonly origin: string;
  readonly port: number;
  stats(): S3Stats;
  /** Replaces the fault hook, for requests from now on. */
  setFaults(faults: FaultHook | undefined): void;
  /** Ends all connections and waits until nothing is under way; what is stored stays. */
  close(): Promise<void>;
}

/**
 * Starts an S3 of its own for tests, demo and local use: on disk, streaming, for the calls that this project makes, each
 * as AWS documents it.
 */
export async function startS3(options: S3Options): Promise<S3Server> {
  const { host, port, now = Date.now, keepBodies = true } = options;
  const store = new Store(options.dir, keepBodies);
  for (const bucket of options.buckets ?? []) if (!store.has(bucket)) store.createBucket(bucket, now());
  const handler = new Handler(
    {
      store,
      now,
      region: options.region ?? 'us-east-1',
      retention: options.retention,
      requesterPays: options.requesterPays ?? false,
      demandedHeaders: options.demandedHeaders ?? {},
      owner: options.owner ?? '000000000000',
      etags: options.etags ?? 'md5',
      partChecksums: options.partChecksums ?? 'composite',
      gate: options.gate,
    },
    {
      credentials: options.credentials,
      anonymous: options.anonymous ?? false,
      region: options.region,
      now,
    },
    options.faults,
  );
  const server = makeServer(options.tls, (incoming, outgoing) => handler.take(incoming, outgoing, false));
  server.on('checkContinue', (incoming: IncomingMessage, outgoing: ServerResponse) => {
    handler.take(incoming, outgoing, true);
  });
  server.on('connection', () => handler.connected());
  // A test may hold a connection for longer than any default, and a large part may take long to come.
  server.keepAliveTimeout = 60_000;
  server.requestTimeout = 0;
  const listening = await listen(server, port, host);
  return {
    origin: options.tls === undefined ? listening.endpoint : listening.endpoint.replace('http:', 'https:'),
    port: listening.port,
    stats: () => handler.stats(),
    setFaults: (faults) => handler.setFaults(faults),
    close: async () => {
      await listening.close();
      await handler.idle();
      await store.bodies.settled();
    },
  };
}

function makeServer(tls: S3Options['tls'], listener: RequestListener): Server {
  return tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
}
