import { crc32 } from 'node:zlib';
import { HeadObjectCommand } from '@aws-sdk/client-s3';
import { describe, expect, it } from 'vitest';
import type { Fault, FaultHook } from '../../../../infra/local/aws/s3/faults.ts';
import { toBase64 } from '../../../../lambda/worker/copy/checksums.ts';
import { MiB } from '../../../../lambda/worker/copy/plan.ts';
import { BUCKET, type Copying, copyWhole, KEY, startCopying } from '../../../support/copying.ts';
import { contentOf } from '../../../support/source-server.ts';

/** A response of S3 counts as success only with what proves it. */

const LARGE = { size: 12 * MiB };
const SMALL = { size: 1000 };
const PAGE = '<!DOCTYPE html>\n<html><head><title>Welcome</title></head><body><p>Sign in<br></body></html>\n';
const ERROR_AND_NEWLINE =
  ' \n <?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>InternalError</Code><Message>try again</Message></Error>\n';

type Operation = Parameters<FaultHook>[0]['operation'];

const SUCCESSES_WITHOUT_PROOF: [string, typeof LARGE, Operation, Fault][] = [
  ['a put whose response has no ETag', SMALL, 'PutObject', { response: { status: 200 } }],
  ['a put whose response is a page', SMALL, 'PutObject', { response: { status: 200, body: PAGE } }],
  [
    'a completion whose response is an error and a final newline',
    LARGE,
    'CompleteMultipartUpload',
    { response: { status: 200, body: ERROR_AND_NEWLINE } },
  ],
  [
    'a completion whose response is a page',
    LARGE,
    'CompleteMultipartUpload',
    { response: { status: 200, body: PAGE } },
  ],
  [
    'a completion whose response is no XML',
    LARGE,
    'CompleteMultipartUpload',
    { response: { status: 200, body: '<p>never closed' } },
  ],
  ['a completion whose response is empty', LARGE, 'CompleteMultipartUpload', { response: { status: 200 } }],
  [
    'an upload begun without an id',
    LARGE,
    'CreateMultipartUpload',
    { response: { status: 200, body: PAGE } },
  ],
  ['a part taken without an ETag', LARGE, 'UploadPart', { response: { status: 200 } }],
];

