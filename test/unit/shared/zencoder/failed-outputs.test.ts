import { describe, expect, it } from 'vitest';
import { DAY_MS } from '../../../../lambda/shared/runtime/durations.ts';
import { findFailedOutputs, findUnlistedPlaces } from '../../../../lambda/shared/zencoder/failed-outputs.ts';
import { parseNotification } from '../../../../lambda/shared/zencoder/notification.ts';
import {
  DEFAULT_ZENCODER_STORAGE,
  parseStorageAllowList,
} from '../../../../lambda/shared/zencoder/storage.ts';

const storage = parseStorageAllowList(DEFAULT_ZENCODER_STORAGE);
const HOST = 'https://zencoder-temp-storage-us-east-1.s3.amazonaws.com';
const NOW = Date.parse('2026-04-01T00:00:00Z');

/** What is found in a notification of one output with these fields; undefined when there is nothing to do. */
function findIn(output: object, rest: object = {}, collectUnsentOutputs = false) {
  const notification = parseNotification({
    output: { id: 1, state: 'finished', ...output },
    job: { id: 2 },
    ...rest,
  });
  return findFailedOutputs(notification, { storage, collectUnsentOutputs }, NOW)[0];
}

describe('findFailedOutputs, for backup files', () => {
  it('takes backup_server_used alone as a failure', () => {
    const found = findIn({ backup_server_used: true, url: `${HOST}/o/1.mp4?Expires=1775100000` });
    expect(found?.files.map((file) => file.filename)).toEqual(['1.mp4']);
    expect(found?.failures).toEqual([
      { role: 'media', errorClass: 'UnknownUploadError', message: null, link: null, destinationHost: null },
    ]);
  });

  it('takes an upload error without backup_server_used as a failure with a backup file', () => {
    const found = findIn({ primary_upload_error_message: 'No.', url: `${HOST}/o/1.mp4` });
    expect(found?.files).toHaveLength(1);
  });

  it('takes an upload error of the thumbnails alone as a failure with backup files', () => {
    const images = [{ url: `${HOST}/o/f.png` }];
    const found = findIn({
      primary_thumbnail_upload_error_message: 'No.',
      thumbnails: [{ label: null, images }],
    });
    expect(found?.files.map(({ role }) => role)).toEqual(['thumbnail']);
    expect(found?.failures).toMatchObject([{ role: 'thumbnail', message: 'No.' }]);
  });

  it.each([
    `${HOST}.evil.example/o/1.mp4`,
    'http://169.254.169.254/latest/meta-data/iam',
    `https://user:pw@zencoder-live.s3.amazonaws.com/1.mp4`,
    'https://zencoder-live.s3.amazonaws.com:8443/1.mp4',
    'thumbnails/poster/frame_0000.png',
    '//zencoder-live.s3.amazonaws.com/1.mp4',
    'javascript:alert(1)',
    '',
    `${HOST}/${'a'.repeat(9000)}`,
  ])('rejects a URL that is not on Zencoder storage: %s', (url) => {
    const thumbnails = [{ label: null, images: [{ url }] }];
    const found = findIn({ backup_server_used: true, url, thumbnails });
    expect(found?.files).toEqual([]);
    expect(found?.failures).toHaveLength(1);
  });

  it.each([
    ['white space around it', ` ${HOST}/o/1.mp4?X-Amz-Signature=%2B\n`],
    ['http in place of https', `${HOST.replace('https', 'http')}/o/1.mp4?X-Amz-Signature=%2B`],
  ])('normalizes a URL with %s', (_, url) => {
    const found = findIn({ backup_server_used: true, url });
    expect(found?.files).toMatchObject([{ url: `${HOST}/o/1.mp4?X-Amz-Signature=%2B`, filename: '1.mp4' }]);
  });

  it('returns one file for two spellings of one object', () => {
    const images = [
      { url: `${HOST}/o/a%20%281%29.png?X-Amz-Signature=a` },
      { url: `${HOST.replace('.s3.', '.s3-external-1.')}/o/a%20(1).png?X-Amz-Signature=b` },
    ];
    const found = findIn({ backup_server_used: true, thumbnails: [{ label: null, images }] });
    expect(found?.files).toHaveLength(1);
  });

  it('limits the deadline to two days from now', () => {
    const found = findIn({ backup_server_used: true, url: `${HOST}/o/1.mp4?Expires=99999999999` });
    expect(found?.files).toMatchObject([{ deadline: NOW + 2 * DAY_MS }]);
  });

  it.each(['processing', 'queued', 'Uploading'])('ignores an output that is %s', (state) => {
    expect(findIn({ state, backup_server_used: true, url: `${HOST}/o/1.mp4` })).toBeUndefined();
  });

  it('ignores an event of a live output', () => {
    const event = 'seamless_playback';
    expect(findIn({ event, backup_server_used: true, url: `${HOST}/o/1.mp4` })).toBeUndefined();
  });

  it.each(['something_new', 'failed', null])('accepts the backup file of an output in state %s', (state) => {
    expect(findIn({ state, backup_server_used: true, url: `${HOST}/o/1.mp4` })?.files).toHaveLength(1);
  });

  it('returns one file for a URL that is listed twice, with the last signature', () => {
    const images = [{ url: `${HOST}/o/f.png?Expires=1` }, { url: `${HOST}/o/f.png?Expires=2` }];
    const found = findIn({ backup_server_used: true, thumbnails: [{ label: 'a', images }] });
    expect(found?.files.map((file) => file.deadline)).toEqual([2000]);
  });

  it('sets the deadline to a day after the output where the URL has none', () => {
    const backup = { backup_server_used: true, url: `${HOST}/o/1.mp4` };
    expect(findIn(backup)?.files[0]?.deadline).toBe(NOW + DAY_MS);
    const updated = { job: { id: 2, updated_at: '2026-03-14T03:00:00-07:00' } };
    expect(findIn(backup, updated)?.files[0]?.deadline).toBe(Date.parse('2026-03-15T10:00:00Z'));
  });
});

