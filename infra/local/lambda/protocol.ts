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

/** What a thread tells the runtime. */
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
