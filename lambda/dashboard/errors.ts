import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { InvalidCursor } from '../shared/ledger/paging.ts';
import { InvalidFilter } from '../shared/reporting/filters.ts';
import { RetryNotQueued } from './actions.ts';

/** What an error page shows beside its text. */
export interface ErrorDetails {
  /** Where to go from there: name and path. */
  readonly link?: readonly [string, string];
  /** What is left out; see `unreadableLine`. */
  readonly leftOut?: string | null;
}

/**
 * Ends a request with a status, as a page or, below `/api`, as a problem of RFC 9457. Title and message are sent to the
 * client.
 *
 * @example
 * throw new HttpError(404, 'Not found', 'There is no such page.');
 */
export class HttpError extends Error {
  override readonly name = 'HttpError';
  readonly status: ContentfulStatusCode;
  readonly title: string;
  readonly details: ErrorDetails;

  constructor(status: ContentfulStatusCode, title: string, message: string, details: ErrorDetails = {}) {
    super(message);
    this.status = status;
    this.title = title;
    this.details = details;
  }
}

/** The HTTP error that another error amounts to: 500, without its message, unless it is one of the request. */
export function toHttpError(error: unknown): HttpError {
  if (error instanceof HttpError) return error;
  if (error instanceof InvalidFilter || error instanceof InvalidCursor) {
    return new HttpError(400, 'Bad request', error.message);
  }
  if (error instanceof RetryNotQueued) {
    return new HttpError(503, 'Not queued', 'The queue did not take the retry. Try again in a moment.');
  }
  return new HttpError(500, 'Something went wrong', 'See the dashboard function’s log.');
}
