import { describe, expect, it } from 'vitest';
import {
  type ApiRequest,
  functionResponse,
  requestEvent,
} from '../../../../../infra/local/aws/api-gateway/event.ts';

const context = {
  apiId: 'api',
  accountId: '000000000000',
  host: '127.0.0.1:3000',
  stage: '$default',
  routeKey: 'POST /notifications',
  requestId: 'request',
  pathParameters: {},
  path: '/notifications',
  time: Date.UTC(2026, 2, 5, 9, 3, 7),
};

function event(request: Partial<ApiRequest>) {
  const full = {
    method: 'POST',
    url: '/notifications',
    headers: {},
    body: Buffer.alloc(0),
    sourceIp: '::1',
    ...request,
  };
  return requestEvent(full, context);
}

describe('requestEvent', () => {
  it.each([
    ['application/json', false],
    ['application/json; charset=utf-8', false],
    ['text/plain', false],
    ['application/problem+json', true],
    ['application/octet-stream', true],
    ['application/x-www-form-urlencoded', true],
    ['multipart/form-data; boundary=x', true],
    [undefined, true],
  ])('encodes a body of type %s in base64: %s', (type, isBase64Encoded) => {
    const headers = type === undefined ? {} : { 'content-type': [type] };
    const body = isBase64Encoded ? Buffer.from('é').toString('base64') : 'é';
    expect(event({ headers, body: Buffer.from('é') })).toMatchObject({ body, isBase64Encoded });
  });

  it('encodes a compressed body in base64', () => {
    const headers = { 'content-type': ['application/json'], 'content-encoding': ['gzip'] };
    expect(event({ headers, body: Buffer.from([31, 139]) })).toMatchObject({ isBase64Encoded: true });
  });

  it('omits an empty body, query and path parameters', () => {
    const made = event({});
    for (const absent of ['body', 'queryStringParameters', 'pathParameters', 'cookies']) {
      expect(made).not.toHaveProperty(absent);
    }
  });

  it('joins repeated headers and parameters with commas', () => {
    const made = event({ url: '/notifications?a=1&b=x%20y&a=2', headers: { 'x-many': ['1', '2'] } });
    expect(made).toMatchObject({
      rawQueryString: 'a=1&b=x%20y&a=2',
      queryStringParameters: { a: '1,2', b: 'x y' },
      headers: { 'x-many': '1,2' },
    });
  });

  it('moves cookies from the headers to cookies', () => {
    const made = event({ headers: { cookie: ['a=1; b=2', 'c=3'] } });
    expect(made).toMatchObject({ cookies: ['a=1', 'b=2', 'c=3'] });
    expect(made).not.toHaveProperty('headers.cookie');
  });

  it('formats the time as API Gateway does', () => {
    expect(event({})).toMatchObject({
      requestContext: { time: '05/Mar/2026:09:03:07 +0000', timeEpoch: context.time },
    });
  });
});

describe('functionResponse', () => {
  it('returns status, headers, cookies and body of the function', () => {
    const response = functionResponse({
      statusCode: 202,
      headers: { 'Content-Type': 'application/json', 'X-A': 1 },
      cookies: ['a=1', 'b=2'],
      body: '{}',
    });
    expect(response).toEqual({
      status: 202,
      headers: { 'content-type': 'application/json', 'x-a': '1', 'set-cookie': ['a=1', 'b=2'] },
      body: Buffer.from('{}'),
    });
  });

  it('decodes the body when isBase64Encoded is set', () => {
    const body = Buffer.from([0, 255]);
    const response = functionResponse({
      statusCode: 200,
      body: body.toString('base64'),
      isBase64Encoded: true,
    });
    expect(response.body).toEqual(body);
  });

  it.each([
    ['an object without status', { a: 1 }, '{"a":1}'],
    ['text', 'hello', 'hello'],
    ['nothing', null, 'null'],
  ])('returns 200 with JSON for %s', (_name, result, body) => {
    expect(functionResponse(result)).toEqual({
      status: 200,
      headers: { 'content-type': 'application/json' },
      body: Buffer.from(body),
    });
  });

  it.each([
    ['a status that is none', { statusCode: 'fine' }],
    ['a body that is no text', { statusCode: 200, body: { a: 1 } }],
  ])('returns an internal server error for %s', (_name, result) => {
    const response = functionResponse(result);
    expect(response.status).toBe(500);
    expect(response.body.toString()).toBe('{"message":"Internal Server Error"}');
  });
});
