import { randomBytes } from 'node:crypto';
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { describe, expect, it } from 'vitest';
import {
  accessDenied,
  type FaultRequest,
  kmsAccessDenied,
  kmsDisabled,
  permanentRedirect,
  slowDown,
} from '../../../../../infra/local/aws/s3/faults.ts';
import { BUCKET, failure, testS3 } from './fixture.ts';

const at = { Bucket: BUCKET, Key: 'clip.mp4' };
const body = randomBytes(3_000_000);

describe('an injected fault', () => {
  it.each([
    [slowDown(), 'SlowDown', 503],
    [accessDenied('s3:PutObject', 'arn:aws:s3:::videos/clip.mp4'), 'AccessDenied', 403],
    [kmsAccessDenied(), 'AccessDenied', 403],
    [kmsDisabled(), 'KMS.DisabledException', 400],
    [permanentRedirect(BUCKET, 'eu-west-1'), 'PermanentRedirect', 301],
  ])('returns the error of AWS: %o', async (fault, code, status) => {
    await using s3 = await testS3({ faults: () => fault });
    await expect(s3.client.send(new PutObjectCommand({ ...at, Body: body }))).rejects.toEqual(
      failure(code, status),
    );
    expect(await s3.bodyFiles()).toHaveLength(0);
  });

  it('depends on the request, and can be changed during the test', async () => {
    await using s3 = await testS3();
    const seen: Partial<FaultRequest>[] = [];
    s3.server.setFaults(({ operation, key, attempt, count }) => {
      seen.push({ operation, key, attempt, count });
      return attempt === 1 ? slowDown() : undefined;
    });
    await s3.makeClient({ maxAttempts: 2 }).send(new PutObjectCommand({ ...at, Body: 'x' }));
    const request = { operation: 'PutObject', key: at.Key };
    expect(seen).toEqual([
      { ...request, attempt: 1, count: 1 },
      { ...request, attempt: 2, count: 2 },
    ]);
    s3.server.setFaults(undefined);
    await s3.client.send(new HeadObjectCommand(at));
    expect(s3.server.stats().byOperation).toEqual({ PutObject: 2, HeadObject: 1 });
  });

  it('resets a connection before, during or after a write', async () => {
    await using s3 = await testS3();
    const put = () => s3.client.send(new PutObjectCommand({ ...at, Body: body }));
    for (const fault of ['reset', { cutAfterBytes: 1_000_000 }] as const) {
      s3.server.setFaults(() => fault);
      await expect(put()).rejects.toThrow();
      await expect.poll(() => s3.bodyFiles()).toHaveLength(0);
    }
    s3.server.setFaults(() => 'lost-response');
    await expect(put()).rejects.toThrow();
    s3.server.setFaults(undefined);
    expect((await s3.client.send(new HeadObjectCommand(at))).ContentLength).toBe(body.length);
  });

  it('replaces the response, before or after the work', async () => {
    await using s3 = await testS3();
    for (const isDone of [false, true]) {
      s3.server.setFaults(() => ({ response: { status: 200, headers: { etag: '"other"' } }, isDone }));
      const put = await s3.client.send(new PutObjectCommand({ ...at, Body: body }));
      s3.server.setFaults(undefined);
      expect(put.ETag).toBe('"other"');
      expect(await s3.bodyFiles()).toHaveLength(isDone ? 1 : 0);
    }
    expect((await s3.client.send(new HeadObjectCommand(at))).ETag).not.toBe('"other"');
  });

  it.each(['reset', 'end'] as const)('truncates a response by %s', async (by) => {
    await using s3 = await testS3();
    await s3.client.send(new PutObjectCommand({ ...at, Body: body }));
    s3.server.setFaults(() => ({ cutAfterBytes: 1_500_000, by }));
    const { Body } = await s3.client.send(new GetObjectCommand(at));
    await expect(Body?.transformToByteArray()).rejects.toThrow();
    expect(s3.server.stats().bytesOut).toBe(1_500_000);
  });

  it('sends no response until the client aborts', async () => {
    await using s3 = await testS3({ faults: () => 'hang' });
    const abort = new AbortController();
    const response = s3.client.send(new GetObjectCommand(at), { abortSignal: abort.signal });
    await expect.poll(() => s3.server.stats().requests).toBe(1);
    abort.abort();
    await expect(response).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('holds a request until the test releases it', async () => {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    await using s3 = await testS3({ faults: () => promise });
    const response = s3.client.send(new PutObjectCommand({ ...at, Body: 'x' }));
    await expect.poll(() => s3.server.stats().requests).toBe(1);
    expect(await s3.bodyFiles()).toHaveLength(0);
    resolve(undefined);
    await response;
  });

  it('can be an error with status 200, as when CompleteMultipartUpload fails late', async () => {
    await using s3 = await testS3();
    const { UploadId } = await s3.client.send(new CreateMultipartUploadCommand(at));
    const its = { ...at, UploadId };
    const { ETag } = await s3.client.send(new UploadPartCommand({ ...its, PartNumber: 1, Body: 'x' }));
    s3.server.setFaults(() => ({ status: 200, code: 'InternalError' }));
    const complete = new CompleteMultipartUploadCommand({
      ...its,
      MultipartUpload: { Parts: [{ PartNumber: 1, ETag }] },
    });
    await expect(s3.client.send(complete)).rejects.toMatchObject({ name: 'InternalError' });
  });
});
