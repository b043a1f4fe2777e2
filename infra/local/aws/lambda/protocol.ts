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
  /** Invocations at once before AWS throttles; undefined for the account's limit. */
  readonly reservedConcurrency: number | undefined;
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

/** More invocations at once than the function's reserved concurrency allows. */
export class FunctionThrottled extends Error {
  override readonly name = 'FunctionThrottled';

  constructor(functionName: string) {
    super(`${functionName}: Rate Exceeded.`);
  }
}

/** The event is larger than the 6 MB that Lambda accepts. */
export class EventTooLarge extends Error {
  override readonly name = 'EventTooLarge';

  constructor(functionName: string, bytes: number) {
    super(`${functionName}: ${bytes} byte payload is too large for a synchronous invocation`);
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
