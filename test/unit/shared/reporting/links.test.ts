import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { documentationLink, errorPage } from '../../../../lambda/shared/reporting/links.ts';

describe('documentationLink', () => {
  it.each([
    'https://app.zencoder.com/docs/errors/UploadAccessDeniedError',
    'https://zencoder.support.brightcove.com/error-troubleshooting/error-codes/index.html',
  ])('accepts %s, Zencoder’s documentation', (link) => {
    expect(documentationLink(link)).toBe(link);
  });

  it.each([
    null,
    '',
    'javascript:alert(1)',
    'JaVaScRiPt://app.zencoder.com/%0aalert(1)',
    'data:text/html,<script>alert(1)</script>',
    'http://app.zencoder.com/docs/errors/X',
    'https://app.zencoder.com.evil.example/docs',
    'https://app.zencoder.com@evil.example/',
    'https://user@app.zencoder.com/',
    'https://app.zencoder.com:8443/',
    '//app.zencoder.com/docs',
  ])('rejects %s', (link) => {
    expect(documentationLink(link)).toBeNull();
  });

  it('accepts only https to a known host', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.webUrl({ withFragments: true })), (link) => {
        const followed = documentationLink(link);
        if (followed !== null) expect(followed).toMatch(/^https:\/\/[a-z.]*(zencoder|brightcove)\.com\//);
      }),
    );
  });
});

describe('errorPage', () => {
  it('returns the page of a known class, in lower case without colons', () => {
    expect(errorPage('Transfer::InvalidGranteeIDError')).toMatch(
      /\/error-codes\/error-transferinvalidgranteeiderror\.html$/,
    );
  });

  it.each(['UnableToResolveHostError', 'UnknownUploadError', 'BrandNewError', '"><script>'])(
    'leads to the list of all classes for %s',
    (errorClass) => {
      expect(errorPage(errorClass)).toMatch(/\/error-codes\/index\.html$/);
    },
  );
});
