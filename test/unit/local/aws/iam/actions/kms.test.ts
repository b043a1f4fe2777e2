import { describe, expect, it } from 'vitest';
import { kmsAccessRequests, type Stored } from '../../../../../../infra/local/aws/iam/actions/kms.ts';
import type { S3Request } from '../../../../../../infra/local/aws/s3/request.ts';
import type { OperationName } from '../../../../../../infra/local/aws/s3/route.ts';

const KEY = 'arn:aws:kms:us-east-1:111122223333:key/1';
const OTHER_KEY = 'arn:aws:kms:us-east-1:111122223333:key/2';
const encryptedBy = (key: string) => ({
  'x-amz-server-side-encryption': 'aws:kms',
  'x-amz-server-side-encryption-aws-kms-key-id': key,
});
const STORED: Stored = { headers: encryptedBy(KEY), checksum: { value: 'AAAAAA==' } };

function needs(operation: OperationName, headers: Record<string, string>, stored?: Stored): string[] {
  const all = new Map(Object.entries(headers));
  const request: S3Request = {
    method: 'PUT',
    rawPath: '/movies/a.mp4',
    path: '/movies/a.mp4',
    query: new URLSearchParams(),
    headers: all,
    sentHeaders: all,
    hostBucket: undefined,
    bucket: 'movies',
    key: 'a.mp4',
  };
  return kmsAccessRequests(operation, request, stored).map(({ action, resource }) => `${action} ${resource}`);
}

describe('kmsAccessRequests', () => {
  it.each(['PutObject', 'CreateMultipartUpload'] as const)(
    '%s needs a data key of the key that the request names',
    (operation) => {
      expect(needs(operation, encryptedBy(KEY))).toEqual([`kms:GenerateDataKey ${KEY}`]);
      expect(needs(operation, encryptedBy(OTHER_KEY), STORED)).toEqual([`kms:GenerateDataKey ${OTHER_KEY}`]);
    },
  );

  it.each(['UploadPart', 'CompleteMultipartUpload', 'GetObject'] as const)(
    '%s needs to decrypt by the key that S3 stored it with',
    (operation) => {
      expect(needs(operation, {}, STORED)).toEqual([`kms:Decrypt ${KEY}`]);
    },
  );

  it('HeadObject needs to decrypt only for a checksum that the object has', () => {
    const asking = { 'x-amz-checksum-mode': 'ENABLED' };
    expect(needs('HeadObject', asking, STORED)).toEqual([`kms:Decrypt ${KEY}`]);
    expect(needs('HeadObject', {}, STORED)).toEqual([]);
    expect(needs('HeadObject', asking, { headers: STORED.headers })).toEqual([]);
  });

  it.each(['PutObject', 'CreateMultipartUpload'] as const)('%s without a key needs nothing', (operation) => {
    expect(needs(operation, { 'x-amz-server-side-encryption': 'aws:kms' }, STORED)).toEqual([]);
  });

  it.each(['UploadPart', 'CompleteMultipartUpload', 'GetObject'] as const)(
    '%s of what is not stored, or stored without a key, needs nothing',
    (operation) => {
      expect(needs(operation, encryptedBy(KEY))).toEqual([]);
      expect(needs(operation, encryptedBy(KEY), { headers: {} })).toEqual([]);
    },
  );

  it.each(['ListParts', 'AbortMultipartUpload', 'DeleteObject', 'ListObjectsV2'] as const)(
    '%s needs nothing',
    (operation) => {
      expect(needs(operation, {}, STORED)).toEqual([]);
    },
  );
});
