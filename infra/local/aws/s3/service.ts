import type { IncomingMessage } from 'node:http';
import type { Caller } from './auth.ts';
import type { ObjectRecord } from './records.ts';
import type { ByteRange, S3Request } from './request.ts';
import type { Bucket, Store } from './store.ts';

/** What all operations share. */
export interface Service {
  readonly store: Store;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly region: string;
  /** `md5` as without encryption by KMS, `opaque` as with it: cheaper, and equal bytes have unequal tags. */
  readonly etags: 'md5' | 'opaque';
  /** Which uploads with a checksum algorithm require each part's checksum at completion. */
  readonly partChecksums: 'composite' | 'always';
}

/** One authenticated request on its way through an operation. */
export interface Exchange {
  readonly request: S3Request;
  readonly caller: Caller;
  readonly incoming: IncomingMessage;
  /** To be called before the body is read: it lets a client go on that waits for `100 Continue`. */
  readonly acceptBody: () => void;
  /** Called with the number of body bytes as they come in. */
  readonly received: (bytes: number) => void;
}

/** What an operation returns: XML, an object's bytes, or headers alone. */
export interface S3Response {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string | number>>;
  readonly xml?: string;
  /** Bytes of an object to send, unless the method is HEAD; the headers state its length. */
  readonly content?: { readonly object: ObjectRecord; readonly range: ByteRange | 'empty' };
}

export type Operation = (exchange: Exchange, service: Service) => S3Response | Promise<S3Response>;

/** The bucket that a request names. @throws S3Error NoSuchBucket */
export function bucketOf(exchange: Exchange, service: Service): Bucket {
  return service.store.bucket(exchange.request.bucket);
}

/** A query parameter; undefined when absent or empty. */
export function parameter(exchange: Exchange, name: string): string | undefined {
  return exchange.request.query.get(name) || undefined;
}

/** A header by its name in lower case; undefined when absent. */
export function header(exchange: Exchange, name: string): string | undefined {
  return exchange.request.headers.get(name);
}
