import type { IncomingMessage } from 'node:http';
import type { Gate } from '../iam/access.ts';
import type { Caller } from './auth.ts';
import { s3Error } from './errors.ts';
import type { ObjectRecord } from './records.ts';
import type { ByteRange, S3Request } from './request.ts';
import type { Bucket, Store } from './store.ts';

/** Default retention of all buckets (https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html). */
export interface DefaultRetention {
  readonly mode: 'GOVERNANCE' | 'COMPLIANCE';
  readonly days: number;
}

/** What all operations share. */
export interface Service {
  readonly store: Store;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly region: string;
  /** Id of the account that owns the buckets. */
  readonly owner: string;
  /** Default retention by Object Lock. */
  readonly retention: DefaultRetention | undefined;
  /** Whether requests must agree to pay; all callers count as others than the owner. */
  readonly requesterPays: boolean;
  /** Headers that a bucket policy demands with each object, by name in lower case. */
  readonly demandedHeaders: Readonly<Record<string, string>>;
  /** `md5` as without encryption by KMS, `opaque` as with it: cheaper, and equal bytes have unequal tags. */
  readonly etags: 'md5' | 'opaque';
  /** Which uploads with a checksum algorithm require each part's checksum at completion. */
  readonly partChecksums: 'composite' | 'always';
  /** Decides who may do what; undefined lets every caller do everything. */
  readonly gate: Gate | undefined;
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

/**
 * The bucket that a request names, of the owner that the request expects
 * (https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html, `API/ErrorResponses.html`).
 *
 * @throws S3Error NoSuchBucket; AccessDenied for another owner; InvalidBucketOwnerAWSAccountID
 */
export function bucketOf(exchange: Exchange, service: Service): Bucket {
  const { headers, query, bucket: name } = exchange.request;
  // In a query S3 knows the parameter in lower case only: https://github.com/aws/aws-sdk-go-v2/issues/2484
  const misspelt = [...query.keys()].find(
    (each) => each !== OWNER_HEADER && each.toLowerCase() === OWNER_HEADER,
  );
  const owner = misspelt === undefined ? headers.get(OWNER_HEADER) : '';
  if (owner !== undefined && !/^\d{12}$/.test(owner)) throw s3Error('InvalidBucketOwnerAWSAccountID');
  const bucket = service.store.bucket(name);
  // https://docs.aws.amazon.com/AmazonS3/latest/userguide/ObjectsinRequesterPaysBuckets.html
  if (service.requesterPays && headers.get('x-amz-request-payer') !== 'requester')
    throw s3Error('AccessDenied');
  if (owner !== undefined && owner !== service.owner) throw s3Error('AccessDenied');
  return bucket;
}

const OWNER_HEADER = 'x-amz-expected-bucket-owner';

/** A query parameter; undefined when absent or empty. */
export function parameter(exchange: Exchange, name: string): string | undefined {
  return exchange.request.query.get(name) || undefined;
}

/** A header by its name in lower case; undefined when absent. */
export function header(exchange: Exchange, name: string): string | undefined {
  return exchange.request.headers.get(name);
}