describe('findFailedOutputs, for size and MD5', () => {
  const md5_checksum = 'E31B5EFF652C94A6E7F6AC045BFD1D82';
  const backup = { backup_server_used: true, file_size_in_bytes: 5, md5_checksum };

  it.each(['standard', 'captions', 'transfer-only', null])('accepts both for type %s', (type) => {
    const found = findIn({ ...backup, type, url: `${HOST}/o/1.mp4` });
    expect(found?.files[0]).toMatchObject({ size: 5, md5: md5_checksum.toLowerCase() });
  });

  it.each([
    ['segmented', '1.zip'],
    ['segmented', '1.m3u8'],
    ['playlist', '1.m3u8'],
    ['cae', '1.mp4'],
    ['something-new', '1.mp4'],
    ['standard', '1.zip'],
    ['standard', '1.TAR'],
    [null, '1.zip'],
    [null, '1.m3u8'],
  ])('ignores both for type %s at %s', (type, name) => {
    const found = findIn({ ...backup, type, url: `${HOST}/o/${name}?Expires=1` });
    expect(found?.files[0]).toMatchObject({ size: null, md5: null });
  });

  it.each([0, -1, 1.5, 'many', {}, '99999999999999999999'])('ignores the size %j', (size) => {
    const found = findIn({
      backup_server_used: true,
      file_size_in_bytes: size,
      url: `${HOST}/o/1.mp4`,
    });
    expect(found?.files[0]?.size).toBeNull();
  });
});

