import { describe, expect, it } from 'vitest';
import { encodeMessage } from '../../../lambda/shared/encode-message.ts';
import { type OutputMessage, parseMessage, type SegmentMessage } from '../../../lambda/shared/message.ts';

describe('a message that was queued with half a character in a text', () => {
  const half = 'Teaser \ud83c';
  const whole = 'Teaser \ufffd';
  const file = {
    role: 'thumbnail',
    url: 'https://zencoder-live.s3.amazonaws.com/o/1.png?Expires=1',
    deadline: 1,
    filename: half,
    thumbnailLabel: half,
    size: null,
    md5: null,
  } as const;
  const about = {
    job: { id: '1', passThrough: half, test: false },
    output: { id: '2', label: half, type: half },
  };
  const read = {
    job: { passThrough: whole },
    output: { label: whole, type: whole },
  };

  it('is read with well-formed text, so that the ledger can record it', () => {
    const message: OutputMessage = {
      type: 'output',
      version: 1,
      ...about,
      failures: [{ role: 'media', errorClass: half, message: half, link: half, destinationHost: half }],
      files: [file],
      failedAt: 1,
      origin: 'notification',
    };
    expect(parseMessage(encodeMessage(message))).toMatchObject({
      ...read,
      failures: [{ errorClass: whole, message: whole, link: whole, destinationHost: whole }],
      files: [{ filename: whole, thumbnailLabel: whole }],
    });
  });

  it('is read so when it is about a segment, too', () => {
    const message: SegmentMessage = {
      type: 'segment',
      version: 1,
      ...about,
      file,
      uploadId: 'upload',
      segment: 0,
    };
    expect(parseMessage(encodeMessage(message))).toMatchObject({
      ...read,
      file: { filename: whole, thumbnailLabel: whole },
    });
  });
});
