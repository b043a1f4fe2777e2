import type { OperationName } from './route.ts';

/** What a fault is decided by. */
export interface FaultRequest {
  readonly operation: OperationName;
  readonly method: string;
  readonly bucket: string;
  readonly key: string;
  readonly uploadId: string | undefined;
  readonly partNumber: number | undefined;
  /** The Range header as sent. */
  readonly range: string | undefined;
  /** The SDK's count of tries of this request, from 1; 1 for clients that do not send it. */
  readonly attempt: number;
  /** How often this operation has been asked of this server, this time included. */
  readonly count: number;
  readonly accessKeyId: string | undefined;
}

/** An error response. With status 200 it is what S3 gives when CompleteMultipartUpload fails after it began to respond. */
export interface ErrorFault {
  readonly status: number;
  readonly code: string;
  readonly message?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Elements of the XML besides code and message. */
  readonly details?: Readonly<Record<string, string>>;
}

/** A response that S3 does not give as documented, such as a page of a proxy or a success that lacks its ETag. */
export interface OtherResponse {
  readonly response: {
    readonly status: number;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: string;
  };
  /** Whether the operation is done before the response. @default false */
  readonly isDone?: boolean;
}

/** Cuts the connection once that many bytes of the body have gone over it, in whichever direction the body goes. */
export interface CutFault {
  readonly cutAfterBytes: number;
  /** A TCP reset, or an orderly end too early. @default 'reset' */
  readonly by?: 'reset' | 'end';
}

/**
 * - `reset`: the connection is reset, nothing is done.
 * - `lost-response`: the operation is done, then the connection is reset in place of the response.
 * - `hang`: nothing is done or sent until the client closes the connection.
 */
export type Fault = ErrorFault | OtherResponse | CutFault | 'reset' | 'lost-response' | 'hang';

/** Asked after the signature is checked. A promise holds the request back until it is settled. */
export type FaultHook = (request: FaultRequest) => Fault | undefined | Promise<Fault | undefined>;

/** What S3 returns when it wants less traffic. */
export function slowDown(headers: Readonly<Record<string, string>> = {}): ErrorFault {
  return { status: 503, code: 'SlowDown', message: 'Please reduce your request rate.', headers };
}

/** What a bucket or identity policy makes of a request. */
export function accessDenied(action: string, resource: string): ErrorFault {
  const message = `User: arn:aws:sts::111122223333:assumed-role/worker/worker is not authorized to perform: ${action} on resource: "${resource}" because no identity-based policy allows the ${action} action`;
  return { status: 403, code: 'AccessDenied', message };
}

/** What S3 returns when the role may not use the bucket's KMS key. */
export function kmsAccessDenied(keyArn = 'arn:aws:kms:us-east-1:111122223333:key/example'): ErrorFault {
  return accessDenied('kms:GenerateDataKey', keyArn);
}

/** What S3 returns when the bucket's KMS key is disabled. */
export function kmsDisabled(keyArn = 'arn:aws:kms:us-east-1:111122223333:key/example'): ErrorFault {
  return { status: 400, code: 'KMS.DisabledException', message: `${keyArn} is disabled.` };
}

/** What S3 returns for a bucket of another region. */
export function permanentRedirect(bucket: string, region: string): ErrorFault {
  return {
    status: 301,
    code: 'PermanentRedirect',
    message:
      'The bucket you are attempting to access must be addressed using the specified endpoint. Please send all future requests to this endpoint.',
    headers: { 'x-amz-bucket-region': region },
    details: { Endpoint: `${bucket}.s3.${region}.amazonaws.com`, Bucket: bucket },
  };
}
