import { describe, expect, it } from 'vitest';
import { BodyTooLarge, LARGEST_BODY_BYTES, readBody, UnsupportedBody } from '../../../lambda/ingest/body.ts';
import { NotJson } from '../../../lambda/shared/json.ts';

function read(body: string | undefined, contentType?: string, isBase64Encoded = false): unknown {
  return readBody({ headers: { 'Content-Type': contentType }, body, isBase64Encoded });
}

describe('readBody', () => {
  it.each([
    undefined,
    '',
    'application/json',
    'application/json; charset=utf-8',
    'Application/JSON',
    'text/json',
    'application/vnd.zencoder+json',
  ])('reads JSON with the content type %j', (type) => {
    expect(read('{"a":1}', type)).toEqual({ a: 1 });
  });

  it('decodes Base64 and drops a byte order mark', () => {
    expect(read(Buffer.from('{"ü":1}').toString('base64'), 'application/json', true)).toEqual({ ü: 1 });
    expect(read('\ufeff{"a":1}')).toEqual({ a: 1 });
  });

  it.each([
    ['{}', 'application/xml'],
    ['{}', 'text/xml; charset=utf-8'],
    ['{}', 'application/atom+xml'],
    ['  <?xml version="1.0"?><hash/>', undefined],
    ['<hash/>', 'application/json'],
    ['a=1', 'application/x-www-form-urlencoded'],
    ['{}', 'text/plain'],
    ['{}', 'nonsense'],
  ])('does not support %j as %s', (body, type) => {
    expect(() => read(body, type)).toThrow(UnsupportedBody);
  });

  it.each(['', undefined, 'hello', '{"a":'])('refuses %j', (body) => {
    expect(() => read(body, 'application/json')).toThrow(NotJson);
  });

  it('measures the body in bytes, encoded or not', () => {
    const fits = `"${'ü'.repeat(LARGEST_BODY_BYTES / 2 - 1)}"`;
    const tooLarge = `"${'ü'.repeat(LARGEST_BODY_BYTES / 2)}"`;
    expect(read(fits)).toBe(fits.slice(1, -1));
    expect(() => read(tooLarge)).toThrow(BodyTooLarge);
    expect(read(Buffer.from(fits).toString('base64'), undefined, true)).toBe(fits.slice(1, -1));
    expect(() => read(Buffer.from(`${tooLarge}  `).toString('base64'), undefined, true)).toThrow(
      BodyTooLarge,
    );
  });
});
