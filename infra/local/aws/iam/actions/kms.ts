import type { S3Request } from '../../s3/request.ts';
import type { OperationName } from '../../s3/route.ts';
import type { AccessRequest } from '../access.ts';
import { contextOf } from './context.ts';

/** What S3 has at the key of a request: the object, or the upload that the request names. */
export interface Stored {
  /** Headers that it was stored with, by name in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Undefined when it was stored without one. */
  readonly checksum?: object | undefined;
}

const KEY_HEADER = 'x-amz-server-side-encryption-aws-kms-key-id';

const NEEDS: Readonly<Partial<Record<OperationName, 'kms:Decrypt' | 'kms:GenerateDataKey'>>> = {
  CompleteMultipartUpload: 'kms:Decrypt',
  CreateMultipartUpload: 'kms:GenerateDataKey',
  GetObject: 'kms:Decrypt',
  HeadObject: 'kms:Decrypt',
  PutObject: 'kms:GenerateDataKey',
  UploadPart: 'kms:Decrypt',
};

/**
 * What S3 asks KMS for in the name of the caller, if the request or what it is about names a KMS key:
 *
 * - What creates an object or an upload needs kms:GenerateDataKey; what reads an object, adds a part or completes an upload
 *   needs kms:Decrypt (https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html,
 *   https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html#mpuAndPermissions).
 * - HeadObject needs kms:Decrypt only to return the checksum that an object has
 *   (https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html, `ChecksumMode`).
 *
 * Without a key in the request S3 uses the account's own `aws/s3`, which needs no permission. Not modelled, and so refused
 * but to a policy for all resources: a key that is named by its id or alias.
 *
 * @param stored undefined when there is nothing
 */
export function kmsAccessRequests(
  operation: OperationName,
  request: S3Request,
  stored: Stored | undefined,
): AccessRequest[] {
  const need = needOf(operation, request, stored);
  if (need?.key === undefined) return [];
  const isSecure = request.headers.get('x-forwarded-proto') !== 'http';
  return [{ action: need.action, resource: need.key, context: contextOf(isSecure) }];
}

function needOf(operation: OperationName, { headers }: S3Request, stored: Stored | undefined) {
  const action = NEEDS[operation];
  if (action === undefined) return undefined;
  if (action === 'kms:GenerateDataKey') return { action, key: headers.get(KEY_HEADER) };
  const wantsChecksum = headers.get('x-amz-checksum-mode')?.toUpperCase() === 'ENABLED';
  if (operation === 'HeadObject' && !(wantsChecksum && stored?.checksum !== undefined)) return undefined;
  return { action, key: stored?.headers[KEY_HEADER] };
}
