import type { ErrorPayload } from './protocol.ts';

/** A function threw, ran out of time or memory, or its environment died; `payload` is what AWS would answer. */
export class FunctionError extends Error {
  override readonly name = 'FunctionError';
  readonly payload: ErrorPayload;

  constructor(functionName: string, payload: ErrorPayload) {
    super(`${functionName}: ${payload.errorType}: ${payload.errorMessage}`);
    this.payload = payload;
  }
}

/** More invocations at once than the function's reserved concurrency allows. */
export class FunctionThrottled extends Error {
  override readonly name = 'FunctionThrottled';

  constructor(functionName: string) {
    super(`${functionName}: Rate Exceeded.`);
  }
}

/** The event is larger than the 6 MB that Lambda takes. */
export class EventTooLarge extends Error {
  override readonly name = 'EventTooLarge';

  constructor(functionName: string, bytes: number) {
    super(`${functionName}: ${bytes} byte payload is too large for a synchronous invocation`);
  }
}
