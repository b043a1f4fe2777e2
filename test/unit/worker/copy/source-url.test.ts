import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SourceUrlUnusable } from '../../../../lambda/shared/zencoder/file-url.ts';
import { parseSourceUrl } from '../../../../lambda/worker/copy/source-url.ts';

describe('parseSourceUrl', () => {
  it('keeps path and query byte for byte, as in the sample with a lone % and port 443', () => {
    const raw =
      'https://zencoder-live.s3.amazonaws.com:443/3cd8d3dd%2F4931db.mp4?Signature=q%2BcWexampleQ8%&Expires=1773569000&AWSAccessKeyId=AKIA';

    expect(parseSourceUrl(raw)).toEqual({
      origin: 'https://zencoder-live.s3.amazonaws.com',
      secure: true,
      hostname: 'zencoder-live.s3.amazonaws.com',
      port: 443,
      serverName: 'zencoder-live.s3.amazonaws.com',
      host: 'zencoder-live.s3.amazonaws.com',
      target: '/3cd8d3dd%2F4931db.mp4?Signature=q%2BcWexampleQ8%&Expires=1773569000&AWSAccessKeyId=AKIA',
    });
  });

  it('keeps any target without dot segments that a request line can hold', () => {
    const targets = fc
      .stringMatching(/^\/[\x21\x22\x24-\x7e]*$/)
      .filter((target) => !/^[^?]*(?:\\|\/(?:\.|%2e){1,2}(?:[/?]|$))/i.test(target));
    fc.assert(
      fc.property(targets, (target) => {
        expect(parseSourceUrl(`http://127.0.0.1:81${target}`).target).toBe(target);
      }),
    );
  });

  it('lets no target break out of the request line', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        try {
          expect(parseSourceUrl(`http://host/${text}`).target).toMatch(/^\/[\x21-\x7e]*$/);
        } catch (error) {
          expect(error).toBeInstanceOf(SourceUrlUnusable);
        }
      }),
    );
  });

  it.each([
    ['http://host', { target: '/', port: 80, secure: false }],
    ['http://host?a=b', { target: '/?a=b' }],
    ['https://host:8443/x#fragment', { target: '/x', port: 8443, host: 'host:8443' }],
    ['https://host/a b/ü', { target: '/a%20b/%C3%BC' }],
    ['https://[::1]:444/x', { hostname: '::1', serverName: undefined, host: '[::1]:444' }],
    ['https://127.0.0.1/x', { serverName: undefined }],
    [' https://host/x\n', { target: '/x' }],
    ['https://host.example./x', { host: 'host.example.', serverName: 'host.example' }],
  ])('parses %s', (raw, expected) => {
    expect(parseSourceUrl(raw)).toMatchObject(expected);
  });

  it.each([
    'ftp://host/x',
    'https://user:pass@host/x',
    'https://user@host/x',
    'https://:pass@host/x',
    '//host/x',
    'https://host/a\r\nX: y',
    'https://host/evil-bucket/../zencoder-live/o/1.mp4',
    'https://host/evil-bucket/%2E%2e/zencoder-live/o/1.mp4',
    'https://host/evil-bucket\\..\\zencoder-live/1.mp4',
    'https://host/./1.mp4',
    '',
  ])('throws for %j without repeating it', (raw) => {
    expect(() => parseSourceUrl(raw)).toThrow(SourceUrlUnusable);
    expect(() => parseSourceUrl(raw)).toThrow(/^(?!.*host).*$/);
  });
});
