import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HOUR_MS, MINUTE_MS } from '../../../../lambda/shared/runtime/durations.ts';
import {
  deadlineOf,
  fileIdOf,
  filenameOf,
  isPackage,
  sourceOf,
} from '../../../../lambda/shared/zencoder/signed-url.ts';

const HOST = 'https://zencoder-temp-storage-us-east-1.s3.amazonaws.com';

const FINISHED = Date.parse('2026-03-14T10:02:32Z');
const NOW = FINISHED + 5000;

describe('deadlineOf', () => {
  const deadline = (target: string, now = NOW) => deadlineOf(`${HOST}${target}`, FINISHED, now);

  it('adds the seconds of a version 4 signature to its date', () => {
    expect(deadline('/o/1.mp4?X-Amz-Date=20260314T100232Z&X-Amz-Expires=86399&X-Amz-Signature=a')).toBe(
      Date.parse('2026-03-15T10:02:31Z'),
    );
  });

  it('reads the epoch seconds of a version 2 signature, even beside a damaged escape', () => {
    const now = 1773569000_000 - HOUR_MS;
    expect(
      deadline(':443/a%2Fb.mp4?Signature=q%2BcWexampleQ8%&Expires=1773569000&AWSAccessKeyId=A', now),
    ).toBe(1773569000_000);
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
  ])('returns a day after the output finished where the query %j has no deadline', (query) => {
    expect(deadline(`/o/1.mp4${query}`)).toBe(FINISHED + 24 * HOUR_MS);
  });

  it.each([
    ['an end centuries ahead', '?Expires=99999999999'],
    ['a lifetime of decades', '?X-Amz-Date=20260314T100232Z&X-Amz-Expires=999999999'],
    ["S3's own longest lifetime", '?X-Amz-Date=20260314T100232Z&X-Amz-Expires=604800'],
    ['a date far ahead', '?X-Amz-Date=29260314T100232Z&X-Amz-Expires=1'],
  ])('limits %s to two days from now', (_, query) => {
    expect(deadline(`/o/1.mp4${query}`)).toBe(NOW + 48 * HOUR_MS);
    expect(deadlineOf(`${HOST}/o/1.mp4`, Date.parse('2999-01-01'), NOW)).toBe(NOW + 48 * HOUR_MS);
  });

  it("keeps the longest lifetime that was observed: that of the documentation's sample", () => {
    const end = FINISHED + 38 * HOUR_MS + 53 * MINUTE_MS + 47_000;
    expect(deadline(`/o/1.mp4?Expires=${end / 1000}`)).toBe(end);
  });

  it('returns the same deadline for both versions of a signature', () => {
    const seconds = fc.integer({ min: 0, max: 4_000_000_000 });
    fc.assert(
      fc.property(seconds, fc.integer({ min: 0, max: 172_800 }), (signedAt, lifetime) => {
        const date = new Date(signedAt * 1000).toISOString().replace(/[-:]|\.000/g, '');
        const now = signedAt * 1000;
        const end = (signedAt + lifetime) * 1000;
        expect(deadline(`/o/1?X-Amz-Expires=${lifetime}&X-Amz-Date=${date}`, now)).toBe(end);
        expect(deadline(`/o/1?Expires=${signedAt + lifetime}`, now)).toBe(end);
      }),
    );
  });

  it('returns a whole number within two days from now, for any query', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.string(), (date, expires, version2) => {
        const query = new URLSearchParams({
          'X-Amz-Date': date,
          'X-Amz-Expires': expires,
          Expires: version2,
        });
        const end = deadline(`/o/1?${query.toString()}`);
        expect(Number.isSafeInteger(end) && end >= 0 && end <= NOW + 48 * HOUR_MS).toBe(true);
      }),
    );
  });
});

const BUCKET = 'zencoder-temp-storage-us-east-1';
/** Every form of the address of a bucket, up to the key. */
const FORMS = [
  `https://${BUCKET}.s3.amazonaws.com/`,
  `https://${BUCKET}.s3.amazonaws.com:443/`,
  `https://${BUCKET}.s3.amazonaws.com./`,
  `http://${BUCKET}.s3.amazonaws.com/`,
  `HTTPS://${BUCKET.toUpperCase()}.S3.AMAZONAWS.COM/`,
  `https://${BUCKET}.s3.us-east-1.amazonaws.com/`,
  `https://${BUCKET}.s3-us-east-1.amazonaws.com/`,
  `https://${BUCKET}.s3-external-1.amazonaws.com/`,
  `https://${BUCKET}.s3.dualstack.us-east-1.amazonaws.com/`,
  `https://${BUCKET}.s3-fips.us-east-1.amazonaws.com/`,
  `https://${BUCKET}.s3-fips.dualstack.us-east-1.amazonaws.com/`,
  `https://${BUCKET}.s3-accelerate.amazonaws.com/`,
  `https://${BUCKET}.s3-accelerate.dualstack.amazonaws.com/`,
  `https://s3.amazonaws.com/${BUCKET}/`,
  `https://s3.us-east-1.amazonaws.com/${BUCKET}/`,
  `https://s3-external-1.amazonaws.com/${BUCKET}/`,
  `https://s3.dualstack.us-east-1.amazonaws.com/${BUCKET}/`,
];
const ORIGIN = 'http://127.0.0.1:4567/zencoder-live/';

