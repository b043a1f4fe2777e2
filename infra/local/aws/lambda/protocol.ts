import type { Readable } from 'node:stream';

/** A function as the template describes it. */
export interface FunctionDefinition {
  readonly name: string;
  readonly arn: string;
  /** Directory of the unpacked asset. */
  readonly directory: string;
  /** e.g. `index.handler`. */
  readonly handler: string;
  /** All environment variables of the process; nothing of this process is inherited. */
  readonly environment: Readonly<Record<string, string>>;
  readonly timeoutSeconds: number;
  readonly memoryMegabytes: number;
  /** Invocations at once before AWS throttles; undefined for what the account's functions share. */
  readonly reservedConcurrency: number | undefined;
  /** `Allow`: Lambda does not stop the function in a recursive loop. */
  readonly recursiveLoop: 'Allow' | 'Terminate';
}

/** What an execution environment's thread is started with. */
export interface EnvironmentData {
  /** Directory of the unpacked asset. */
  readonly directory: string;
  /** As in the template, e.g. `index.handler`. */
  readonly handler: string;
  readonly functionName: string;
  readonly functionArn: string;
  readonly memoryMegabytes: number;
  readonly logStream: string;
  /** The stack's clock, see `clock.ts`. */
  readonly clock: SharedArrayBuffer;
}

/** One invocation, from the runtime to the thread. */
export interface InvokeRequest {
  readonly requestId: string;
  /** JSON. */
  readonly event: string;
  /** What `getRemainingTimeInMillis` starts at. */
  readonly milliseconds: number;
  /** Trace header, which the SDK sends with each request of the function. */
  readonly trace: string;
}

/** How an error looks to the caller of a function, as in AWS. */
export interface ErrorPayload {
  readonly errorType: string;
  readonly errorMessage: string;
  readonly trace?: readonly string[];
}

/** What a thread reports to the runtime. */
export type ThreadReport =
  | { readonly type: 'ready' }
  | { readonly type: 'init-failed'; readonly error: ErrorPayload }
  | { readonly type: 'memory-exceeded'; readonly bytes: number }
  | { readonly type: 'done'; readonly requestId: string; readonly result: string; readonly peakBytes: number }
  | {
      readonly type: 'failed';
      readonly requestId: string;
      readonly error: ErrorPayload;
      readonly peakBytes: number;
    };

/** A function threw, ran out of time or memory, or its environment crashed; `payload` is what AWS would return. */
export class FunctionError extends Error {
  override readonly name = 'FunctionError';
  readonly payload: ErrorPayload;

  constructor(functionName: string, payload: ErrorPayload) {
    super(`${functionName}: ${payload.errorType}: ${payload.errorMessage}`);
    this.payload = payload;
  }
}

/** What Lambda calls an invocation that waits for its response, and one that does not. */
export type InvocationType = 'RequestResponse' | 'Event';

/**
 * Most bytes of an event: 6 MB, or 1 MB for an asynchronous invocation
 * (https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html).
 */
export const MAX_EVENT_BYTES: Readonly<Record<InvocationType, number>> = {
  RequestResponse: 6 * 1024 * 1024,
  Event: 1024 * 1024,
};

/**
 * Most bytes of a response: 6 MB, which Lambda counts as 6,291,556 bytes of the JSON that the function returns
 * (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html; the figure is in Lambda's own message).
 */
export const MAX_RESPONSE_BYTES = 6_291_556;

/** What Lambda reports in place of a response that is larger. The environment goes on. */
export const RESPONSE_TOO_LARGE: ErrorPayload = {
  errorType: 'Function.ResponseSizeTooLarge',
  errorMessage: `Response payload size exceeded maximum allowed payload size (${MAX_RESPONSE_BYTES} bytes).`,
};

/**
 * More invocations at once than the function's reserved concurrency, or than the account's functions may share
 * (https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html): `TooManyRequestsException`, status 429.
 */
export class FunctionThrottled extends Error {
  override readonly name = 'FunctionThrottled';
  readonly reason: 'ReservedFunctionConcurrentInvocationLimitExceeded' | 'ConcurrentInvocationLimitExceeded';

  constructor(functionName: string, reason: FunctionThrottled['reason']) {
    super(`${functionName}: Rate Exceeded.`);
    this.reason = reason;
  }
}

/** The event is larger than Lambda accepts: `RequestTooLargeException`, status 413. */
export class EventTooLarge extends Error {
  override readonly name = 'EventTooLarge';

  constructor(functionName: string, bytes: number, type: InvocationType) {
    const limit = MAX_EVENT_BYTES[type];
    super(
      `${functionName}: ${bytes} byte payload is too large for the ${type} invocation type (limit ${limit} bytes)`,
    );
  }
}

/** Lambda stopped a chain of invocations: `RecursiveInvocationException`, status 400. */
export class RecursionStopped extends Error {
  override readonly name = 'RecursionStopped';

  constructor(functionName: string) {
    super(
      `${functionName}: Lambda has detected your function being invoked in a recursive loop with other AWS resources ` +
        "and stopped your function's invocation.",
    );
  }
}

/** One line that a function wrote, or that the runtime wrote about it. */
export interface LogLine {
  readonly functionName: string;
  readonly source: 'function' | 'runtime';
  readonly text: string;
}

/** What is kept of each function's lines. */
const KEPT_LINES = 50_000;

/** The log group of one function. */
export interface FunctionLog {
  readonly lines: readonly LogLine[];
  /** A line of the runtime's own, e.g. that a task timed out. */
  note(text: string): void;
  /** Takes over the lines of a thread's output stream. */
  capture(stream: Readable): void;
}

/** @param listener called with each line as it comes */
export function createLog(functionName: string, listener?: (line: LogLine) => void): FunctionLog {
  const lines: LogLine[] = [];
  const add = (source: LogLine['source'], text: string) => {
    const line: LogLine = { functionName, source, text };
    if (lines.push(line) > KEPT_LINES) lines.splice(0, KEPT_LINES / 10);
    listener?.(line);
  };
  return {
    lines,
    note: (text) => add('runtime', text),
    capture(stream) {
      let rest = '';
      stream.setEncoding('utf8');
      stream.on('data', (chunk: string) => {
        const parts = (rest + chunk).split('\n');
        rest = parts.pop() ?? '';
        for (const part of parts) add('function', part);
      });
      stream.on('end', () => {
        if (rest !== '') add('function', rest);
        rest = '';
      });
    },
  };
}
