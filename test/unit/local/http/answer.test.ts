import { describe, expect, it } from 'vitest';
import { functionAnswer } from '../../../../infra/local/http/answer.ts';

describe('the answer to an HTTP client', () => {
  it('is what the function says', () => {
    const answer = functionAnswer({
      statusCode: 202,
      headers: { 'Content-Type': 'application/json', 'X-A': 1 },
      cookies: ['a=1', 'b=2'],
      body: '{}',
    });
    expect(answer).toEqual({
      status: 202,
      headers: { 'content-type': 'application/json', 'x-a': '1', 'set-cookie': ['a=1', 'b=2'] },
      body: Buffer.from('{}'),
    });
  });

  it('is decoded from base64 when the function says so', () => {
    const body = Buffer.from([0, 255]);
    const answer = functionAnswer({ statusCode: 200, body: body.toString('base64'), isBase64Encoded: true });
    expect(answer.body).toEqual(body);
  });

  it.each([
    ['an object without status', { a: 1 }, '{"a":1}'],
    ['text', 'hello', 'hello'],
    ['nothing', null, 'null'],
  ])('is a 200 of JSON for %s', (_name, result, body) => {
    expect(functionAnswer(result)).toEqual({
      status: 200,
      headers: { 'content-type': 'application/json' },
      body: Buffer.from(body),
    });
  });

  it.each([
    ['a status that is none', { statusCode: 'fine' }],
    ['a body that is no text', { statusCode: 200, body: { a: 1 } }],
  ])('is an internal error for %s', (_name, result) => {
    const answer = functionAnswer(result);
    expect(answer.status).toBe(500);
    expect(answer.body.toString()).toBe('{"message":"Internal Server Error"}');
  });
});
