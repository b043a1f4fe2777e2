import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { composed, redact } from '../../../../lambda/shared/runtime/redact.ts';
import { UPLOAD_ERRORS } from '../../../../lambda/shared/zencoder/upload-errors.ts';
import { SAMPLES, sampleText } from '../../../support/samples.ts';

const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';
const PUNCTUATION = ':/?#!%&=+.,;$';

/** Passwords of at least 8 characters with a letter and a digit, so that none is a plain word. */
function passwordOf(signs: string): fc.Arbitrary<string> {
  return fc
    .array(fc.constantFrom(...`${LETTERS}${signs}`.split('')), { minLength: 8, maxLength: 24 })
    .map((characters) => characters.join(''))
    .filter((text) => /[A-Za-z]/.test(text) && /[0-9]/.test(text) && !text.startsWith('//'));
}

type Holder = (secret: string) => string;

const URL_HOLDERS: Holder[] = [
  (it) => `ftp://user:${it}@host.example/dir/file`,
  (it) => `sftp://user:${it}@host.example:22/dir/720@2x.png`,
];
const BARE_HOLDERS: Holder[] = [
  (it) => `user:${it}@host.example`,
  (it) => `user:${it}@host.example/dir/file`,
];
const NAMES = [
  ...[
    'token=',
    'X-Auth-Token: ',
    'sas_token: ',
    'password is ',
    'password: ',
    'password for bob is ',
    'pwd=',
  ],
  ...[
    'credentials bob/',
    'key=',
    'Secret Key ',
    'secret_access_key = ',
    'user bob and password ',
    'account key: ',
  ],
  ...['USER bob PASS ', '#access_token=', 'https://host.example/put#access_token=', '/x?sig=', 'Cookie: '],
  ...['<password>', 'password -> ', 'passphrase ', 'api_key: ', 'Signature=', 'Authorization: Basic '],
  ...['https://host.example/file?X-Amz-Expires=1&X-Amz-Signature='],
];
const QUOTED_HOLDERS: Holder[] = [
  (it) => `{"password":"${it}"}`,
  (it) => `password is '${it}'`,
  (it) => `{"user": "bob", "token" : "${it}", "port": 22}`,
];

const before = fc.constantFrom(
  '',
  'Login failed: ',
  'Upload to s3://acme/x.mp4. ',
  'mail a@b.example ',
  '(',
  '"',
);
const after = fc.constantFrom(
  '',
  ' failed.',
  '. Please check.',
  ' at ftp.acme.example',
  ' mail a@b.example',
  ')',
);

/** The messages in the sample payloads, without those that contain user info. */
function messagesOfSamples(): string[] {
  const samples = SAMPLES.map((name) => sampleText(name.slice(0, 2))).join();
  return [...samples.matchAll(/"[a-z_]*message": "([^"@]+)"/g)].map(([, message = '']) => message);
}

