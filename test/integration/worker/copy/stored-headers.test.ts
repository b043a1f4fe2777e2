import { describe, expect, it } from 'vitest';
import { MiB } from '../../../../lambda/worker/copy/plan.ts';
import { copyWhole, startCopying } from '../../../support/copying.ts';
import { contentOf } from '../../../support/source-server.ts';

/** Headers that a file is stored with are kept, as far as they can be signed and sent. */

describe('the headers of an object', () => {
  it.each([1000, 12 * MiB])('include those that a file of %i bytes is stored with', async (size) => {
    const headers = {
      'content-encoding': 'gzip',
      'content-language': 'de, en',
      'content-disposition': 'attachment; filename="a b.mp4"',
      'cache-control': 'max-age=60',
    };
    const copying = await startCopying({ file: { size, contentType: 'text/vtt', headers } });

    await copyWhole(copying.engine, copying.job());

    const object = await copying.object();
    expect(object.body.equals(contentOf({ size }))).toBe(true);
    expect(object.contentType).toBe('text/vtt');
    expect(object.stored).toEqual({
      contentEncoding: 'gzip',
      contentLanguage: 'de, en',
      contentDisposition: 'attachment; filename="a b.mp4"',
      cacheControl: 'max-age=60',
    });
  });

  it.each([
    ['utf-8', 'utf-8'],
    ['none', 'none'],
    ['aws-chunked', undefined],
    ['aws-chunked,gzip', 'gzip'],
    ['', undefined],
  ])('keep the encoding %j as %j', async (stored, kept) => {
    const file = { size: 1000, headers: { 'content-encoding': stored } };
    const copying = await startCopying({ file });

    await copyWhole(copying.engine, copying.job());

    const object = await copying.object();
    expect(object.body.equals(contentOf(file))).toBe(true);
    expect(object.stored.contentEncoding).toBe(kept);
  });

  it.each([
    ['bytes beyond ASCII', 'video/mp4; name="\u00e9"'],
    ['a tab', 'video/mp4; x=\ty'],
    ['more than a header of an object may have', `video/mp4; x=${'y'.repeat(3000)}`],
  ])('are accepted by S3 for a content type with %s', async (_, contentType) => {
    const headers = { 'content-disposition': `attachment; ${contentType}`, 'cache-control': contentType };
    for (const size of [1000, 12 * MiB]) {
      const copying = await startCopying({ file: { size, contentType, headers } });

      const result = await copyWhole(copying.engine, copying.job());

      const object = await copying.object();
      expect([result.contentType, object.contentType]).toEqual(['video/mp4', 'video/mp4']);
      expect(object.stored).toEqual({});
    }
  });
});
