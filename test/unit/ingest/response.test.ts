import { describe, expect, it } from 'vitest';
import { BodyNotInflated, BodyTooLarge, UnsupportedBody } from '../../../lambda/ingest/request.ts';
import {
  accepted,
  errorResponse,
  notFound,
  unauthorized,
  unavailable,
} from '../../../lambda/ingest/response.ts';
import { NotJson } from '../../../lambda/shared/runtime/json.ts';
import { NotANotification } from '../../../lambda/shared/zencoder/notification.ts';

const outcome = { job: '1', queued: 1, failures: 1, files: 2, unreadable: 0, beyond: 0 };
const bodyOf = ({ body }: { readonly body: string }): unknown => JSON.parse(body);

describe('accepted', () => {
  it('responds 202 with what was queued, and 200 when nothing was to be queued', () => {
    expect(accepted(outcome)).toMatchObject({ statusCode: 202, body: JSON.stringify(outcome) });
    expect(accepted({ ...outcome, queued: 0 }).statusCode).toBe(200);
  });
});

describe('errorResponse', () => {
  it.each([
    [413, new BodyTooLarge('the body is too large'), { error: 'the body is too large' }],
    [
      415,
      new UnsupportedBody('XML is not supported'),
      { error: 'XML is not supported', expected: expect.stringContaining('leave "format" out') },
    ],
    [400, new BodyNotInflated('damaged gzip'), { error: 'damaged gzip' }],
    [
      400,
      new NotJson('no value at 1'),
      { error: 'no value at 1', expected: expect.stringContaining('JSON') },
    ],
    [
      400,
      new NotANotification('job.id'),
      { error: 'the body is no Zencoder notification', expected: 'job.id' },
    ],
  ])('responds %i with the reason for %o', (statusCode, error, body) => {
    const response = errorResponse(error);

    expect(response?.statusCode).toBe(statusCode);
    expect(response && bodyOf(response)).toEqual(body);
  });

  it('returns null for any other error, since the body did not cause it', () => {
    expect(errorResponse(new Error('the queue is unavailable'))).toBeNull();
  });
});

describe('unauthorized', () => {
  it('responds 401 and names the ways to send credentials', () => {
    expect(unauthorized()).toMatchObject({
      statusCode: 401,
      headers: { 'www-authenticate': expect.stringMatching(/^Basic realm="[^"]+"/) },
      body: expect.stringContaining('X-Zencoder-Notification-Secret'),
    });
  });
});

describe('notFound', () => {
  it('responds 404 and names the path to post to', () => {
    expect(notFound()).toMatchObject({
      statusCode: 404,
      body: expect.stringContaining('POST /notifications'),
    });
  });
});

describe('unavailable', () => {
  it('responds 503 and asks for a retry after ten seconds', () => {
    expect(unavailable()).toMatchObject({ statusCode: 503, headers: { 'retry-after': '10' } });
  });
});

describe('every response', () => {
  it('has a JSON body that caches do not store', () => {
    for (const response of [accepted(outcome), unauthorized(), notFound(), unavailable()]) {
      expect(response.headers).toMatchObject({
        'content-type': 'application/json',
        'cache-control': 'no-store',
      });
      expect(bodyOf(response)).not.toEqual({});
    }
  });
});
