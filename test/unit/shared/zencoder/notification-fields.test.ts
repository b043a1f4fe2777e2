import { describe, expect, it } from 'vitest';
import { parseJson } from '../../../../lambda/shared/runtime/json.ts';
import { parseNotification } from '../../../../lambda/shared/zencoder/notification.ts';

describe('parseNotification, of fields', () => {
  const outputOf = (fields: object) => parseNotification({ output: { id: 1, ...fields } }).outputs[0];

  it('keeps ids beyond 2^53, up to 20 digits', () => {
    const body = '{"output":{"id":18446744073709551615},"job":{"id":"00009007199254740993"}}';
    const notification = parseNotification(parseJson(body));
    expect(notification.outputs[0]?.id).toBe('18446744073709551615');
    expect(notification.job.id).toBe('9007199254740993');
  });

  it('reads a field that is missing, null or of a wrong type as null', () => {
    const odd = { label: {}, type: 1, url: [], file_size_in_bytes: 'x', md5_checksum: 7, thumbnails: 'none' };
    for (const fields of [{}, odd]) {
      expect(outputOf(fields)).toMatchObject({ label: null, type: null, url: null, size: null, md5: null });
      expect(outputOf(fields)?.thumbnails).toEqual([]);
    }
  });

  it.each([true, 'true', 1])('reads backup_server_used %j as true', (flag) => {
    expect(outputOf({ backup_server_used: flag })?.backupServerUsed).toBe(true);
  });

  it.each([false, 'false', 0, null, undefined, {}, 'yes'])('reads backup_server_used %j as false', (flag) => {
    expect(outputOf({ backup_server_used: flag })?.backupServerUsed).toBe(false);
  });

  it('counts a URL that is too long for any server as unreadable', () => {
    const url = `https://h/${'a'.repeat(8192)}`;
    expect(parseNotification({ output: { id: 1, url } })).toMatchObject({
      unreadable: 1,
      outputs: [{ url: null }],
    });
  });

  it.each([
    { url: 7 },
    { url: {} },
    { backup_server_used: 'yes' },
    { backup_server_used: {} },
    { thumbnails: 'none' },
    { thumbnails: [{ label: 'a' }] },
  ])('counts a field with an invalid value as unreadable: %j', (fields) => {
    expect(parseNotification({ output: { id: 1, ...fields } }).unreadable).toBe(1);
  });

  it('counts a field that is missing, null or empty as readable', () => {
    const nulls = { url: null, backup_server_used: null, thumbnails: null };
    for (const fields of [{}, nulls, { thumbnails: [] }, { thumbnails: {} }]) {
      expect(parseNotification({ output: { id: 1, ...fields } }).unreadable).toBe(0);
    }
  });

  it('reads a thumbnail error from its link, its message, or a link in the place of the message', () => {
    const link = 'https://app.zencoder.com/docs/errors/UploadTimeoutError';
    const message = 'It took too long.';
    const error = { errorClass: null, link, message };
    expect(
      outputOf({ primary_thumbnail_upload_error_link: link, primary_thumbnail_upload_error_message: message })
        ?.thumbnailUploadError,
    ).toEqual(error);
    expect(outputOf({ primary_thumbnail_upload_error_message: message })?.thumbnailUploadError).toEqual({
      ...error,
      link: null,
    });
    expect(outputOf({ primary_thumbnail_upload_error_message: link })?.thumbnailUploadError).toEqual({
      ...error,
      message: null,
    });
  });

  it('reads empty error texts as no error', () => {
    expect(
      outputOf({ primary_upload_error_link: '', primary_upload_error_message: null })?.uploadError,
    ).toBeNull();
  });

  it('cuts texts that are too long for a queue message', () => {
    const notification = parseNotification({
      output: { id: 1, label: '😀'.repeat(5000) },
      job: { id: 2, pass_through: 7 },
    });
    expect(notification.outputs[0]?.label?.length).toBe(1000);
    expect(notification.outputs[0]?.label?.isWellFormed()).toBe(true);
    expect(notification.job.passThrough).toBe('7');
  });

  it('makes the text of every field well-formed', () => {
    const half = 'Teaser \ud83c';
    const whole = 'Teaser \ufffd';
    const body = {
      job: { id: 1, state: half, pass_through: half },
      output: {
        id: 2,
        label: half,
        type: half,
        state: half,
        event: half,
        url: `https://h/${half}`,
        primary_upload_error_message: half,
        primary_thumbnail_upload_error_link: half,
        error_class: half,
        thumbnails: [
          { label: half, images: [{ url: half }] },
          { url: half, group_label: half },
        ],
      },
    };
    const written = JSON.stringify(parseNotification(parseJson(JSON.stringify(body))));
    expect(written.isWellFormed()).toBe(true);
    expect(written).not.toMatch(/\\ud[89a-f]/i);
    expect(parseNotification(body)).toMatchObject({
      job: { passThrough: whole },
      outputs: [{ label: whole, thumbnails: [{ label: whole }, { label: whole }] }],
    });
  });

  it('ignores __proto__', () => {
    const body =
      '{"output":{"id":1,"__proto__":{"backup_server_used":true,"url":"https://x"}},"__proto__":{"job":{"id":5}}}';
    const notification = parseNotification(parseJson(body));
    expect(notification.outputs[0]).toMatchObject({ backupServerUsed: false, url: null });
    expect(notification.job.id).toBe('0');
  });
});