describe('findFailedOutputs, for failures without a backup file', () => {
  const failed = (error: object, rest: object = {}) =>
    findIn({ state: 'failed', ...error }, rest)?.failures ?? [];
  const link = (errorClass: string) => `https://app.zencoder.com/docs/errors/${errorClass}`;

  it.each(['UploadTimeoutError', 'SomeNewUploadError', 'S3BucketNotFoundError'])(
    'accepts the error class %s',
    (errorClass) => {
      expect(failed({ error_link: link(errorClass) })).toMatchObject([{ role: 'media', errorClass }]);
      expect(failed({ error_class: errorClass })).toMatchObject([{ role: 'media', errorClass }]);
    },
  );

  it.each(['TranscodingError', 'DownloadFailureError', 'FileNotFoundError', 'ThumbnailError', 'errors'])(
    'ignores the error class %s',
    (errorClass) => {
      expect(failed({ error_link: link(errorClass) })).toEqual([]);
    },
  );

  it('ignores an error class that downloads share when the input failed', () => {
    const input = { state: 'failed' };
    expect(failed({ error_link: link('S3BucketNotFoundError') }, { input })).toEqual([]);
    expect(failed({ error_link: link('UploadTimeoutError') }, { input })).toHaveLength(1);
  });

  it('ignores an error of an output that finished', () => {
    expect(findIn({ state: 'finished', error_link: link('UploadTimeoutError') })).toBeUndefined();
  });

  it('removes queries, credentials and scripts from the link and cuts the message', () => {
    const [failure] = failed({
      error_link: 'https://app.zencoder.com/docs/errors/UploadTimeoutError?api_key=abc',
      error_message: `${'x'.repeat(5000)} ftp://u:hunter2@h/`,
    });
    expect(failure?.link).toBe('https://app.zencoder.com/docs/errors/UploadTimeoutError');
    expect(failure?.message).toHaveLength(2000);
    expect(failed({ error_link: 'javascript:alert(1)#UploadTimeoutError' })[0]?.link).toBeNull();
  });
});

describe('findUnlistedPlaces', () => {
  const placesOf = (...urls: string[]) =>
    findUnlistedPlaces(
      parseNotification({
        outputs: urls.map((url, id) => ({ id, state: 'finished', url, backup_server_used: true })),
        job: { id: 1 },
      }),
      parseStorageAllowList(DEFAULT_ZENCODER_STORAGE),
    );

  it.each([
    [
      'https://zencoder-temp-storage-eu-west-1.s3.amazonaws.com/o/1.mp4?X-Amz-Signature=0',
      'zencoder-temp-storage-eu-west-1.s3.amazonaws.com',
    ],
    [
      'https://s3.eu-west-1.amazonaws.com/zencoder-temp-storage-eu-west-1/o/1.mp4',
      's3.eu-west-1.amazonaws.com/zencoder-temp-storage-eu-west-1',
    ],
  ])('reports %s', (url, place) => {
    expect(placesOf(url, url)).toEqual([{ place, why: 'not on the allow-list', kind: 'not-listed' }]);
  });

  it('reports a listed bucket in a form that is not allowed, with the reason', () => {
    const host = 'zencoder-live.s3.us-gov-west-1.amazonaws.com';
    expect(placesOf(`https://${host}/o/1.mp4?Signature=a`)).toEqual([
      {
        kind: 'form-not-allowed',
        place: host,
        why: 'listed bucket, form not allowed: the host is no endpoint of S3 in the commercial partition of AWS',
      },
    ]);
  });

  it.each([
    'https://zencoder-temp-storage-us-east-1.s3.amazonaws.com/o/1.mp4',
    'https://acme-video-out.s3.amazonaws.com/zencoder/1.mp4',
    'https://zencoder-temp-storage-eu-west-1.s3.amazonaws.com.evil.example/o/1.mp4',
    'ftp://media.acme.example/1.mp4',
    'thumbnails/frame_0000.png',
  ])('ignores %s', (url) => {
    expect(placesOf(url)).toEqual([]);
  });

  it('ignores a host that is longer than a name in DNS can be', () => {
    const host = (labels: number) => `zencoder${'.s3'.repeat(labels)}.amazonaws.com`;
    expect(placesOf(`https://${host(77)}/1.mp4`)).toMatchObject([{ place: host(77) }]);
    expect(placesOf(`https://${host(100)}/1.mp4`)).toEqual([]);
  });

  it('reports twenty places at most, since they are logged', () => {
    const urls = Array.from({ length: 30 }, (_, index) => `https://zencoder-${index}.s3.amazonaws.com/1.mp4`);
    expect(placesOf(...urls)).toHaveLength(20);
  });
});