describe('redact', () => {
  it.each([
    ['ftp://render:n0t-real%21@ftp.acme.example took too long.', 'ftp://***@ftp.acme.example took too long.'],
    ['sftp://render@host/path', 'sftp://***@host/path'],
    ['ftp://render:pa/ss@host/x.mp4', 'ftp://***@host/x.mp4'],
    ['ftp://render:p@ss@host/x.mp4', 'ftp://***@host/x.mp4'],
    ['ftp://render:pa?ss@host/x.mp4', 'ftp://***@host/x.mp4'],
    ['login of render:hunter2@ftp.acme.example failed', 'login of ***@ftp.acme.example failed'],
    ['the URL ftp://render:hunter2 is cut off', 'the URL ftp://***'],
    [
      'https://b.s3.amazonaws.com/o/1.mp4?X-Amz-Signature=abc&x=1 gone',
      'https://b.s3.amazonaws.com/o/1.mp4?*** gone',
    ],
    ['https://host/o/1.mp4?abc', 'https://host/o/1.mp4?***'],
    ['/o/1.mp4?Signature=abc', '/o/1.mp4?***'],
    ['Zencoder-Api-Key: 0123456789abcdef', 'Zencoder-Api-Key: ***'],
    ['{"api_key":"0123456789abcdef"}', '{"api_key":"***"}'],
    ['ftp://render:p@ss/word@ftp.acme.example/x.mp4 failed', 'ftp://*** failed'],
    ['ftp://render:a@b?c@ftp.acme.example/x.mp4 failed', 'ftp://*** failed'],
    ['ftp://render:two words@ftp.acme.example/x.mp4 failed', 'ftp://*** failed'],
    ['https://acme.example/put#access_token=abc', 'https://acme.example/put#***'],
    ['user bob and password hunter2 were refused', 'user bob and password *** were refused'],
    ['USER bob PASS hunter2', 'USER bob PASS ***'],
    ['credentials bob/hunter2 rejected', 'credentials *** rejected'],
    ['{"password": "two words", "host": "a"}', '{"password": "***", "host": "a"}'],
    ['mail ops@acme.example', 'mail ***@acme.example'],
    ['X-Zencoder-Notification-Secret: s3cr3t', 'X-Zencoder-Notification-Secret: ***'],
    ['Authorization: Basic dXNlcjpwYXNz', 'Authorization: ***'],
    ['sent Bearer abcdefghijklmnop', 'sent Bearer ***'],
    ['key AKIAIOSFODNN7EXAMPLE is unknown', 'key *** is unknown'],
  ])('removes the secret from %j', (text, redacted) => {
    expect(redact(text)).toBe(redacted);
  });

  it.each([
    'There was a problem resolving the host at ftp://media.acme.example. Please check that it is correct.',
    'The server at s3://acme-video-out/shows/ep-106/720@2x.mp4 returned 503 Slow Down.',
    'No server responded at http://127.0.0.1:4567/bucket.',
    'Is it there? No.',
    'See http://zencoder.com/docs/errors/#UploadAccessDeniedError.',
    'No access key matching the one provided was found on S3.',
    'The request signature we calculated does not match the signature you provided.',
    'Password authentication failed for user bob.',
    'InvalidToken: The provided token is malformed.',
    'NoSuchKey: The specified key does not exist.',
    ...UPLOAD_ERRORS.flatMap(({ errorClass, explanation, fix }) => [
      explanation,
      fix,
      `${errorClass}: it failed`,
    ]),
    ...messagesOfSamples(),
  ])('keeps %j', (text) => {
    expect(redact(text)).toBe(text);
  });

  it('takes a value in quotes whole, which looks like a name and its value', () => {
    expect(redact("password is ' a4aa!pw=aaaaaaa'")).toBe("password is '***'");
    expect(redact('pwd="one password two"')).toBe('pwd="***"');
  });

  it.each([
    ['user info of a URL', URL_HOLDERS, `${PUNCTUATION}@ `],
    ['user info without scheme', BARE_HOLDERS, `${PUNCTUATION}@`],
    ['a value after a name', NAMES.map((name) => (it: string) => `${name}${it}`), `${PUNCTUATION}@`],
    ['a value in quotes', QUOTED_HOLDERS, `${PUNCTUATION}@ `],
  ])('leaves no part of a password that is %s', (_, holders, signs) => {
    fc.assert(
      fc.property(
        fc.constantFrom(...holders),
        passwordOf(signs),
        before,
        after,
        (hold, password, pre, post) => {
          const shown = redact(`${pre}${hold(password)}${post}`);
          const frame = `${pre}${hold('')}${post}`;
          // Shorter pieces may occur in the text around it.
          const pieces = password.split(/[^A-Za-z0-9]+/).filter((piece) => piece.length > 3);
          expect(pieces.filter((piece) => shown.includes(piece) && !frame.includes(piece))).toEqual([]);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('is idempotent', () => {
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
        'token',
        'is ',
        '#',
        '***',
        "'",
        'user ',
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

describe('composed', () => {
  it('returns the form C of Unicode for any text of graphemes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(composed(text)).toBe(text.normalize('NFC'));
      }),
    );
    expect(composed('e\u0301\u0323')).toBe('\u1eb9\u0301');
  });

  it('keeps at most 30 marks on one letter, and the text after them', () => {
    const marks = '\u0316'.repeat(30);
    expect(composed(`a${marks}${'\u0301\u0316'.repeat(1000)}b`)).toBe(`a${marks}b`);
  });

  it('replaces half of a surrogate pair', () => {
    expect(composed('a\ud83d')).toBe('a\ufffd');
  });
});
