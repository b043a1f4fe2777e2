import { randomUUID } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import {
  type EnvironmentData,
  type ErrorPayload,
  FunctionError,
  type FunctionLog,
  type InvokeRequest,
  type ThreadReport,
} from './protocol.ts';
import type { FunctionDefinition } from './runtime.ts';

/** Lambda gives a function's code so long to load. */
const INIT_MILLISECONDS = 10_000;

/** One execution environment: a thread that runs one invocation at a time. */
export interface ExecutionEnvironment {
  /** Epoch-free start of the running invocation (`performance.now()`), undefined while idle. */
  readonly busySince: number | undefined;
  /** False once the thread has ended or is about to. */
  readonly alive: boolean;
  /** Runs one invocation. @throws {FunctionError} as AWS would report it */
  invoke(event: string): Promise<string>;
  /** Ends the thread, wherever it is; the running invocation fails as if the machine had died. */
  kill(): Promise<void>;
}

interface Pending {
  readonly requestId: string;
  readonly started: number;
  resolve(result: string): void;
  reject(error: FunctionError): void;
}

/** Starts a thread for a function; loading its bundle goes on while the first invocation waits. */
export function startEnvironment(
  definition: FunctionDefinition,
  log: FunctionLog,
  clock: SharedArrayBuffer,
): ExecutionEnvironment {
  const logStream = `$LATEST/${randomUUID().replaceAll('-', '')}`;
  const data: EnvironmentData = {
    directory: definition.directory,
    handler: definition.handler,
    functionName: definition.name,
    functionArn: definition.arn,
    memoryMegabytes: definition.memoryMegabytes,
    logStream,
    clock,
  };
  const thread = new Worker(new URL('./thread.ts', import.meta.url), {
    workerData: data,
    env: { ...definition.environment, AWS_LAMBDA_LOG_STREAM_NAME: logStream },
    execArgv: [],
    argv: [],
    stdout: true,
    stderr: true,
    name: definition.name,
    resourceLimits: { maxOldGenerationSizeMb: Math.floor(definition.memoryMegabytes * 0.9) },
  });
  log.capture(thread.stdout);
  log.capture(thread.stderr);

  let alive = true;
  let pending: Pending | undefined;
  const ready = Promise.withResolvers<void>();
  ready.promise.catch(() => undefined);

  const fail = (payload: ErrorPayload) => {
    const error = new FunctionError(definition.name, payload);
    ready.reject(error);
    pending?.reject(error);
    pending = undefined;
  };
  const end = async (payload: ErrorPayload) => {
    if (!alive) return;
    alive = false;
    fail(payload);
    await thread.terminate();
  };

  const initTimer = setTimeout(() => {
    void end({ errorType: 'Sandbox.Timedout', errorMessage: 'Init timed out after 10.00 seconds' });
  }, INIT_MILLISECONDS);

  thread.on('message', (report: ThreadReport) => {
    switch (report.type) {
      case 'ready':
        clearTimeout(initTimer);
        ready.resolve();
        break;
      case 'init-failed':
        log.note(`INIT_REPORT ${report.error.errorType}: ${report.error.errorMessage}`);
        void end(report.error);
        break;
      case 'memory-exceeded':
        log.note(`memory: ${megabytes(report.bytes)} of ${definition.memoryMegabytes} MB`);
        void end({
          errorType: 'Runtime.OutOfMemory',
          errorMessage: 'Runtime exited with error: signal: killed',
        });
        break;
      case 'done':
      case 'failed':
        if (pending?.requestId === report.requestId) finish(pending, report);
        break;
    }
  });
  thread.on('error', (error: unknown) => {
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    log.note(`Uncaught: ${message}`);
    void end({
      errorType: error instanceof Error ? error.name : 'Error',
      errorMessage: error instanceof Error ? error.message : String(error),
    });
  });
  thread.on('exit', (code) => {
    clearTimeout(initTimer);
    alive = false;
    fail({ errorType: 'Runtime.ExitError', errorMessage: `Runtime exited with error: exit status ${code}` });
  });

  function finish(done: Pending, report: Extract<ThreadReport, { requestId: string }>): void {
    pending = undefined;
    const duration = (performance.now() - done.started).toFixed(0);
    log.note(
      `REPORT RequestId: ${done.requestId} Duration: ${duration} ms Memory Size: ${definition.memoryMegabytes} MB Max Memory Used: ${megabytes(report.peakBytes)} MB`,
    );
    if (report.type === 'done') done.resolve(report.result);
    else done.reject(new FunctionError(definition.name, report.error));
  }

  return {
    get busySince() {
      return pending?.started;
    },
    get alive() {
      return alive;
    },
    async invoke(event) {
      await ready.promise;
      const request: InvokeRequest = {
        requestId: randomUUID(),
        event,
        milliseconds: definition.timeoutSeconds * 1000,
      };
      const answer = Promise.withResolvers<string>();
      pending = { requestId: request.requestId, started: performance.now(), ...answer };
      const timer = setTimeout(() => {
        const message = `Task timed out after ${definition.timeoutSeconds.toFixed(2)} seconds`;
        log.note(`RequestId: ${request.requestId} ${message}`);
        void end({
          errorType: 'Sandbox.Timedout',
          errorMessage: `RequestId: ${request.requestId} Error: ${message}`,
        });
      }, request.milliseconds);
      thread.postMessage(request);
      return answer.promise.finally(() => clearTimeout(timer));
    },
    kill: () =>
      end({ errorType: 'Runtime.ExitError', errorMessage: 'Runtime exited with error: signal: killed' }),
  };
}

function megabytes(bytes: number): number {
  return Math.ceil(bytes / 1024 / 1024);
}
