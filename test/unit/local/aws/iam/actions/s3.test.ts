import { describe, expect, it } from 'vitest';
import { s3AccessRequests, s3ListRequest } from '../../../../../../infra/local/aws/iam/actions/s3.ts';
import type { S3Request } from '../../../../../../infra/local/aws/s3/request.ts';
import type { OperationName } from '../../../../../../infra/local/aws/s3/route.ts';

function requestWith(headers: Record<string, string> = {}): S3Request {
  const all = new Map(Object.entries(headers));
  return {
    method: 'PUT',
    rawPath: '/movies/a/b.mp4',
    path: '/movies/a/b.mp4',
    query: new URLSearchParams(),
    headers: all,
    sentHeaders: all,
    hostBucket: undefined,
    bucket: 'movies',
    key: 'a/b.mp4',
  };
}

const needs = (operation: OperationName, headers?: Record<string, string>) =>
  s3AccessRequests(operation, requestWith(headers)).map(({ action, resource }) => `${action} ${resource}`);
const contextOf = (operation: OperationName, headers?: Record<string, string>) =>
  Object.fromEntries(s3AccessRequests(operation, requestWith(headers))[0]?.context ?? []);

const BUCKET = 'arn:aws:s3:::movies';
const OBJECT = `${BUCKET}/a/b.mp4`;

describe('s3AccessRequests', () => {
  it('throws for DeleteObjects, whose keys it does not see', () => {
    expect(() => needs('DeleteObjects')).toThrow('DeleteObjects');
  });

  it.each([
    ['HeadObject', `s3:GetObject ${OBJECT}`],
    ['GetObject', `s3:GetObject ${OBJECT}`],
    ['PutObject', `s3:PutObject ${OBJECT}`],
    ['CreateMultipartUpload', `s3:PutObject ${OBJECT}`],
    ['UploadPart', `s3:PutObject ${OBJECT}`],
    ['CompleteMultipartUpload', `s3:PutObject ${OBJECT}`],
    ['ListParts', `s3:ListMultipartUploadParts ${OBJECT}`],
    ['AbortMultipartUpload', `s3:AbortMultipartUpload ${OBJECT}`],
    ['DeleteObject', `s3:DeleteObject ${OBJECT}`],
    ['HeadBucket', `s3:ListBucket ${BUCKET}`],
    ['ListObjectsV2', `s3:ListBucket ${BUCKET}`],
    ['ListMultipartUploads', `s3:ListBucketMultipartUploads ${BUCKET}`],
  ] as const)('%s needs %s', (operation, need) => {
    expect(needs(operation)).toEqual([need]);
  });

  it.each([
    ['PutObject', 'true'],
    ['CompleteMultipartUpload', 'true'],
    ['CreateMultipartUpload', 'false'],
    ['UploadPart', 'false'],
  ] as const)('gives %s the key s3:ObjectCreationOperation as %s', (operation, creates) => {
    expect(contextOf(operation)['s3:objectcreationoperation']).toEqual([creates]);
  });

  it('gives s3:if-none-match only to a request that creates an object and has the header', () => {
    const free = { 'if-none-match': '*' };
    expect(contextOf('PutObject', free)['s3:if-none-match']).toEqual(['*']);
    expect(contextOf('PutObject')).not.toHaveProperty('s3:if-none-match');
    expect(contextOf('GetObject', free)).not.toHaveProperty('s3:if-none-match');
  });

  it('asks for the ACL and the tags that a request sets as well', () => {
    expect(needs('PutObject', { 'x-amz-acl': 'private', 'x-amz-tagging': 'a=b' })).toEqual([
      `s3:PutObject ${OBJECT}`,
      `s3:PutObjectAcl ${OBJECT}`,
      `s3:PutObjectTagging ${OBJECT}`,
    ]);
    expect(needs('PutObject', { 'x-amz-grant-read': 'id="1"' })).toContain(`s3:PutObjectAcl ${OBJECT}`);
  });

  it('counts a request as sent by TLS 1.3 unless it says that it came by http', () => {
    expect(contextOf('GetObject')).toMatchObject({
      'aws:securetransport': ['true'],
      's3:tlsversion': ['1.3'],
    });
    const plain = contextOf('GetObject', { 'x-forwarded-proto': 'http' });
    expect(plain['aws:securetransport']).toEqual(['false']);
    expect(plain).not.toHaveProperty('s3:tlsversion');
  });
});

describe('s3ListRequest', () => {
  it('asks to list the bucket of the object', () => {
    expect(s3ListRequest(requestWith())).toEqual([
      expect.objectContaining({ action: 's3:ListBucket', resource: BUCKET }),
    ]);
  });
});
