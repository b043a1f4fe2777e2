import { S3Client } from '@aws-sdk/client-s3';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contentDisposition, createDownloads, requesterOf } from '../../../lambda/dashboard/actions.ts';
import { encodeMessage, parseMessage } from '../../../lambda/shared/queue/messages.ts';

describe('createDownloads', () => {
  it('signs a URL of the object for five minutes, as a download under its name', async () => {
    const s3 = new S3Client({
      region: 'eu-central-1',
      credentials: { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'secret' },
    });
    const link = new URL(
      await createDownloads(s3, new Set()).urlOf({
        bucket: 'my-bucket',
        key: '1/ä b.mp4',
        filename: 'ä b.mp4',
      }),
    );
    expect(link.host).toBe('my-bucket.s3.eu-central-1.amazonaws.com');
    expect(decodeURIComponent(link.pathname)).toBe('/1/ä b.mp4');
    expect(link.searchParams.get('X-Amz-Expires')).toBe('300');
    expect(link.searchParams.get('response-content-disposition')).toMatch(/^attachment; filename="_ b\.mp4"/);
  });
});

describe('requesterOf', () => {
  const anyUnit = fc.nat({ max: 0xffff }).map((code) => String.fromCharCode(code));

  it('makes of any user name a requester that the worker can read', () => {
    fc.assert(
      fc.property(fc.string({ unit: anyUnit, minLength: 1, maxLength: 200, size: 'max' }), (name) => {
        const requested = { by: requesterOf(name), at: 17 };
        const message = { type: 'redrive', version: 1, jobId: '1', outputId: '2', requested } as const;
        expect(parseMessage(encodeMessage(message))).toEqual(message);
      }),
    );
    expect(requesterOf('dashboard')).toBe('operator dashboard');
  });
});

describe('contentDisposition', () => {
  it('encodes every character of the name in a header of plain ASCII', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (filename) => {
        const header = contentDisposition(filename);
        const [, plain, full] =
          /^attachment; filename="([^"\\]*)"; filename\*=UTF-8''([\w.!~%-]*)$/.exec(header) ?? [];
        expect(plain).toMatch(/^[ -~]*$/);
        expect(decodeURIComponent(full ?? '?')).toBe(filename.toWellFormed());
      }),
    );
  });
});
