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

describe('the answer to a notification', () => {
  it('is 202 with what was queued, and 200 when there is nothing to do', () => {
    expect(accepted(outcome)).toMatchObject({ statusCode: 202, body: JSON.stringify(outcome) });
    expect(accepted({ ...outcome, queued: 0 }).statusCode).toBe(200);
  });

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
  ])('is %i for a body that is refused as %o, with the reason', (statusCode, error, body) => {
    const answer = errorResponse(error);

    expect(answer?.statusCode).toBe(statusCode);
    expect(answer && bodyOf(answer)).toEqual(body);
  });

  it('is left open for any other error: it is no fault of the body', () => {
    expect(errorResponse(new Error('the queue is away'))).toBeNull();
  });

  it('says how to send credentials, where to post and when to come back', () => {
    expect(unauthorized()).toMatchObject({
      statusCode: 401,
      headers: { 'www-authenticate': expect.stringMatching(/^Basic realm="[^"]+"/) },
      body: expect.stringContaining('X-Zencoder-Notification-Secret'),
    });
    expect(notFound()).toMatchObject({
      statusCode: 404,
      body: expect.stringContaining('POST /notifications'),
    });
    expect(unavailable()).toMatchObject({ statusCode: 503, headers: { 'retry-after': '10' } });
  });

  it('is JSON that no cache keeps', () => {
    for (const answer of [accepted(outcome), unauthorized(), notFound(), unavailable()]) {
      expect(answer.headers).toMatchObject({
        'content-type': 'application/json',
        'cache-control': 'no-store',
      });
      expect(bodyOf(answer)).not.toEqual({});
    }
  });
});
