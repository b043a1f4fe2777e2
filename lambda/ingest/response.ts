import { NotJson } from '../shared/runtime/json.ts';
import { NotANotification } from '../shared/zencoder/notification.ts';
import { NOTIFICATION_PATH, RequestError } from './request.ts';

/** The response to a request, as API Gateway expects it. */
export interface IngestResponse {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What was queued of a notification. */
export interface QueuedWork {
  readonly job: string;
  /** Messages put on the queue. */
  readonly queued: number;
  /** Primary failures and backup files in those messages. */
  readonly failures: number;
  readonly files: number;
  /** Parts that could not be read, such as outputs without an id. */
  readonly unreadable: number;
  /** Outputs and images beyond the bounds, which were not read. */
  readonly beyond: number;
}

const EXPECTED_TYPE =
  'application/json: leave "format" out of the notification settings, or set it to "json"';

/** 202 with what was queued; 200 when there is nothing to do. */
export function accepted(queued: QueuedWork): IngestResponse {
  return response(queued.queued > 0 ? 202 : 200, queued);
}

export function unauthorized(): IngestResponse {
  return response(
    401,
    {
      error: 'credentials are missing or wrong',
      expected:
        'https://USER:PASSWORD@… as notification URL, or the X-Zencoder-Notification-Secret of the account',
    },
    { 'www-authenticate': 'Basic realm="Zencoder notifications", charset="UTF-8"' },
  );
}

/** 404 for a path, or a method, that this API does not have. */
export function notFound(): IngestResponse {
  return response(404, { error: 'there is nothing here', expected: `POST ${NOTIFICATION_PATH}` });
}

/** 503: Zencoder sends the notification again later. */
export function unavailable(): IngestResponse {
  return response(
    503,
    { error: 'the notification could not be taken, send it again' },
    { 'retry-after': '10' },
  );
}

/** The response to a body that cannot be used; null for an error that is not the sender's. */
export function errorResponse(error: unknown): IngestResponse | null {
  if (error instanceof RequestError) {
    const expected = error.status === 415 ? { expected: EXPECTED_TYPE } : {};
    return response(error.status, { error: error.message, ...expected });
  }
  if (error instanceof NotJson) {
    return response(400, { error: error.message, expected: 'a Zencoder notification as JSON' });
  }
  if (error instanceof NotANotification) {
    return response(400, { error: 'the body is no Zencoder notification', expected: error.message });
  }
  return null;
}

function response(
  statusCode: number,
  body: object,
  headers: Readonly<Record<string, string>> = {},
): IngestResponse {
  return {
    statusCode,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers },
    body: JSON.stringify(body),
  };
}
