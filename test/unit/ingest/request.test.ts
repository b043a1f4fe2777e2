import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  BodyNotInflated,
  BodyTooLarge,
  isForIngest,
  MAX_BODY_BYTES,
  readBody,
  UnsupportedBody,
} from '../../../lambda/ingest/request.ts';
import { NotJson } from '../../../lambda/shared/runtime/json.ts';

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
    'text/plain',
    'application/x-www-form-urlencoded',
    'application/octet-stream',
    'application/xml',
    'nonsense',
  ])('reads JSON with the content type %j', (type) => {
    expect(read('{"a":1}', type)).toEqual({ a: 1 });
  });

  it('decodes Base64 and drops a byte order mark', () => {
    expect(read(Buffer.from('{"ü":1}').toString('base64'), 'application/json', true)).toEqual({ ü: 1 });
    expect(read('\ufeff{"a":1}')).toEqual({ a: 1 });
  });

  it.each([
    ['hello', 'application/xml'],
    ['hello', 'text/plain'],
    ['{"a":', 'application/octet-stream'],
    ['  <?xml version="1.0"?><hash/>', undefined],
    ['<hash/>', 'application/json'],
    ['a=1', 'application/x-www-form-urlencoded'],
  ])('rejects %j with the content type %s as unsupported', (body, type) => {
    expect(() => read(body, type)).toThrow(UnsupportedBody);
  });

  it.each(['', undefined, 'hello', '{"a":'])('rejects %j as invalid JSON', (body) => {
    expect(() => read(body, 'application/json')).toThrow(NotJson);
  });

  it('rejects more values than a notification can have', () => {
    expect(() => read(`[${'1,'.repeat(200_000)}1]`)).toThrow('the text holds more than 200000 values');
  });

  it('measures the body in bytes, encoded or not', () => {
    const fits = `"${'ü'.repeat(MAX_BODY_BYTES / 2 - 1)}"`;
    const tooLarge = `"${'ü'.repeat(MAX_BODY_BYTES / 2)}"`;
    expect(read(fits)).toBe(fits.slice(1, -1));
    expect(() => read(tooLarge)).toThrow(BodyTooLarge);
    expect(read(Buffer.from(fits).toString('base64'), undefined, true)).toBe(fits.slice(1, -1));
    expect(() => read(Buffer.from(`${tooLarge}  `).toString('base64'), undefined, true)).toThrow(
      BodyTooLarge,
    );
  });
});

describe('readBody, of a body with a content encoding', () => {
  const compressed = (body: string | Buffer, encoding = 'gzip') =>
    readBody({
      headers: { 'content-encoding': encoding },
      body: Buffer.from(body).toString('base64'),
      isBase64Encoded: true,
    });

  it('inflates gzip of any JSON', () => {
    fc.assert(
      fc.property(fc.json(), fc.constantFrom('gzip', 'GZIP ', 'x-gzip'), (text, encoding) => {
        fc.pre(!/[0-9]{16}/.test(text));
        expect(compressed(gzipSync(text), encoding)).toEqual(JSON.parse(text));
      }),
    );
  });

  it('reads a body that is not compressed, since a gateway may have inflated it', () => {
    expect(compressed('{"a":1}')).toEqual({ a: 1 });
    expect(compressed('{"a":1}', 'identity')).toEqual({ a: 1 });
  });

  it('inflates up to MAX_BODY_BYTES and no further', () => {
    const text = `"${'a'.repeat(MAX_BODY_BYTES - 2)}"`;
    expect(compressed(gzipSync(text))).toBe(text.slice(1, -1));
    expect(() => compressed(gzipSync(`${text} `))).toThrow(BodyTooLarge);
    expect(() => compressed(gzipSync(Buffer.alloc(64 * MAX_BODY_BYTES)))).toThrow(BodyTooLarge);
  });

  it('rejects damaged gzip', () => {
    expect(() => compressed(gzipSync('{"a":1}').subarray(0, -9))).toThrow(BodyNotInflated);
    expect(() => compressed(Buffer.from([0x1f, 0x8b, 1, 2, 3]))).toThrow(BodyNotInflated);
  });

  it.each(['br', 'deflate', 'gzip, gzip'])('rejects the encoding %s as unsupported', (encoding) => {
    expect(() => compressed('{}', encoding)).toThrow(UnsupportedBody);
  });
});

describe('isForIngest', () => {
  const isRouted = (method: string, rawPath: string) =>
    isForIngest({ rawPath, requestContext: { http: { method } } });

  it.each(['/notifications', '/notifications/'])('accepts POST %s', (path) => {
    expect(isRouted('POST', path)).toBe(true);
  });

  it.each([
    ['POST', '/'],
    ['POST', '/notification'],
    ['POST', '/notifications/x'],
    ['POST', '/Notifications'],
    ['GET', '/notifications'],
  ])('rejects %s %s', (method, path) => {
    expect(isRouted(method, path)).toBe(false);
  });
});
