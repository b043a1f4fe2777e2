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

/** The decision for one output of which only these fields are told; undefined when there is nothing to do. */
function decideOutput(output: object, rest: object = {}, collectUnsentOutputs = false) {
  const notification = parseNotification({
    output: { id: 1, state: 'finished', ...output },
    job: { id: 2 },
    ...rest,
  });
  return findFailedOutputs(notification, { storage, collectUnsentOutputs }, NOW)[0];
}

describe('what makes a backup file', () => {
  it('is the flag alone, where Zencoder tells no error', () => {
    const decision = decideOutput({ backup_server_used: true, url: `${HOST}/o/1.mp4?Expires=1775100000` });
    expect(decision?.files.map((file) => file.filename)).toEqual(['1.mp4']);
    expect(decision?.failures).toEqual([
      { role: 'media', errorClass: 'UnknownUploadError', message: null, link: null, destinationHost: null },
    ]);
  });

  it('is a told upload error without the flag, rather than lose the file', () => {
    const decision = decideOutput({ primary_upload_error_message: 'No.', url: `${HOST}/o/1.mp4` });
    expect(decision?.files).toHaveLength(1);
  });

  it('is also one with an upload error of the thumbnails alone', () => {
    const images = [{ url: `${HOST}/o/f.png` }];
    const decision = decideOutput({
      primary_thumbnail_upload_error_message: 'No.',
      thumbnails: [{ label: null, images }],
    });
    expect(decision?.files.map(({ role }) => role)).toEqual(['thumbnail']);
    expect(decision?.failures).toMatchObject([{ role: 'thumbnail', message: 'No.' }]);
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
  ])('is never a URL that is not on Zencoder storage: %s', (url) => {
    const thumbnails = [{ label: null, images: [{ url }] }];
    const decision = decideOutput({ backup_server_used: true, url, thumbnails });
    expect(decision?.files).toEqual([]);
    expect(decision?.failures).toHaveLength(1);
  });

  it.each([
    ['white space around it', ` ${HOST}/o/1.mp4?X-Amz-Signature=%2B\n`],
    ['http in place of https', `${HOST.replace('https', 'http')}/o/1.mp4?X-Amz-Signature=%2B`],
  ])('has the URL that is fetched, whatever it was written with: %s', (_, url) => {
    const decision = decideOutput({ backup_server_used: true, url });
    expect(decision?.files).toMatchObject([
      { url: `${HOST}/o/1.mp4?X-Amz-Signature=%2B`, filename: '1.mp4' },
    ]);
  });

  it('is one for two spellings of one object', () => {
    const images = [
      { url: `${HOST}/o/a%20%281%29.png?X-Amz-Signature=a` },
      { url: `${HOST.replace('.s3.', '.s3-external-1.')}/o/a%20(1).png?X-Amz-Signature=b` },
    ];
    const decision = decideOutput({ backup_server_used: true, thumbnails: [{ label: null, images }] });
    expect(decision?.files).toHaveLength(1);
  });

  it('ends within two days, whatever its URL says', () => {
    const decision = decideOutput({ backup_server_used: true, url: `${HOST}/o/1.mp4?Expires=99999999999` });
    expect(decision?.files).toMatchObject([{ deadline: NOW + 2 * 24 * 60 * 60 * 1000 }]);
  });

  it.each(['processing', 'queued', 'Uploading'])('is none while the output is %s', (state) => {
    expect(decideOutput({ state, backup_server_used: true, url: `${HOST}/o/1.mp4` })).toBeUndefined();
  });

  it('is none in a live event', () => {
    const event = 'seamless_playback';
    expect(decideOutput({ event, backup_server_used: true, url: `${HOST}/o/1.mp4` })).toBeUndefined();
  });

  it.each(['something_new', 'failed', null])('does not depend on a state that is %s', (state) => {
    expect(decideOutput({ state, backup_server_used: true, url: `${HOST}/o/1.mp4` })?.files).toHaveLength(1);
  });

  it('is one for a file that is named twice, of which the last signature is kept', () => {
    const images = [{ url: `${HOST}/o/f.png?Expires=1` }, { url: `${HOST}/o/f.png?Expires=2` }];
    const decision = decideOutput({ backup_server_used: true, thumbnails: [{ label: 'a', images }] });
    expect(decision?.files.map((file) => file.deadline)).toEqual([2000]);
  });

  it('ends a day after the output, where the URL does not tell its end', () => {
    const backup = { backup_server_used: true, url: `${HOST}/o/1.mp4` };
    expect(decideOutput(backup)?.files[0]?.deadline).toBe(NOW + DAY_MS);
    const updated = { job: { id: 2, updated_at: '2026-03-14T03:00:00-07:00' } };
    expect(decideOutput(backup, updated)?.files[0]?.deadline).toBe(Date.parse('2026-03-15T10:00:00Z'));
  });
});

