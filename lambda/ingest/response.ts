import { NotJson } from '../shared/runtime/json.ts';
import { NotANotification } from '../shared/zencoder/notification.ts';
import { BodyNotInflated, BodyTooLarge, NOTIFICATION_PATH, UnsupportedBody } from './request.ts';

/** The answer to a request, in the form that API Gateway takes it. */
export interface IngestResponse {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What a notification came to. */
export interface QueuedWork {
  readonly job: string;
  /** Messages put on the queue. */
  readonly queued: number;
  /** Primary failures and backup files in those messages. */
  readonly failures: number;
  readonly files: number;
  /** Parts that say something that could not be read, such as outputs without an id. */
  readonly unreadable: number;
  /** Outputs and images beyond the bounds, which were not looked at. */
  readonly beyond: number;
}

const EXPECTED_TYPE =
  'application/json: leave "format" out of the notification settings, or set it to "json"';

/** 202 with what was queued; 200 when there is nothing to do. */
export function accepted(outcome: QueuedWork): IngestResponse {
  return answer(outcome.queued > 0 ? 202 : 200, outcome);
}

export function unauthorized(): IngestResponse {
  return answer(
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
  return answer(404, { error: 'there is nothing here', expected: `POST ${NOTIFICATION_PATH}` });
}

/** 503: Zencoder sends the notification again later. */
export function unavailable(): IngestResponse {
  return answer(
    503,
    { error: 'the notification could not be taken, send it again' },
    { 'retry-after': '10' },
  );
}

/** The answer to a body that cannot be used; null for a fault that is not the sender's. */
export function errorResponse(error: unknown): IngestResponse | null {
  if (error instanceof BodyTooLarge) return answer(413, { error: error.message });
  if (error instanceof UnsupportedBody) return answer(415, { error: error.message, expected: EXPECTED_TYPE });
  if (error instanceof BodyNotInflated) return answer(400, { error: error.message });
  if (error instanceof NotJson) {
    return answer(400, { error: error.message, expected: 'a Zencoder notification as JSON' });
  }
  if (error instanceof NotANotification) {
    return answer(400, { error: 'the body is no Zencoder notification', expected: error.message });
  }
  return null;
}

function answer(
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
