/** How long a client of an AWS service waits; milliseconds. */
export interface ClientLimits {
  /** For the response to one request: its head, and between two chunks of its body. */
  readonly requestMs: number;
  /** Requests that one call may come to. */
  readonly attempts: number;
}

const CONNECTION_MS = 1_000;

/** Responses take milliseconds, pages of 1 MB and transactions of 100 items a few hundred. */
const DEFAULTS: ClientLimits = { requestMs: 5_000, attempts: 3 };

/**
 * Options by which a client of SQS, SNS, DynamoDB or Secrets Manager ends a call to a service that hangs: the SDK by
 * itself waits for ever. A call takes at most `attempts` times connection and request, and the SDK's pauses in between.
 *
 * Repeating a request is safe: writes to the ledger are conditional, and messages and events may come twice.
 */
export function clientLimits(given: Partial<ClientLimits> = {}) {
  const { requestMs, attempts } = { ...DEFAULTS, ...given };
  return {
    maxAttempts: attempts,
    requestHandler: {
      connectionTimeout: CONNECTION_MS,
      requestTimeout: requestMs,
      throwOnRequestTimeout: true,
      // The request's own limit ends with the head of the response.
      socketTimeout: requestMs,
    },
  };
}
