import { describe, expect, it } from 'vitest';
import type { FaultHook } from '../../../../infra/local/aws/s3/faults.ts';
import { MiB } from '../../../../lambda/worker/copy/plan.ts';
import { type Copying, copyWhole, startCopying } from '../../../support/copying.ts';
import { contentOf, type SourceFile } from '../../../support/source-server.ts';

/** S3 does the work and the connection ends in place of the response: the same result, with nothing done twice. */

const LARGE = { size: 12 * MiB };
const SMALL = { size: 1000 };

type Operation = Parameters<FaultHook>[0]['operation'];

function losing(file: SourceFile, operation: Operation, times = 1): Promise<Copying> {
  return startCopying({
    file,
    s3: {
      faults: (request) =>
        request.operation === operation && request.count <= times ? 'lost-response' : undefined,
    },
  });
}

describe('a response of the bucket that is lost', () => {
  it.each<[Operation, SourceFile, number]>([
    ['PutObject', SMALL, 0],
    ['UploadPart', LARGE, 0],
    ['CompleteMultipartUpload', LARGE, 0],
    // Its id is not known to anybody: the bucket's lifecycle rule removes it.
    ['CreateMultipartUpload', LARGE, 1],
  ])('does not keep a file from being copied: %s', async (operation, file, uploadsLeft) => {
    const copying = await losing(file, operation);

    const result = await copyWhole(copying.engine, copying.job());

    expect(result).toMatchObject({ size: file.size, etag: expect.stringMatching(/^"[0-9a-f-]+"$/) });
    expect((await copying.object()).body.equals(contentOf(file))).toBe(true);
    expect(await copying.openUploads()).toBe(uploadsLeft);
  });

  it.each<[Operation, SourceFile]>([
    ['PutObject', SMALL],
    ['CompleteMultipartUpload', LARGE],
  ])(
    'has its object recognised by a later attempt when every response to %s is lost',
    async (operation, file) => {
      const retry = { attempts: 1, firstMs: 1, maxMs: 1 };
      const copying = await losing(file, operation);
      const job = copying.job();
      const hasty = copying.anotherEngine({ retry });
      await expect(copyWhole(hasty, job)).rejects.toMatchObject({ name: 'DestinationBusy' });

      const later = await copyWhole(copying.anotherEngine(), copying.job({ mayExist: true }));

      expect(later).toMatchObject({ size: file.size, alreadyThere: true });
      expect((await copying.object()).body.equals(contentOf(file))).toBe(true);
    },
  );

  it('does not keep an upload from being aborted: AbortMultipartUpload', async () => {
    const copying = await losing(LARGE, 'AbortMultipartUpload');
    const started = await copying.engine.start(copying.job());
    if (started.kind !== 'planned') throw new Error('expected a plan');

    await copying.engine.abandon(started.plan);

    expect(await copying.openUploads()).toBe(0);
  });
});
