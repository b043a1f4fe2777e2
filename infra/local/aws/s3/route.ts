import { createBucket, deleteBucket, deleteObjects, headBucket, listObjectsV2 } from './buckets.ts';
import { completeMultipartUpload } from './complete.ts';
import { s3Error } from './errors.ts';
import {
  abortMultipartUpload,
  createMultipartUpload,
  listMultipartUploads,
  listParts,
  uploadPart,
} from './multipart.ts';
import { getObjectRetention } from './object-lock.ts';
import { deleteObject, putObject, readObject } from './objects.ts';
import type { S3Request } from './request.ts';
import type { Operation } from './service.ts';

export type OperationName =
  | 'AbortMultipartUpload'
  | 'CompleteMultipartUpload'
  | 'CreateBucket'
  | 'CreateMultipartUpload'
  | 'DeleteBucket'
  | 'DeleteObject'
  | 'DeleteObjects'
  | 'GetObject'
  | 'GetObjectRetention'
  | 'HeadBucket'
  | 'HeadObject'
  | 'ListMultipartUploads'
  | 'ListObjectsV2'
  | 'ListParts'
  | 'PutObject'
  | 'UploadPart';

export const OPERATIONS: Readonly<Record<OperationName, Operation>> = {
  AbortMultipartUpload: abortMultipartUpload,
  CompleteMultipartUpload: completeMultipartUpload,
  CreateBucket: createBucket,
  CreateMultipartUpload: createMultipartUpload,
  DeleteBucket: deleteBucket,
  DeleteObject: deleteObject,
  DeleteObjects: deleteObjects,
  GetObject: readObject,
  GetObjectRetention: getObjectRetention,
  HeadBucket: headBucket,
  HeadObject: readObject,
  ListMultipartUploads: listMultipartUploads,
  ListObjectsV2: listObjectsV2,
  ListParts: listParts,
  PutObject: putObject,
  UploadPart: uploadPart,
};

/** Calls by method and by the query parameter that sets them apart, if any. */
const BUCKET_ROUTES: Readonly<Record<string, OperationName>> = {
  'PUT ': 'CreateBucket',
  'HEAD ': 'HeadBucket',
  'DELETE ': 'DeleteBucket',
  'GET uploads': 'ListMultipartUploads',
  'GET list-type': 'ListObjectsV2',
  'POST delete': 'DeleteObjects',
};
const OBJECT_ROUTES: Readonly<Record<string, OperationName>> = {
  'PUT ': 'PutObject',
  'PUT uploadId': 'UploadPart',
  'GET ': 'GetObject',
  'GET retention': 'GetObjectRetention',
  'GET uploadId': 'ListParts',
  'HEAD ': 'HeadObject',
  'DELETE ': 'DeleteObject',
  'DELETE uploadId': 'AbortMultipartUpload',
  'POST uploads': 'CreateMultipartUpload',
  'POST uploadId': 'CompleteMultipartUpload',
};
const VARIANTS = ['uploads', 'uploadId', 'list-type', 'delete', 'retention'];

/** Parameters of calls that this server does not have; without them the call would be taken for another one. */
const SUBRESOURCES = [
  'accelerate',
  'acl',
  'analytics',
  'append',
  'attributes',
  'cors',
  'encryption',
  'intelligent-tiering',
  'inventory',
  'legal-hold',
  'lifecycle',
  'location',
  'logging',
  'metrics',
  'notification',
  'object-lock',
  'ownershipControls',
  'policy',
  'policyStatus',
  'publicAccessBlock',
  'renameObject',
  'replication',
  'requestPayment',
  'restore',
  'select',
  'session',
  'tagging',
  'torrent',
  'versionId',
  'versioning',
  'versions',
  'website',
];

/**
 * Which call a request is.
 * @throws S3Error NotImplemented, MethodNotAllowed
 */
export function route({ method, query, bucket, key }: S3Request): OperationName {
  const unsupported = SUBRESOURCES.find((name) => query.has(name));
  if (unsupported !== undefined) throw s3Error('NotImplemented', { Parameter: unsupported });
  if (bucket === '') throw s3Error('NotImplemented', { Resource: '/' });
  const variant = VARIANTS.find((name) => query.has(name)) ?? '';
  const operation = (key === '' ? BUCKET_ROUTES : OBJECT_ROUTES)[`${method} ${variant}`];
  if (operation !== undefined) return operation;
  if (key === '' && method === 'GET') throw s3Error('NotImplemented', {}, 'Use ListObjectsV2 (list-type=2).');
  throw s3Error('MethodNotAllowed', { Method: method, ResourceType: key === '' ? 'BUCKET' : 'OBJECT' });
}
