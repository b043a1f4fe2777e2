import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type HttpApi,
  type Integration,
  startHttpApi,
} from '../../../../../infra/local/aws/api-gateway/api.ts';
import { RouteThrottles } from '../../../../../infra/local/aws/api-gateway/throttle.ts';
import {
  EventTooLarge,
  FunctionError,
  FunctionThrottled,
  RESPONSE_TOO_LARGE,
} from '../../../../../infra/local/aws/lambda/protocol.ts';

let api: HttpApi;

beforeEach(async () => {
  api = await startHttpApi({ id: 'api', port: 0, accountId: '000000000000', now: Date.now });
});

afterEach(() => api.close());

/** Routes `POST /x` to `invoke`. */
function route(invoke: Integration['invoke'], timeoutMilliseconds = 5000): void {
  api.addIntegration({ id: 'one', invoke, timeoutMilliseconds });
  api.addRoute('POST /x', 'one');
}

async function post(path: string, body?: string) {
  const init: RequestInit = { method: 'POST', headers: { 'content-type': 'application/json' } };
  const response = await fetch(api.endpoint + path, body === undefined ? init : { ...init, body });
  return { status: response.status, text: await response.text(), headers: response.headers };
}

describe('the local HTTP API', () => {
  it('returns 429 for requests beyond the throttle of their route, and lets other routes through', async () => {
    route(async () => ({ statusCode: 200 }));
    api.addRoute('$default', 'one');
    api.setStage(
      '$default',
      new RouteThrottles({ rate: 0.001, burst: 3 }, new Map([['POST /x', { rate: 1, burst: 50 }]])),
    );
    const flood = await Promise.all(Array.from({ length: 20 }, () => post('/wrong')));
    expect(flood.filter(({ status }) => status === 200)).toHaveLength(3);
    const [refused] = flood.filter(({ status }) => status !== 200);
    expect(refused).toMatchObject({ status: 429, text: '{"message":"Too Many Requests"}' });
    expect((await post('/x')).status).toBe(200);
  });

  it('passes a body of up to 10 MB to the function', async () => {
    const lengths: number[] = [];
    route(async (event) => lengths.push(JSON.stringify(event).length));
    const response = await post('/x', 'a'.repeat(10 * 1024 * 1024));
    expect(response.status).toBe(200);
    expect(lengths[0]).toBeGreaterThan(10 * 1024 * 1024);
  });

  it.each([
    ['announces it', () => 'a'.repeat(10 * 1024 * 1024 + 1)],
    ['does not announce it', () => chunks(11)],
  ])('returns 413 for a larger body when the client %s', async (_name, body) => {
    let calls = 0;
    route(async () => calls++);
    const made = body();
    const init: RequestInit & { duplex: 'half' } = { method: 'POST', body: made, duplex: 'half' };
    const response = await fetch(`${api.endpoint}/x`, init);
    expect(response.status).toBe(413);
    expect(await response.json()).toEqual({ message: 'Request Entity Too Large' });
    expect(calls).toBe(0);
  });

  it.each([
    [
      'the function failed',
      new FunctionError('f', { errorType: 'E', errorMessage: 'm' }),
      500,
      'Internal Server Error',
    ],
    [
      'the response of the function is too large',
      new FunctionError('f', RESPONSE_TOO_LARGE),
      500,
      'Internal Server Error',
    ],
    [
      'the function is throttled',
      new FunctionThrottled('f', 'ConcurrentInvocationLimitExceeded'),
      503,
      'Service Unavailable',
    ],
    [
      'Lambda does not take the event',
      new EventTooLarge('f', 7, 'RequestResponse'),
      413,
      'Request Entity Too Large',
    ],
  ])('returns an error response when %s', async (_name, error, status, message) => {
    route(() => Promise.reject(error));
    expect(await post('/x', '{}')).toMatchObject({ status, text: JSON.stringify({ message }) });
  });

  it('returns 503 when the function exceeds the integration timeout', async () => {
    route(() => new Promise(() => undefined), 20);
    expect(await post('/x', '{}')).toMatchObject({ status: 503, text: '{"message":"Service Unavailable"}' });
  });

  it('renames what it does not pass on of the headers of a function', async () => {
    const headers = {
      'WWW-Authenticate': 'Basic realm="x"',
      Date: 'yesterday',
      Server: 'mine',
      'X-Own': '1',
      'Content-Encoding': 'identity',
    };
    route(async () => ({ statusCode: 401, headers }));
    const response = await post('/x');
    expect(response.headers.get('www-authenticate')).toBeNull();
    expect(response.headers.get('server')).toBeNull();
    expect(response.headers.get('date')).not.toBe('yesterday');
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'x-amzn-remapped-www-authenticate': 'Basic realm="x"',
      'x-amzn-remapped-date': 'yesterday',
      'x-amzn-remapped-server': 'mine',
      'x-own': '1',
      'content-encoding': 'identity',
    });
  });

  it('requires the stage name at the start of every path', async () => {
    route(async () => 'here');
    api.setStage('prod');
    expect((await post('/x')).status).toBe(404);
    expect((await post('/production/x')).status).toBe(404);
    expect((await post('/prod/x')).status).toBe(200);
  });

  it('returns 400 for a path that cannot be decoded', async () => {
    route(async () => 'here');
    expect((await post('/%zz')).status).toBe(400);
  });

  it('decodes binary responses', async () => {
    route(async () => ({ statusCode: 200, body: 'AP8=', isBase64Encoded: true }));
    const response = await fetch(`${api.endpoint}/x`, { method: 'POST' });
    expect(Buffer.from(await response.arrayBuffer())).toEqual(Buffer.from([0, 255]));
    expect(response.headers.get('content-length')).toBe('2');
  });
});

/** So many MiB in pieces, without a length in front. */
function chunks(count: number): ReadableStream {
  let left = count;
  return new ReadableStream({
    pull(controller) {
      if (left-- === 0) controller.close();
      else controller.enqueue(new Uint8Array(1024 * 1024));
    },
  });
}
