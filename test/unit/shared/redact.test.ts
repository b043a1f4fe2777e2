import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { redact } from '../../../lambda/shared/redact.ts';

describe('redact', () => {
  it.each([
    ['ftp://render:n0t-real%21@ftp.acme.example took too long.', 'ftp://***@ftp.acme.example took too long.'],
    ['sftp://render@host/path', 'sftp://***@host/path'],
    ['ftp://render:pa/ss@host/x.mp4', 'ftp://***@host/x.mp4'],
    ['ftp://render:p@ss@host/x.mp4', 'ftp://***@host/x.mp4'],
    ['ftp://render:pa?ss@host/x.mp4', 'ftp://render:***?***'],
    ['login of render:hunter2@ftp.acme.example failed', 'login of ***@ftp.acme.example failed'],
    ['ftp://render:hunter2 is cut off', 'ftp://render:*** is cut off'],
    [
      'https://b.s3.amazonaws.com/o/1.mp4?X-Amz-Signature=abc&x=1 gone',
      'https://b.s3.amazonaws.com/o/1.mp4?*** gone',
    ],
    ['https://host/o/1.mp4?abc', 'https://host/o/1.mp4?***'],
    ['/o/1.mp4?Signature=abc', '/o/1.mp4?***'],
    ['Zencoder-Api-Key: 0123456789abcdef', 'Zencoder-Api-Key: ***'],
    ['{"api_key":"0123456789abcdef"}', '{"api_key":"***'],
    ['X-Zencoder-Notification-Secret: s3cr3t', 'X-Zencoder-Notification-Secret: ***'],
    ['Authorization: Basic dXNlcjpwYXNz', 'Authorization: ***'],
    ['sent Bearer abcdefghijklmnop', 'sent Bearer ***'],
    ['key AKIAIOSFODNN7EXAMPLE is unknown', 'key *** is unknown'],
  ])('takes the secret out of %j', (text, redacted) => {
    expect(redact(text)).toBe(redacted);
  });

  it.each([
    'There was a problem resolving the host at ftp://media.acme.example. Please check that it is correct.',
    'The server at s3://acme-video-out/shows/ep-106/720@2x.mp4 returned 503 Slow Down.',
    'No server responded at http://127.0.0.1:4567/bucket.',
    'Is it there? No.',
  ])('leaves %j as it is', (text) => {
    expect(redact(text)).toBe(text);
  });

  const secret = fc
    .stringMatching(/^[A-Za-z0-9!%+/=_~.-]{8,40}$/)
    .filter((text) => /[A-Za-z]/.test(text) && !text.startsWith('//'));
  const around = fc.constantFrom(
    '',
    'x',
    ' failed.',
    ' at ',
    '"',
    '(',
    'see https://docs.example/a ',
    ' mail a@b.example ',
  );
  const holder = fc.constantFrom<(secret: string) => string>(
    (it) => `ftp://user:${it}@host.example/dir/file`,
    (it) => `s3+eu-central-1://key:${it}@bucket/key`,
    (it) => `user:${it}@host.example`,
    (it) => `https://host.example/file?X-Amz-Expires=1&X-Amz-Signature=${it}`,
    (it) => `http://host.example/a?${it}`,
    (it) => `Signature=${it}`,
    (it) => `api_key: ${it}`,
    (it) => `Authorization: Basic ${it}`,
  );

  it('never leaves a secret, whatever stands around it', () => {
    fc.assert(
      fc.property(around, holder, secret, around, (before, hold, value, after) => {
        expect(redact(`${before}${hold(value)}${after}`)).not.toContain(value);
      }),
    );
  });

  it('changes nothing the second time', () => {
    const piece = fc.oneof(
      fc.string(),
      fc.constantFrom(
        '://',
        '@',
        '?',
        ':',
        '=',
        ' ',
        'ftp',
        'Signature',
        'password',
        'basic ',
        '"',
        'AKIA',
        '/',
      ),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const once = redact(pieces.join(''));
        expect(redact(once)).toBe(once);
      }),
      { numRuns: 2000 },
    );
  });
});