describe('size and MD5', () => {
  const md5_checksum = 'E31B5EFF652C94A6E7F6AC045BFD1D82';
  const backup = { backup_server_used: true, file_size_in_bytes: 5, md5_checksum };

  it.each(['standard', 'captions', 'transfer-only', null])('hold for type %s', (type) => {
    const decision = decideOutput({ ...backup, type, url: `${HOST}/o/1.mp4` });
    expect(decision?.files[0]).toMatchObject({ size: 5, md5: md5_checksum.toLowerCase() });
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
  ])('do not hold for type %s at %s', (type, name) => {
    const decision = decideOutput({ ...backup, type, url: `${HOST}/o/${name}?Expires=1` });
    expect(decision?.files[0]).toMatchObject({ size: null, md5: null });
  });

  it.each([0, -1, 1.5, 'many', {}, '99999999999999999999'])('are unknown when the size is %j', (size) => {
    const decision = decideOutput({
      backup_server_used: true,
      file_size_in_bytes: size,
      url: `${HOST}/o/1.mp4`,
    });
    expect(decision?.files[0]?.size).toBeNull();
  });
});

describe('primary failures without a backup', () => {
  const failed = (error: object, rest: object = {}) =>
    decideOutput({ state: 'failed', ...error }, rest)?.failures ?? [];
  const link = (errorClass: string) => `https://app.zencoder.com/docs/errors/${errorClass}`;

  it.each(['UploadTimeoutError', 'SomeNewUploadError', 'S3BucketNotFoundError'])(
    '%s is one',
    (errorClass) => {
      expect(failed({ error_link: link(errorClass) })).toMatchObject([{ role: 'media', errorClass }]);
      expect(failed({ error_class: errorClass })).toMatchObject([{ role: 'media', errorClass }]);
    },
  );

  it.each(['TranscodingError', 'DownloadFailureError', 'FileNotFoundError', 'ThumbnailError', 'errors'])(
    '%s is none',
    (errorClass) => {
      expect(failed({ error_link: link(errorClass) })).toEqual([]);
    },
  );

  it('a class that downloads share is none when the input failed', () => {
    const input = { state: 'failed' };
    expect(failed({ error_link: link('S3BucketNotFoundError') }, { input })).toEqual([]);
    expect(failed({ error_link: link('UploadTimeoutError') }, { input })).toHaveLength(1);
  });

  it('an output that finished has none, whatever error it mentions', () => {
    expect(decideOutput({ state: 'finished', error_link: link('UploadTimeoutError') })).toBeUndefined();
  });

  it('keeps of the link and the message only what may be shown', () => {
    const [failure] = failed({
      error_link: 'https://app.zencoder.com/docs/errors/UploadTimeoutError?api_key=abc',
      error_message: `${'x'.repeat(5000)} ftp://u:hunter2@h/`,
    });
    expect(failure?.link).toBe('https://app.zencoder.com/docs/errors/UploadTimeoutError');
    expect(failure?.message).toHaveLength(2000);
    expect(failed({ error_link: 'javascript:alert(1)#UploadTimeoutError' })[0]?.link).toBeNull();
  });
});

describe('storage that is not fetched from', () => {
  const leftAt = (...urls: string[]) =>
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
  ])('is reported for %s', (url, place) => {
    expect(leftAt(url, url)).toEqual([{ place, why: 'not on the allow-list', kind: 'not-listed' }]);
  });

  it('is named with the reason where a listed bucket is written in a form that is not allowed', () => {
    const host = 'zencoder-live.s3.us-gov-west-1.amazonaws.com';
    expect(leftAt(`https://${host}/o/1.mp4?Signature=a`)).toEqual([
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
  ])('is not reported for %s', (url) => {
    expect(leftAt(url)).toEqual([]);
  });

  it('is not reported for a host that is longer than a name in DNS can be', () => {
    const host = (labels: number) => `zencoder${'.s3'.repeat(labels)}.amazonaws.com`;
    expect(leftAt(`https://${host(77)}/1.mp4`)).toMatchObject([{ place: host(77) }]);
    expect(leftAt(`https://${host(100)}/1.mp4`)).toEqual([]);
  });

  it('is reported for twenty places at most, since the log holds them', () => {
    const urls = Array.from({ length: 30 }, (_, index) => `https://zencoder-${index}.s3.amazonaws.com/1.mp4`);
    expect(leftAt(...urls)).toHaveLength(20);
  });
});
