import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  cachingAllowList,
  DEFAULT_ZENCODER_STORAGE,
  InvalidStorageEntry,
  parseStorageAllowList,
} from '../../../../lambda/shared/zencoder/storage.ts';

const BUCKET = 'zencoder-temp-storage-us-east-1';

describe('StorageAllowList.admit', () => {
  const list = parseStorageAllowList(DEFAULT_ZENCODER_STORAGE);

  it.each([
    `https://${BUCKET}.s3.amazonaws.com/o/1.mp4?X-Amz-Signature=a`,
    `https://${BUCKET}.s3.amazonaws.com:443/o/1.mp4`,
    'https://zencoder-live.s3.amazonaws.com:443/3cd8%2F49.mp4?Signature=q%2BQ8%&Expires=1',
    `https://${BUCKET}.s3.us-east-1.amazonaws.com/o/1.mp4`,
    `https://${BUCKET}.s3-us-west-2.amazonaws.com/o/1.mp4`,
    `https://${BUCKET}.s3.dualstack.us-east-1.amazonaws.com/o/1.mp4`,
    `https://s3.amazonaws.com/${BUCKET}/o/1.mp4`,
    `https://s3.us-east-1.amazonaws.com/${BUCKET}/o/1.mp4`,
    `https://${BUCKET}.s3-external-1.amazonaws.com/o/1.mp4`,
    `https://s3-external-1.amazonaws.com/${BUCKET}/o/1.mp4`,
    `https://${BUCKET}.s3-fips.us-east-1.amazonaws.com/o/1.mp4`,
    `https://s3-fips.dualstack.us-east-1.amazonaws.com/${BUCKET}/o/1.mp4`,
    `https://${BUCKET}.s3-accelerate.amazonaws.com/o/1.mp4`,
    `https://${BUCKET}.s3-accelerate.dualstack.amazonaws.com/o/1.mp4`,
    `https://${BUCKET}.s3.amazonaws.com./o/1.mp4`,
    `https://${BUCKET}.s3.ap-southeast-7.amazonaws.com/o/1.mp4`,
    `https://${BUCKET}.s3.mx-central-1.amazonaws.com/o/1.mp4`,
    `HTTPS://${BUCKET.toUpperCase()}.S3.AMAZONAWS.COM/o/1.mp4`,
  ])('admits %s, byte for byte', (url) => {
    expect(list.admit(url)).toMatchObject({ kind: 'admitted', file: { text: url } });
  });

  it('removes the white space around a URL, and nothing else', () => {
    const url = `https://${BUCKET}.s3.amazonaws.com/o/a%2fb+c%.mp4?X-Amz-Signature=%2B%`;
    for (const written of [` ${url}`, `${url}\n`, `\r\n\t${url} \u00a0`]) {
      expect(list.admit(written)).toMatchObject({ kind: 'admitted', file: { text: url } });
    }
  });

  it.each([
    [
      `http://${BUCKET}.s3.amazonaws.com/o/1.mp4?X-Amz-Signature=%2b`,
      `${BUCKET}.s3.amazonaws.com/o/1.mp4?X-Amz-Signature=%2b`,
    ],
    [`HTTP://s3.amazonaws.com:80/${BUCKET}/a%28b`, `s3.amazonaws.com/${BUCKET}/a%28b`],
  ])('replaces http by https for a listed bucket, and keeps the rest as written: %s', (url, rest) => {
    expect(list.admit(url)).toMatchObject({ kind: 'admitted', file: { text: `https://${rest}` } });
  });

  it('rejects a URL with http that is too long with https', () => {
    const origin = `http://${BUCKET}.s3.amazonaws.com/`;
    const written = `${origin}${'a'.repeat(8192 - origin.length)}`;
    expect(list.admit(written)).toMatchObject({
      kind: 'form-not-allowed',
      why: expect.stringContaining('too long'),
    });
  });

  it.each([
    [
      'at a website endpoint',
      `https://${BUCKET}.s3-website-us-east-1.amazonaws.com/o/1.mp4`,
      /no endpoint of S3/,
    ],
    ['in GovCloud', 'https://zencoder-live.s3.us-gov-west-1.amazonaws.com/o/x.mp4', /commercial partition/],
    [
      'in GovCloud, path style',
      `https://s3.us-gov-east-1.amazonaws.com/${BUCKET}/o/x.mp4`,
      /commercial partition/,
    ],
    [
      'in GovCloud, old form',
      `https://s3-us-gov-west-1.amazonaws.com/${BUCKET}/o/x.mp4`,
      /commercial partition/,
    ],
    ['in GovCloud, FIPS', `https://${BUCKET}.s3-fips.us-gov-west-1.amazonaws.com/x`, /commercial partition/],
    ['in China', `https://${BUCKET}.s3.cn-north-1.amazonaws.com.cn/o/x.mp4`, /commercial partition/],
    [
      'in a region that does not exist',
      'https://zencoder-live.s3.zz-nowhere-99.amazonaws.com/o/x',
      /no endpoint of S3/,
    ],
    [
      'accelerated in path style',
      `https://s3-accelerate.amazonaws.com/${BUCKET}/o/1.mp4`,
      /no endpoint of S3/,
    ],
    ['on another port', `https://${BUCKET}.s3.amazonaws.com:8443/o/1.mp4`, /port/],
    ['with user info', `https://user:pw@${BUCKET}.s3.amazonaws.com/o/1.mp4`, /user info/],
    ['with a user alone', `https://user@${BUCKET}.s3.amazonaws.com/o/1.mp4`, /user info/],
    ['with a password alone', `https://:pw@${BUCKET}.s3.amazonaws.com/o/1.mp4`, /user info/],
    ['with dot segments in the path', `https://s3.amazonaws.com/evil/../${BUCKET}/1.mp4`, /dot segments/],
    ['with a line break within', `https://${BUCKET}.s3.amazonaws.com/o/\n1.mp4`, /control characters/],
    ['without an object', `https://${BUCKET}.s3.amazonaws.com/`, /no object/],
    ['without an object in path style', `https://s3.amazonaws.com/${BUCKET}/`, /no object/],
  ])('rejects a listed bucket %s, and says why', (_, url, why) => {
    const admission = list.admit(url);
    expect(admission).toMatchObject({ kind: 'form-not-allowed', host: new URL(url).host });
    expect(admission).toMatchObject({ why: expect.stringMatching(/^listed bucket, form not allowed: /) });
    expect(admission).toMatchObject({ why: expect.stringMatching(why) });
    expect(JSON.stringify(admission)).not.toContain('pw');
  });

  it.each([
    [
      'a host that continues after the bucket host',
      `https://${BUCKET}.s3.amazonaws.com.evil.example/o/1.mp4`,
    ],
    ['a host with the bucket host in its path', `https://evil.example/${BUCKET}.s3.amazonaws.com/o/1.mp4`],
    ['a longer bucket name', `https://${BUCKET}-evil.s3.amazonaws.com/o/1.mp4`],
    ['a bucket that ends in the name', `https://evil-${BUCKET}.s3.amazonaws.com/o/1.mp4`],
    ['a sub-domain of the name', `https://evil.${BUCKET}.s3.amazonaws.com/o/1.mp4`],
    ['a bucket made to look like an endpoint', `https://${BUCKET}.s3.s3.amazonaws.com/o/1.mp4`],
    ['a bucket with a region in its name', `https://${BUCKET}.s3.us-east-1.s3.amazonaws.com/o/1.mp4`],
    ['another AWS service', `https://${BUCKET}.execute-api.us-east-1.amazonaws.com/o/1.mp4`],
    ['another bucket in path style', 'https://s3.amazonaws.com/evil/o/1.mp4'],
    ['a longer bucket in path style', `https://s3.amazonaws.com/${BUCKET}-evil/o/1.mp4`],
    ['a path with dot segments that leave the bucket', `https://s3.amazonaws.com/${BUCKET}/../evil/1.mp4`],
    [
      'a path with escaped dot segments that leave the bucket',
      `https://s3.amazonaws.com/${BUCKET}/%2e%2e/evil/1.mp4`,
    ],
    ['another scheme', `ftp://${BUCKET}.s3.amazonaws.com/o/1.mp4`],
    ['the name as user info', `https://${BUCKET}.s3.amazonaws.com@evil.example/o/1.mp4`],
    ['the metadata address', 'http://169.254.169.254/latest/meta-data/'],
    ['an IPv6 address', 'https://[::ffff:169.254.169.254]/o/1.mp4'],
    ['a decimal address', 'https://2852039166/o/1.mp4'],
    ['a homograph of the bucket name', `https://zеncoder-live.s3.amazonaws.com/o/1.mp4`],
    ['a data URL', 'data:text/plain,zencoder-live.s3.amazonaws.com'],
    ['a bucket with an escape in its name', 'https://s3.amazonaws.com/zencoder%2Dlive/o/1.mp4'],
    ['a name that is too long for a host', `https://${`${'a'.repeat(60)}.`.repeat(5)}s3.amazonaws.com/1.mp4`],
    ['a path inside a package', 'thumbnails/frame_0000.png'],
  ])('rejects %s as not listed', (_, url) => {
    expect(list.admit(url)).toEqual({ kind: 'not-listed', why: 'not on the allow-list' });
  });

  it('rejects every host that differs from the bucket and its endpoints', () => {
    const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,12}[a-z0-9])?$/);
    const hosts = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.'));
    fc.assert(
      fc.property(hosts, fc.constantFrom('before', 'after'), (extra, side) => {
        const name = `${BUCKET}.s3.amazonaws.com`;
        const host = side === 'before' ? `${extra}.${name}` : `${name}.${extra}`;
        fc.pre(URL.canParse(`https://${host}/o/1`));
        expect(list.admit(`https://${host}/o/1`).kind).not.toBe('admitted');
      }),
    );
  });

  it('accepts exactly the listed origin and bucket path for storage that is not on AWS', () => {
    const local = parseStorageAllowList(`http://127.0.0.1:4567/${BUCKET}, https://minio.acme.example`);
    expect(local.admit(`http://127.0.0.1:4567/${BUCKET}/o/1.mp4`).kind).toBe('admitted');
    expect(local.admit('https://minio.acme.example/any/1.mp4').kind).toBe('admitted');
    expect(local.admit(`http://127.0.0.1:4568/${BUCKET}/o/1.mp4`).kind).not.toBe('admitted');
    expect(local.admit(`https://127.0.0.1:4567/${BUCKET}/o/1.mp4`).kind).not.toBe('admitted');
    expect(local.admit(`http://127.0.0.1:4567/${BUCKET}-evil/o/1.mp4`).kind).not.toBe('admitted');
    expect(local.admit(`http://a:b@127.0.0.1:4567/${BUCKET}/o/1.mp4`).kind).not.toBe('admitted');
    expect(local.admit(`https://${BUCKET}.s3.amazonaws.com/o/1.mp4`).kind).not.toBe('admitted');
  });
});

