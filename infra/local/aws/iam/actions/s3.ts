import type { S3Request } from '../../s3/request.ts';
import type { OperationName } from '../../s3/route.ts';
import type { AccessRequest } from '../access.ts';
import { contextOf, UnknownOperation } from './context.ts';

/** What an operation needs, and whether on the bucket or on the object. */
interface Need {
  readonly action: string;
  readonly on: 'bucket' | 'object';
}

const object = (action: string): Need => ({ action: `s3:${action}`, on: 'object' });
const bucket = (action: string): Need => ({ action: `s3:${action}`, on: 'bucket' });

/**
 * From https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html and, for multipart uploads,
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html#mpuAndPermissions.
 */
const NEEDS: Readonly<Record<OperationName, Need | undefined>> = {
  AbortMultipartUpload: object('AbortMultipartUpload'),
  CompleteMultipartUpload: object('PutObject'),
  CreateBucket: bucket('CreateBucket'),
  CreateMultipartUpload: object('PutObject'),
  DeleteBucket: bucket('DeleteBucket'),
  DeleteObject: object('DeleteObject'),
  // Its keys are in the body, and each needs a permission: not modelled, since nothing here deletes that way.
  DeleteObjects: undefined,
  GetObject: object('GetObject'),
  GetObjectRetention: object('GetObjectRetention'),
  HeadBucket: bucket('ListBucket'),
  HeadObject: object('GetObject'),
  ListMultipartUploads: bucket('ListBucketMultipartUploads'),
  ListObjectsV2: bucket('ListBucket'),
  ListParts: object('ListMultipartUploadParts'),
  PutObject: object('PutObject'),
  UploadPart: object('PutObject'),
};

/**
 * `s3:ObjectCreationOperation`: false for the requests that need s3:PutObject and create no object
 * (https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html).
 */
const CREATES: Readonly<Partial<Record<OperationName, boolean>>> = {
  CompleteMultipartUpload: true,
  CreateMultipartUpload: false,
  PutObject: true,
  UploadPart: false,
};

/**
 * What a request to S3 must be allowed
 * (https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html). It counts as sent by TLS 1.3, as
 * the SDK sends it to AWS, unless `x-forwarded-proto` says `http`.
 *
 * @throws {UnknownOperation}
 */
export function s3AccessRequests(operation: OperationName, request: S3Request): AccessRequest[] {
  const need = NEEDS[operation];
  if (need === undefined) throw new UnknownOperation('s3', operation);
  const { action, on } = need;
  const { headers } = request;
  const isSecure = headers.get('x-forwarded-proto') !== 'http';
  const creates = CREATES[operation];
  const context = contextOf(isSecure, {
    's3:tlsversion': isSecure ? '1.3' : undefined,
    's3:if-none-match': creates === true ? headers.get('if-none-match') : undefined,
    's3:objectcreationoperation': creates === undefined ? undefined : String(creates),
    's3:x-amz-acl': headers.get('x-amz-acl'),
    's3:x-amz-server-side-encryption': headers.get('x-amz-server-side-encryption'),
    's3:x-amz-server-side-encryption-aws-kms-key-id': headers.get(
      'x-amz-server-side-encryption-aws-kms-key-id',
    ),
  });
  const bucketArn = `arn:aws:s3:::${request.bucket}`;
  const resource = on === 'bucket' ? bucketArn : `${bucketArn}/${request.key}`;
  const further = [
    ...(setsAcl(request) ? ['s3:PutObjectAcl'] : []),
    ...(headers.has('x-amz-tagging') ? ['s3:PutObjectTagging'] : []),
  ];
  return [action, ...further].map((each) => ({ action: each, resource, context }));
}

/** Whether a bucket may be listed, which decides between 404 and 403 for a key that is free. */
export function s3ListRequest(request: S3Request): AccessRequest[] {
  return s3AccessRequests('HeadBucket', { ...request, key: '' });
}

function setsAcl({ headers }: S3Request): boolean {
  return headers.has('x-amz-acl') || [...headers.keys()].some((name) => name.startsWith('x-amz-grant-'));
}
