import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  DEFAULT_ZENCODER_STORAGE,
  InvalidStorageEntry,
  parseStorageAllowList,
} from '../../../lambda/shared/storage-hosts.ts';

const BUCKET = 'zencoder-temp-storage-us-east-1';

describe('the allow-list of Zencoder storage', () => {
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
    `https://s3-us-gov-west-1.amazonaws.com/${BUCKET}/o/1.mp4`,
    `HTTPS://${BUCKET.toUpperCase()}.S3.AMAZONAWS.COM/o/1.mp4`,
  ])('allows %s', (url) => {
    expect(list.allows(new URL(url))).toBe(true);
  });

  it.each([
    ['a look-alike behind the name', `https://${BUCKET}.s3.amazonaws.com.evil.example/o/1.mp4`],
    ['a look-alike before the name', `https://evil.example/${BUCKET}.s3.amazonaws.com/o/1.mp4`],
    ['a longer bucket name', `https://${BUCKET}-evil.s3.amazonaws.com/o/1.mp4`],
    ['a bucket that ends in the name', `https://evil-${BUCKET}.s3.amazonaws.com/o/1.mp4`],
    ['a sub-domain of the name', `https://evil.${BUCKET}.s3.amazonaws.com/o/1.mp4`],
    ['a bucket made to look like an endpoint', `https://${BUCKET}.s3.s3.amazonaws.com/o/1.mp4`],
    ['a bucket with a region in its name', `https://${BUCKET}.s3.us-east-1.s3.amazonaws.com/o/1.mp4`],
    ['a website endpoint', `https://${BUCKET}.s3-website-us-east-1.amazonaws.com/o/1.mp4`],
    ['another AWS service', `https://${BUCKET}.execute-api.us-east-1.amazonaws.com/o/1.mp4`],
    ['another bucket in path style', 'https://s3.amazonaws.com/evil/o/1.mp4'],
    ['a longer bucket in path style', `https://s3.amazonaws.com/${BUCKET}-evil/o/1.mp4`],
    ['a path that climbs out of the bucket', `https://s3.amazonaws.com/${BUCKET}/../evil/1.mp4`],
    ['the same with escapes', `https://s3.amazonaws.com/${BUCKET}/%2e%2e/evil/1.mp4`],
    ['plain http', `http://${BUCKET}.s3.amazonaws.com/o/1.mp4`],
    ['another scheme', `ftp://${BUCKET}.s3.amazonaws.com/o/1.mp4`],
    ['another port', `https://${BUCKET}.s3.amazonaws.com:8443/o/1.mp4`],
    ['user info', `https://user:pw@${BUCKET}.s3.amazonaws.com/o/1.mp4`],
    ['a user without a password', `https://user@${BUCKET}.s3.amazonaws.com/o/1.mp4`],
    ['a password without a user', `https://:pw@${BUCKET}.s3.amazonaws.com/o/1.mp4`],
    ['the name as user info', `https://${BUCKET}.s3.amazonaws.com@evil.example/o/1.mp4`],
    ['a trailing dot', `https://${BUCKET}.s3.amazonaws.com./o/1.mp4`],
    ['the metadata address', 'http://169.254.169.254/latest/meta-data/'],
    ['an IPv6 address', 'https://[::ffff:169.254.169.254]/o/1.mp4'],
    ['a decimal address', 'https://2852039166/o/1.mp4'],
    ['letters that only look the same', `https://zеncoder-live.s3.amazonaws.com/o/1.mp4`],
    ['no object at all', `https://${BUCKET}.s3.amazonaws.com/`],
    ['no object in path style', `https://s3.amazonaws.com/${BUCKET}/`],
    ['data', 'data:text/plain,zencoder-live.s3.amazonaws.com'],
  ])('refuses %s', (_, url) => {
    expect(list.allows(new URL(url))).toBe(false);
  });

  it('refuses every host that differs from the bucket and its endpoints', () => {
    const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,12}[a-z0-9])?$/);
    const hosts = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.'));
    fc.assert(
      fc.property(hosts, fc.constantFrom('before', 'after'), (extra, side) => {
        const name = `${BUCKET}.s3.amazonaws.com`;
        const host = side === 'before' ? `${extra}.${name}` : `${name}.${extra}`;
        fc.pre(URL.canParse(`https://${host}/o/1`));
        expect(list.allows(new URL(`https://${host}/o/1`))).toBe(false);
      }),
    );
  });

  it('takes an origin with a bucket path for storage that is not on AWS', () => {
    const local = parseStorageAllowList(`http://127.0.0.1:4567/${BUCKET}, https://minio.acme.example`);
    expect(local.allows(new URL(`http://127.0.0.1:4567/${BUCKET}/o/1.mp4`))).toBe(true);
    expect(local.allows(new URL('https://minio.acme.example/any/1.mp4'))).toBe(true);
    expect(local.allows(new URL(`http://127.0.0.1:4568/${BUCKET}/o/1.mp4`))).toBe(false);
    expect(local.allows(new URL(`https://127.0.0.1:4567/${BUCKET}/o/1.mp4`))).toBe(false);
    expect(local.allows(new URL(`http://127.0.0.1:4567/${BUCKET}-evil/o/1.mp4`))).toBe(false);
    expect(local.allows(new URL(`http://a:b@127.0.0.1:4567/${BUCKET}/o/1.mp4`))).toBe(false);
    expect(local.allows(new URL(`https://${BUCKET}.s3.amazonaws.com/o/1.mp4`))).toBe(false);
  });

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
  ])('refuses the entry %j', (entry) => {
    expect(() => parseStorageAllowList(entry)).toThrow(InvalidStorageEntry);
  });

  it('does not repeat the credentials of a wrong entry', () => {
    expect(() => parseStorageAllowList('https://user:hunter2@host')).not.toThrow(/hunter2/);
  });
});