describe('parseStorageAllowList', () => {
  it.each([
    '',
    ' , ',
    'Zencoder-Live',
    'zencoder-*',
    'zencoder-live.s3.amazonaws.com',
    '127.0.0.1',
    'a',
    'two..dots',
    'zencoder-live/',
    'ftp://host/bucket',
    'https://user:pw@host/bucket',
    'https://user@host/bucket',
    'https://:pw@host/bucket',
    'https://host/bucket?x=1',
    'https://',
  ])('rejects the entry %j', (entry) => {
    expect(() => parseStorageAllowList(entry)).toThrow(InvalidStorageEntry);
  });

  it('does not repeat the credentials of an invalid entry', () => {
    expect(() => parseStorageAllowList('https://user:hunter2@host')).not.toThrow(/hunter2/);
  });
});

describe('remembering', () => {
  it('parses each URL once, with the results of the list', () => {
    const list = parseStorageAllowList(DEFAULT_ZENCODER_STORAGE);
    const parsed: string[] = [];
    const once = cachingAllowList({
      admit: (url) => {
        parsed.push(url);
        return list.admit(url);
      },
    });
    const urls = [`https://${BUCKET}.s3.amazonaws.com/o/1.mp4`, 'https://evil.example/1.mp4'];
    for (const url of [...urls, ...urls]) expect(once.admit(url)).toEqual(list.admit(url));
    expect(parsed).toEqual(urls);
  });
});
