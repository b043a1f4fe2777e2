import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { toBase64 } from '../../../../lambda/worker/copy/checksums.ts';
import { MiB } from '../../../../lambda/worker/copy/plan.ts';
import { type Copying, copyWhole, startCopying } from '../../../support/copying.ts';
import { contentOf } from '../../../support/source-server.ts';

/** Headers of each request as it leaves. */
function watchHeaders(copying: Copying): Record<string, string>[] {
  const seen: Record<string, string>[] = [];
  copying.client.middlewareStack.add(
    (next) => (args) => {
      const { request } = args;
      if (hasHeaders(request)) seen.push({ ...request.headers });
      return next(args);
    },
    { step: 'finalizeRequest', priority: 'low', name: 'watchHeaders' },
  );
  return seen;
}

function hasHeaders(request: unknown): request is { headers: Record<string, string> } {
  return typeof request === 'object' && request !== null && 'headers' in request;
}

describe('createBucketClient', () => {
  it('hashes no body for the signature over TLS, and sends no Expect header', async () => {
    const copying = await startCopying({ file: { size: 12 * MiB }, tls: true });
    const sent = watchHeaders(copying);

    await copyWhole(copying.engine, copying.job());

    const parts = sent.filter(
      (headers) =>
        headers['x-amz-checksum-crc32'] !== undefined && headers['content-length'] === `${5 * MiB}`,
    );
    expect(parts.length).toBe(2);
    for (const headers of parts) {
      expect(headers['x-amz-content-sha256']).toBe('UNSIGNED-PAYLOAD');
      expect(headers.expect ?? headers.Expect).toBeUndefined();
    }
  });

  it('signs the body over plain HTTP', async () => {
    const copying = await startCopying({ file: { size: 1000 } });
    const sent = watchHeaders(copying);

    await copyWhole(copying.engine, copying.job());

    expect(sent.map((headers) => headers['x-amz-content-sha256'])).toEqual([
      expect.stringMatching(/^[0-9a-f]{64}$/),
    ]);
  });

  it('sends the checksum of the whole with a completion, for S3 to check', async () => {
    const file = { size: 12 * MiB };
    const copying = await startCopying({ file });
    const sent = watchHeaders(copying);

    await copyWhole(copying.engine, copying.job());

    expect(sent.at(-1)).toMatchObject({
      'x-amz-checksum-crc32': toBase64(crc32(contentOf(file))),
      'x-amz-checksum-type': 'FULL_OBJECT',
      'x-amz-mp-object-size': `${file.size}`,
      'if-none-match': '*',
    });
  });

  it('keeps its connection after a HEAD, whether or not the object is there', async () => {
    const copying = await startCopying({ file: { size: 1000 } });
    await copyWhole(copying.engine, copying.job());

    for (let count = 0; count < 5; count++) {
      await copying.engine.start(copying.job({ mayExist: true }));
      expect(await copying.exists(`missing-${count}`)).toBe(false);
    }

    expect(copying.s3.stats().connections).toBe(1);
  });
});
