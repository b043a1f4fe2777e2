import { describe, expect, it } from 'vitest';
import {
  ChecksumMismatch,
  DestinationBusy,
  DestinationDenied,
  endsPlan,
  KeyContested,
  Md5Mismatch,
  SizeMismatch,
  SourceChanged,
  SourceRefused,
  SourceUnavailable,
  UploadContested,
  UploadNotFound,
} from '../../../../lambda/worker/copy/errors.ts';

describe('endsPlan', () => {
  it.each([
    ['an upload that vanished', new UploadNotFound('NoSuchUpload')],
    ['an upload whose completion stays contested', new UploadContested('409')],
    ['a source that changed', new SourceChanged('another ETag')],
    ['a checksum that S3 computed otherwise', new ChecksumMismatch('CRC32')],
    ['an MD5 other than announced', new Md5Mismatch('MD5')],
  ])('is true of %s: what the upload holds is of no use', (_, error) => {
    expect(endsPlan(error)).toBe(true);
  });

  it.each([
    ['a source that is away', new SourceUnavailable('503')],
    ['a URL that is refused', new SourceRefused('403')],
    ['a size other than announced', new SizeMismatch('999 bytes')],
    ['a bucket that is busy', new DestinationBusy('SlowDown')],
    ['a bucket that denies', new DestinationDenied('s3:PutObject')],
    ['a completion that is contested once', new KeyContested('409')],
    ['what is no fault of a copy', new TypeError('undefined is not a function')],
  ])('is false of %s: every part in the bucket is kept', (_, error) => {
    expect(endsPlan(error)).toBe(false);
  });
});
