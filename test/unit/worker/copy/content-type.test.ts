import { describe, expect, it } from 'vitest';
import { contentTypeOf } from '../../../../lambda/worker/copy/content-type.ts';

const NOTHING = Buffer.alloc(0);
const ZIP = Buffer.from('PK\u0003\u0004rest', 'latin1');

describe('the content type', () => {
  it.each(['video/quicktime', 'text/plain; charset=utf-8'])(
    'is what the source says, when it says anything: %s',
    (stated) => {
      expect(contentTypeOf(stated, 'a.mp4', ZIP)).toBe(stated);
    },
  );

  it.each([
    null,
    '',
    'application/octet-stream',
    'binary/octet-stream',
    'Application/Octet-Stream; x=y',
    'nonsense',
  ])('is the one of the extension when the source says %j', (stated) => {
    expect(contentTypeOf(stated, 'a.b.MP4', NOTHING)).toBe('video/mp4');
    expect(contentTypeOf(stated, 'index.m3u8', NOTHING)).toBe('application/vnd.apple.mpegurl');
  });

  it.each([
    ['bytes beyond ASCII', 'video/mp4; name="\u00e9"'],
    ['a tab', 'video/mp4; x=\ty'],
    ['a control character', 'video/mp4; a=b\u0001c'],
    ['the character DEL', 'video/mp4;\u007f'],
    ['no end', `video/mp4; ${'x'.repeat(9000)}`],
  ])('loses parameters that no header can hold: %s', (_, stated) => {
    expect(contentTypeOf(stated, 'a.mov', NOTHING)).toBe('video/mp4');
  });

  it('is not the one stated when that is longer than a header may be', () => {
    expect(contentTypeOf(`video/${'x'.repeat(9000)}`, 'a.mov', NOTHING)).toBe('video/quicktime');
  });

  it('is that of a ZIP for a packaged output, whatever its name', () => {
    expect(contentTypeOf('binary/octet-stream', 'playlist.m3u8', ZIP)).toBe('application/zip');
  });

  it('is read from the first bytes when the name tells nothing', () => {
    const mp4 = Buffer.from('\0\0\0\u0018ftypmp42', 'latin1');
    expect(contentTypeOf(null, 'c3ed6591fac35a5b', mp4)).toBe('video/mp4');
    expect(contentTypeOf(null, 'c3ed.constructor', Buffer.from('WEBVTT\n'))).toBe('text/vtt');
  });

  it('is bytes when nothing tells', () => {
    expect(contentTypeOf(null, 'c3ed6591fac35a5b', NOTHING)).toBe('application/octet-stream');
  });
});
