import type { Gate } from '../iam/access.ts';
import { kmsAccessRequests, type Stored } from '../iam/actions/kms.ts';
import { s3AccessRequests, s3ListRequest } from '../iam/actions/s3.ts';
import { S3Error, s3Error } from './errors.ts';
import type { S3Request } from './request.ts';
import type { OperationName } from './route.ts';
import type { Store } from './store.ts';

/** One request whose permission is in question. */
export interface Access {
  readonly operation: OperationName;
  readonly request: S3Request;
  readonly accessKeyId: string | undefined;
}

/** @throws S3Error AccessDenied, InvalidAccessKeyId */
export function requireAccess(
  gate: Gate,
  { operation, request, accessKeyId }: Access,
  store: Pick<Store, 'has' | 'bucket'>,
): void {
  const decision = gate.authorize(accessKeyId, [
    ...s3AccessRequests(operation, request),
    ...kmsAccessRequests(operation, request, storedFor(request, store)),
  ]);
  if (decision.allowed) return;
  if (decision.reason === 'unknown-key') throw s3Error('InvalidAccessKeyId');
  throw s3Error('AccessDenied', {}, decision.message);
}

/**
 * An error as the caller gets it: that a key is free is for those who may list the bucket; others get 403
 * (https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html, "Permissions").
 */
export function errorFor(gate: Gate, { request, accessKeyId }: Access, error: unknown): unknown {
  if (!(error instanceof S3Error) || error.code !== 'NoSuchKey') return error;
  const decision = gate.authorize(accessKeyId, s3ListRequest(request));
  return decision.allowed ? error : s3Error('AccessDenied', {}, decision.message);
}

function storedFor(
  { bucket: name, key, query }: S3Request,
  store: Pick<Store, 'has' | 'bucket'>,
): Stored | undefined {
  if (!store.has(name)) return undefined;
  const bucket = store.bucket(name);
  const uploadId = query.get('uploadId');
  if (uploadId === null) return bucket.objects.get(key);
  const upload = bucket.uploads.get(uploadId);
  return upload?.key === key ? upload : undefined;
}
