import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deadlineOf, fileIdOf, filenameOf, isPackage } from '../../../lambda/shared/backup-file.ts';

const HOST = 'https://zencoder-temp-storage-us-east-1.s3.amazonaws.com';

describe('deadlineOf', () => {
  it('adds the seconds of a version 4 signature to its date', () => {
    const url = new URL(`${HOST}/o/1.mp4?X-Amz-Date=20260314T100232Z&X-Amz-Expires=86399&X-Amz-Signature=a`);
    expect(deadlineOf(url)).toBe(Date.parse('2026-03-15T10:02:31Z'));
  });

  it('reads the epoch seconds of a version 2 signature, even beside a damaged escape', () => {
    const url = new URL(
      `${HOST}:443/a%2Fb.mp4?Signature=q%2BcWexampleQ8%&Expires=1773569000&AWSAccessKeyId=A`,
    );
    expect(deadlineOf(url)).toBe(1773569000_000);
  });

  it.each([
    '',
    '?Expires=',
    '?Expires=soon',
    '?Expires=-5',
    '?Expires=1e9',
    '?Expires=999999999999999',
    '?X-Amz-Date=20260314T100232Z',
    '?X-Amz-Expires=86399',
    '?X-Amz-Date=20261314T100232Z&X-Amz-Expires=86399',
    '?X-Amz-Date=20260314T256099Z&X-Amz-Expires=86399',
    '?X-Amz-Date=00000000T000000Z&X-Amz-Expires=1',
    '?X-Amz-Date=20260314T100232Z&X-Amz-Expires=x',
  ])('does not know the end of %j', (query) => {
    expect(deadlineOf(new URL(`${HOST}/o/1.mp4${query}`))).toBeNull();
  });

  it('finds the same end however the signature is written', () => {
    const seconds = fc.integer({ min: 0, max: 4_000_000_000 });
    fc.assert(
      fc.property(seconds, fc.integer({ min: 0, max: 604_800 }), (signedAt, lifetime) => {
        const date = new Date(signedAt * 1000).toISOString().replace(/[-:]|\.000/g, '');
        const version4 = new URL(`${HOST}/o/1?X-Amz-Expires=${lifetime}&X-Amz-Date=${date}`);
        const version2 = new URL(`${HOST}/o/1?Expires=${signedAt + lifetime}`);
        expect(deadlineOf(version4)).toBe((signedAt + lifetime) * 1000);
        expect(deadlineOf(version2)).toBe((signedAt + lifetime) * 1000);
      }),
    );
  });

  it('never throws and never gives anything but a whole number or null', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.string(), (date, expires, version2) => {
        const url = new URL(`${HOST}/o/1`);
        url.search = new URLSearchParams({
          'X-Amz-Date': date,
          'X-Amz-Expires': expires,
          Expires: version2,
        }).toString();
        const deadline = deadlineOf(url);
        expect(deadline === null || (Number.isSafeInteger(deadline) && deadline >= 0)).toBe(true);
      }),
    );
  });
});

describe('fileIdOf', () => {
  it('is the same for two signatures of one file and for an explicit default port', () => {
    const id = fileIdOf(new URL(`${HOST}/o/1.mp4?X-Amz-Signature=a`));
    expect(id).toMatch(/^[0-9a-f]{16}$/);
    expect(fileIdOf(new URL(`${HOST}:443/o/1.mp4?X-Amz-Signature=b`))).toBe(id);
  });

  it('differs by path and by host', () => {
    const urls = [`${HOST}/o/1.mp4`, `${HOST}/o/2.mp4`, 'https://zencoder-live.s3.amazonaws.com/o/1.mp4'];
    expect(new Set(urls.map((url) => fileIdOf(new URL(url)))).size).toBe(3);
  });
});

describe('filenameOf', () => {
  it.each([
    ['/o/20260315/d762/frame_0000.png', 'frame_0000.png'],
    ['/3cd8d3dd%2F4931db74.mp4', '4931db74.mp4'],
    ['/o/my%20film%20%281%29.mp4', 'my film (1).mp4'],
    ['/o/f%C3%BCr.mp4', 'für.mp4'],
    ['/o/100%.mp4', '100_.mp4'],
    ['/o/%FF%20a.mp4', '_FF_20a.mp4'],
    ['/o/a%0Ab%00.mp4', 'a_b_.mp4'],
    ['/o/a%5C..%5Cb.mp4', 'b.mp4'],
    ['/o/..%2F..%2F', 'file'],
    ['/o/dir/', 'dir'],
    ['/', 'file'],
  ])('takes from %s the name %s', (path, name) => {
    expect(filenameOf(new URL(`${HOST}${path}`))).toBe(name);
  });

  it('is never empty, never climbs, never holds a separator, and stays short with its extension', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (name) => {
        const url = new URL(`${HOST}/o/${encodeURIComponent(name.toWellFormed())}.mp4`);
        const filename = filenameOf(url);
        expect(filename).not.toMatch(/[/\\\p{Cc}]/u);
        expect(filename.endsWith('.mp4')).toBe(true);
        expect(filename.isWellFormed()).toBe(true);
        expect(filename.length).toBeLessThanOrEqual(180);
      }),
    );
  });
});

describe('isPackage', () => {
  it.each(['a.zip', 'A.ZIP', 'a.tar', 'a.tar.gz', 'a.tgz'])('%s is one', (name) => {
    expect(isPackage(name)).toBe(true);
  });
  it.each(['a.mp4', 'zip', 'a.zip.mp4'])('%s is none', (name) => {
    expect(isPackage(name)).toBe(false);
  });
});
