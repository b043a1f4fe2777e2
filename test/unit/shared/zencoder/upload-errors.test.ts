import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  destinationHostOf,
  errorClassOf,
  UPLOAD_ERRORS,
  uploadErrorCertainty,
  uploadErrorKind,
  withoutSecrets,
} from '../../../../lambda/shared/zencoder/upload-errors.ts';

const PAGES = 'https://zencoder.support.brightcove.com/error-troubleshooting/error-codes';

describe('errorClassOf', () => {
  it.each([
    ['https://app.zencoder.com/docs/errors/UnableToResolveHostError', 'UnableToResolveHostError'],
    ['https://app.zencoder.com/docs/errors/UploadTimeoutError/', 'UploadTimeoutError'],
    ['https://app.zencoder.com/docs/errors/UploadTimeoutError?from=api', 'UploadTimeoutError'],
    ['http://zencoder.com/docs/errors/#UploadAccessDeniedError', 'UploadAccessDeniedError'],
    [`${PAGES}/error-uploadaccessdeniederror.html`, 'UploadAccessDeniedError'],
    [`${PAGES}/Error-TransferInvalidGranteeIDError.HTML`, 'Transfer::InvalidGranteeIDError'],
    [
      'https://app.zencoder.com/docs/errors/Transfer%3A%3AInvalidGranteeIDError',
      'Transfer::InvalidGranteeIDError',
    ],
    ['https://app.zencoder.com/docs/errors/uploadfailureerror', 'UploadFailureError'],
    ['https://app.zencoder.com/docs/errors/SomethingNewError', 'SomethingNewError'],
    [`${PAGES}/error-somethingnewerror.html`, 'somethingnewerror'],
    ['UploadTimeoutError', 'UploadTimeoutError'],
    ['https://app.zencoder.com/docs/errors/', 'UnknownUploadError'],
    [`${PAGES}/index.html`, 'UnknownUploadError'],
    ['https://Example', 'UnknownUploadError'],
    ['not a link', 'UnknownUploadError'],
    ['', 'UnknownUploadError'],
    [null, 'UnknownUploadError'],
  ])('reads from the link %j the class %s', (link, errorClass) => {
    expect(errorClassOf(link)).toBe(errorClass);
  });

  it('falls back to a class that the message contains', () => {
    expect(errorClassOf(null, withoutSecrets('UploadTimeoutError: it took too long'))).toBe(
      'UploadTimeoutError',
    );
    expect(errorClassOf('https://app.zencoder.com/docs/errors/', withoutSecrets('No class in here.'))).toBe(
      'UnknownUploadError',
    );
  });

  it('never returns a part of a password as the class', () => {
    expect(errorClassOf(null, withoutSecrets('ftp://render:MyOwnError@ftp.acme.example failed'))).toBe(
      'UnknownUploadError',
    );
  });

  it('finds every known class in every form of link', () => {
    const form = fc.constantFrom(
      (name: string) => `https://app.zencoder.com/docs/errors/${name}`,
      (name: string) => `http://zencoder.com/docs/errors/#${name}`,
      (name: string) => `${PAGES}/error-${name.toLowerCase().replaceAll(':', '')}.html`,
      (name: string) => `${PAGES}/error-${name.toLowerCase().replaceAll(':', '')}.html#top`,
    );
    fc.assert(
      fc.property(fc.constantFrom(...UPLOAD_ERRORS), form, ({ errorClass }, link) => {
        expect(errorClassOf(link(errorClass))).toBe(errorClass);
      }),
    );
  });

  it('returns a short plain name for any text', () => {
    const text = fc.option(fc.oneof(fc.string(), fc.webUrl({ withFragments: true })));
    fc.assert(
      fc.property(text, text, (link, message) => {
        expect(errorClassOf(link, message === null ? null : withoutSecrets(message))).toMatch(
          /^[A-Za-z][A-Za-z0-9_:]{0,250}$/,
        );
      }),
    );
  });
});

describe('uploadErrorKind', () => {
  it('finds each class of the catalogue once, in any case', () => {
    for (const { errorClass } of UPLOAD_ERRORS) {
      expect(uploadErrorKind(errorClass.toUpperCase())?.errorClass).toBe(errorClass);
      expect(uploadErrorCertainty(errorClass)).not.toBe('no');
    }
    expect(uploadErrorKind('SomethingNewError')).toBeNull();
  });
});

describe('uploadErrorCertainty', () => {
  it('rates unknown classes by their name', () => {
    expect(uploadErrorCertainty('UploadQuotaError')).toBe('certain');
    expect(uploadErrorCertainty('Transfer::SomethingError')).toBe('likely');
    expect(uploadErrorCertainty('DownloadUploadError')).toBe('no');
    expect(uploadErrorCertainty('TranscodingError')).toBe('no');
    expect(uploadErrorCertainty('UnknownUploadError')).toBe('no');
  });
});

describe('destinationHostOf', () => {
  it.each([
    [
      'There was a problem resolving the host at ftp://media.acme.example. Please check.',
      'media.acme.example',
    ],
    ['Access was denied while uploading to s3://acme-video-out/shows/hd.mp4.', 'acme-video-out'],
    ['s3+eu-central-1://acme.video/key took too long to respond.', 'acme.video'],
    ['ftp://render:n0t-real%21@FTP.acme.example:2121 took too long.', 'ftp.acme.example'],
    ['ftp://render:pa/ss@ftp.acme.example/x failed', 'ftp.acme.example'],
    ['ftp://render:12/34@ftp.acme.example/x failed', null],
    ['ftp://render:hunter2', null],
    ['PUT http://acme.s3.amazonaws.com/a.mp4 failed', 'acme.s3.amazonaws.com'],
    ['(see "https://[2001:db8::1]:8443/x")', '[2001:db8::1]'],
    ['upload to acme-nsu.akamaihd.example finished', 'acme-nsu.akamaihd.example'],
    ['No bucket named acme-thumbz was found on S3.', 'acme-thumbz'],
    ['Could not write to show.720.mp4/', null],
    ['No access key matching the one provided was found on S3.', null],
    ['ftp://render:p@ss/word@ftp.acme.example/x failed', null],
    ['ftp://render:a@b?c@ftp.acme.example/x failed', null],
    ['sftp://render:s3@cret#x@ftp.acme.example/x failed', null],
    ['ftp://render:two@b.words here@ftp.acme.example/x failed', null],
    ['ftp://render:cut@off', null],
    ['password changed to my.secret.word', null],
    ['://', null],
    [null, null],
  ])('reads from %j the host %s', (message, host) => {
    expect(destinationHostOf(message === null ? null : withoutSecrets(message))).toBe(host);
  });

  it('never returns a part of a password, for any message', () => {
    const secret = fc
      .stringMatching(/^[A-Za-z0-9!/%@:?# .]{10,20}$/)
      .filter((text) => !text.startsWith('//'));
    fc.assert(
      fc.property(fc.string(), secret, fc.string(), (before, password, after) => {
        const host =
          destinationHostOf(withoutSecrets(`${before} ftp://user:${password}@host.example/ ${after}`)) ?? '';
        const pieces = password.toLowerCase().split(/[^a-z0-9]+/);
        expect(pieces.filter((piece) => piece.length > 3 && host.includes(piece))).toEqual([]);
      }),
      { numRuns: 2000 },
    );
  });
});