/** A key as bytes, without the dot segments and backslashes that no request is made for. */
const keys = fc
  .array(
    fc.oneof(
      fc.constantFrom(...Array.from('/ab.~%()+ ü', (character) => Buffer.from(character))),
      fc.uint8Array({ minLength: 1, maxLength: 3 }).map((bytes) => Buffer.from(bytes)),
    ),
    { minLength: 1, maxLength: 12 },
  )
  .map((pieces) => Buffer.concat([Buffer.from('k'), ...pieces]))
  .filter((key) => !/\/\.{1,2}(?:\/|$)/.test(key.toString('latin1')));

/** One of the ways to write a key: each byte that may stand as it is does so or is escaped, in either case. */
function spell(key: Buffer, choices: readonly number[]): string {
  return [...key]
    .map((byte, index) => {
      const choice = choices[index % choices.length] ?? 0;
      const escaped = `%${byte.toString(16).padStart(2, '0')}`;
      const character = String.fromCharCode(byte);
      if (choice === 0 && /[A-Za-z0-9/~()+_-]/.test(character)) return character;
      return choice === 1 ? escaped : escaped.toUpperCase();
    })
    .join('');
}

describe('fileIdOf', () => {
  const forms = fc.constantFrom(...FORMS);
  const spellings = fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 1, maxLength: 40 });

  it('returns one id for every form of the host, every escaping and every signature of one object', () => {
    fc.assert(
      fc.property(forms, forms, keys, spellings, spellings, (form, otherForm, key, choices, otherChoices) => {
        const id = fileIdOf(`${form}${spell(key, choices)}?X-Amz-Signature=a`);
        expect(id).toMatch(/^[0-9a-f]{16}$/);
        expect(fileIdOf(` ${otherForm}${spell(key, otherChoices)}?Signature=b&Expires=1#c\n`)).toBe(id);
      }),
    );
  });

  it('returns different ids for different keys, buckets and origins', () => {
    fc.assert(
      fc.property(keys, keys, spellings, (key, other, choices) => {
        fc.pre(!key.equals(other));
        for (const place of [...FORMS.slice(0, 1), ORIGIN]) {
          expect(fileIdOf(`${place}${spell(key, choices)}`)).not.toBe(
            fileIdOf(`${place}${spell(other, choices)}`),
          );
        }
      }),
    );
    const places = [
      `https://${BUCKET}.s3.amazonaws.com/o/1.mp4`,
      'https://zencoder-live.s3.amazonaws.com/o/1.mp4',
      'https://zencoder-live.s3.us-gov-west-1.amazonaws.com/o/1.mp4',
      `${ORIGIN}o/1.mp4`,
      'http://127.0.0.1:4568/zencoder-live/o/1.mp4',
      'https://minio.acme.example/zencoder-live/o/1.mp4',
    ];
    expect(new Set(places.map(fileIdOf)).size).toBe(places.length);
  });

  it.each([
    ['reads an escaped slash as a slash', '/a%2Fb.mp4', '/a/b.mp4', true],
    ['reads a lone percent sign as itself', '/100%.mp4', '/100%25.mp4', true],
    ['does not decode an escape twice', '/a%2541', '/a%41', false],
    ['distinguishes bytes that are not UTF-8 from the text of their escapes', '/a%FF', '/a%25FF', false],
    ['distinguishes two ways to compose a letter', '/%C3%BC', '/u%CC%88', false],
    ['distinguishes a plus sign from a space', '/a+b', '/a%20b', false],
    ['reads a slash at the beginning as part of the key', '//a', '/a', false],
  ])('%s', (_, one, other, same) => {
    expect(fileIdOf(`${HOST}${one}`) === fileIdOf(`${HOST}${other}`)).toBe(same);
  });

  it('returns one id for every escaping under an origin that is not AWS', () => {
    expect(fileIdOf(`${ORIGIN}Episode%20%281%29%7Ea.mp4?x`)).toBe(fileIdOf(`${ORIGIN}Episode%20(1)~a.mp4`));
  });
});

describe('sourceOf', () => {
  it.each([
    [`https://s3.amazonaws.com/${BUCKET}/o/a%20(1).mp4?Signature=a`, `s3://${BUCKET}/o/a (1).mp4`],
    [`${HOST}/o%2F%C3%BC.mp4`, `s3://${BUCKET}/o/ü.mp4`],
    [`${HOST}/o/%FF%1B%0Aa%.mp4`, `s3://${BUCKET}/o/%FF%1B%0Aa%.mp4`],
    [`${ORIGIN}o/1.mp4?Signature=a`, `${ORIGIN}o/1.mp4`],
  ])('returns the place of %s without its query', (url, source) => {
    expect(sourceOf(url)).toBe(source);
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
  ])('reads from %s the name %s', (path, name) => {
    expect(filenameOf(`${HOST}${path}`)).toBe(name);
  });

  it('returns a short name with its extension and without separators or control characters, for any path', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (name) => {
        const filename = filenameOf(`${HOST}/o/${encodeURIComponent(name.toWellFormed())}.mp4`);
        expect(filename).not.toMatch(/[/\\\p{Cc}]/u);
        expect(filename.endsWith('.mp4')).toBe(true);
        expect(filename.isWellFormed()).toBe(true);
        expect(filename.length).toBeLessThanOrEqual(180);
      }),
    );
  });
});

describe('isPackage', () => {
  it.each(['a.zip', 'A.ZIP', 'a.tar', 'a.tar.gz', 'a.tgz'])('accepts %s', (name) => {
    expect(isPackage(name)).toBe(true);
  });

  it.each(['a.mp4', 'zip', 'a.zip.mp4'])('rejects %s', (name) => {
    expect(isPackage(name)).toBe(false);
  });
});