async function faultOf(copying: Copying): Promise<Error> {
  try {
    await copyWhole(copying.engine, copying.job());
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error('the copy succeeded');
}

describe('a response of success that lacks its proof', () => {
  it.each(SUCCESSES_WITHOUT_PROOF)('is retried: %s', async (_, file, operation, fault) => {
    const copying = await startCopying({
      file,
      s3: {
        faults: (request) => (request.operation === operation && request.count === 1 ? fault : undefined),
      },
    });

    const result = await copyWhole(copying.engine, copying.job());

    expect((await copying.object()).body.equals(contentOf(file))).toBe(true);
    expect(result.etag).toMatch(/^"[0-9a-f-]+"$/);
    expect(await copying.openUploads()).toBe(0);
  });

  it.each(SUCCESSES_WITHOUT_PROOF)('is never taken for success: %s', async (_, file, operation, fault) => {
    const copying = await startCopying({
      file,
      s3: { faults: (request) => (request.operation === operation ? fault : undefined) },
    });

    const error = await faultOf(copying);

    expect(error).toMatchObject({ category: 'transient' });
    expect(error.name).toMatch(/^Destination(Unproven|Busy)$/);
    expect(error.message).toContain(`bucket ${BUCKET} returned`);
    expect(error.message).not.toMatch(/Welcome|Sign in/);
    expect(await copying.exists()).toBe(false);
  });

  it.each<[string, typeof LARGE, Operation]>([
    ['put', SMALL, 'PutObject'],
    ['completion', LARGE, 'CompleteMultipartUpload'],
  ])('has its object found when no response to %s proves it', async (_, file, operation) => {
    const fault: Fault = { response: { status: 200, body: PAGE }, isDone: true };
    const copying = await startCopying({
      file,
      s3: {
        faults: (request) => {
          if (request.operation !== operation) return undefined;
          return request.count === 1 ? fault : { response: { status: 200, body: PAGE } };
        },
      },
    });

    const result = await copyWhole(copying.engine, copying.job());

    const head = await copying.client.send(new HeadObjectCommand({ Bucket: BUCKET, Key: KEY }));
    expect(result).toMatchObject({ size: file.size, etag: head.ETag });
    expect(result.crc32).toBe(toBase64(crc32(contentOf(file))));
  });

  it.each([
    ['states no checksum', ''],
    ['states another checksum', '<ChecksumCRC32>AAAAAA==</ChecksumCRC32>'],
  ])('has the object looked up when the response to a completion %s', async (_, checksum) => {
    const body = `<CompleteMultipartUploadResult><ETag>"stated"</ETag>${checksum}</CompleteMultipartUploadResult>`;
    const copying = await startCopying({
      file: LARGE,
      s3: {
        faults: ({ operation }) =>
          operation === 'CompleteMultipartUpload'
            ? { response: { status: 200, body }, isDone: true }
            : undefined,
      },
    });

    const result = await copyWhole(copying.engine, copying.job());

    const head = await copying.client.send(new HeadObjectCommand({ Bucket: BUCKET, Key: KEY }));
    expect(result).toMatchObject({ etag: head.ETag, crc32: toBase64(crc32(contentOf(LARGE))) });
  });

  it('is not believed when the completed object is not there', async () => {
    const body = '<CompleteMultipartUploadResult><ETag>"stated"</ETag></CompleteMultipartUploadResult>';
    const copying = await startCopying({
      file: LARGE,
      s3: {
        faults: ({ operation }) =>
          operation === 'CompleteMultipartUpload' ? { response: { status: 200, body } } : undefined,
      },
    });

    expect(await faultOf(copying)).toMatchObject({ name: 'DestinationUnproven', category: 'transient' });
    expect(await copying.exists()).toBe(false);
  });

  it('is not taken for the list of an upload without parts', async () => {
    const copying = await startCopying({
      file: LARGE,
      s3: {
        faults: ({ operation, count }) =>
          operation === 'ListParts' && count === 1 ? { response: { status: 200, body: PAGE } } : undefined,
      },
    });
    const job = copying.job();
    const started = await copying.engine.start(job);
    if (started.kind !== 'planned') throw new Error('expected a plan');
    await copying.engine.copySegment(job, started.plan, 0);
    const sent = copying.s3.stats().byOperation.UploadPart;

    const again = await copying.anotherEngine().copySegment(job, started.plan, 0);

    expect(again).toEqual({ kind: 'done', bytesDone: LARGE.size });
    expect(copying.s3.stats().byOperation.UploadPart).toBe(sent);
  });

  it('is not taken for an aborted upload when its status is another one', async () => {
    const copying = await startCopying({
      file: LARGE,
      s3: {
        faults: ({ operation, count }) =>
          operation === 'AbortMultipartUpload' && count === 1
            ? { response: { status: 200, body: PAGE } }
            : undefined,
      },
    });
    const started = await copying.engine.start(copying.job());
    if (started.kind !== 'planned') throw new Error('expected a plan');

    await copying.engine.abandon(started.plan);

    expect(await copying.openUploads()).toBe(0);
  });

  /** What a person reads about an object that this stack made of this very file. */
  const OTHER_BYTES = expect.stringMatching(
    /made of this file.*other bytes.*move or delete it, then redrive/,
  );

  it('does not make an object of the same file and size, but other bytes, its copy', async () => {
    const copying = await startCopying({ file: SMALL });
    await copyWhole(copying.engine, copying.job());
    copying.source.setFile({ ...SMALL, etag: '"v2"', start: Buffer.alloc(10, 1) });

    expect(await faultOf(copying)).toMatchObject({ name: 'DestinationConflict', message: OTHER_BYTES });
  });

  it('does not make such an object the one that it completes', async () => {
    const copying = await startCopying({ file: LARGE });
    const job = copying.job();
    const started = await copying.engine.start(job);
    if (started.kind !== 'planned') throw new Error('expected a plan');
    await copying.engine.copySegment(job, started.plan, 0);
    copying.source.setFile({ ...LARGE, etag: '"v2"', start: Buffer.alloc(10, 1) });
    await copyWhole(copying.anotherEngine(), job);

    await expect(copying.engine.complete(job, started.plan)).rejects.toMatchObject({
      name: 'DestinationConflict',
      message: OTHER_BYTES,
    });
  });

  it('does not count for an object that HEAD finds without its ETag', async () => {
    const copying = await startCopying({ file: SMALL });
    await copyWhole(copying.engine, copying.job());
    copying.s3.setFaults(({ operation }) =>
      operation === 'HeadObject'
        ? { response: { status: 200, headers: { 'content-length': '1000' } } }
        : undefined,
    );

    expect(await faultOf(copying)).toMatchObject({ name: 'DestinationUnproven' });
  });
});
