import { randomUUID } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import {
  type EnvironmentData,
  type ErrorPayload,
  type FunctionDefinition,
  FunctionError,
  type FunctionLog,
  type InvokeRequest,
  MAX_RESPONSE_BYTES,
  RESPONSE_TOO_LARGE,
  type ThreadReport,
} from './protocol.ts';

/** What Lambda gives a function's code to load. */
const INIT_MILLISECONDS = 10_000;

interface Pending {
  readonly requestId: string;
  readonly started: number;
  resolve(result: string): void;
  reject(error: FunctionError): void;
}

/** One execution environment: a thread that runs one invocation at a time. */
export class ExecutionEnvironment {
  readonly #definition: FunctionDefinition;
  readonly #log: FunctionLog;
  readonly #thread: Worker;
  readonly #ready = Promise.withResolvers<void>();
  readonly #initTimer: NodeJS.Timeout;
  #alive = true;
  #pending: Pending | undefined;

  /** Starts the thread; loading its bundle goes on while the first invocation waits. */
  constructor(definition: FunctionDefinition, log: FunctionLog, clock: SharedArrayBuffer) {
    this.#definition = definition;
    this.#log = log;
    this.#thread = startThread(definition, clock);
    log.capture(this.#thread.stdout);
    log.capture(this.#thread.stderr);
    this.#ready.promise.catch(() => undefined);
    this.#initTimer = setTimeout(() => {
      void this.#end({ errorType: 'Sandbox.Timedout', errorMessage: 'Init timed out after 10.00 seconds' });
    }, INIT_MILLISECONDS);
    this.#thread.on('message', (report: ThreadReport) => this.#receive(report));
    this.#thread.on('error', (error: unknown) => this.#crash(error));
    this.#thread.on('exit', (code) => {
      clearTimeout(this.#initTimer);
      this.#alive = false;
      this.#fail({
        errorType: 'Runtime.ExitError',
        errorMessage: `Runtime exited with error: exit status ${code}`,
      });
    });
  }

  /** Epoch-free start of the running invocation (`performance.now()`), undefined while idle. */
  get busySince(): number | undefined {
    return this.#pending?.started;
  }

  /** False once the thread has ended or is about to. */
  get alive(): boolean {
    return this.#alive;
  }

  /** Runs one invocation. @throws {FunctionError} as AWS would report it */
  async invoke(event: string, trace: string): Promise<string> {
    await this.#ready.promise;
    const { timeoutSeconds } = this.#definition;
    const requestId = randomUUID();
    const request: InvokeRequest = {
      requestId,
      event,
      milliseconds: timeoutSeconds * 1000,
      trace,
    };
    const result = Promise.withResolvers<string>();
    this.#pending = { requestId, started: performance.now(), ...result };
    const timer = setTimeout(() => {
      const message = `Task timed out after ${timeoutSeconds.toFixed(2)} seconds`;
      this.#log.note(`RequestId: ${requestId} ${message}`);
      void this.#end({
        errorType: 'Sandbox.Timedout',
        errorMessage: `RequestId: ${requestId} Error: ${message}`,
      });
    }, request.milliseconds);
    this.#thread.postMessage(request);
    return result.promise.finally(() => clearTimeout(timer));
  }

  /** Ends the thread, wherever it is; the running invocation fails as after a crash of the machine. */
  kill(): Promise<void> {
    return this.#end({
      errorType: 'Runtime.ExitError',
      errorMessage: 'Runtime exited with error: signal: killed',
    });
  }

  #receive(report: ThreadReport): void {
    switch (report.type) {
      case 'ready':
        clearTimeout(this.#initTimer);
        this.#ready.resolve();
        break;
      case 'init-failed':
        this.#log.note(`INIT_REPORT ${report.error.errorType}: ${report.error.errorMessage}`);
        void this.#end(report.error);
        break;
      case 'memory-exceeded':
        this.#log.note(`memory: ${megabytes(report.bytes)} of ${this.#definition.memoryMegabytes} MB`);
        void this.#end({
          errorType: 'Runtime.OutOfMemory',
          errorMessage: 'Runtime exited with error: signal: killed',
        });
        break;
      case 'done':
      case 'failed':
        if (this.#pending?.requestId === report.requestId) this.#finish(this.#pending, report);
        break;
    }
  }

  #finish(done: Pending, report: Extract<ThreadReport, { requestId: string }>): void {
    this.#pending = undefined;
    const duration = (performance.now() - done.started).toFixed(0);
    const { name, memoryMegabytes } = this.#definition;
    this.#log.note(
      `REPORT RequestId: ${done.requestId} Duration: ${duration} ms Memory Size: ${memoryMegabytes} MB Max Memory Used: ${megabytes(report.peakBytes)} MB`,
    );
    if (report.type === 'failed') {
      done.reject(new FunctionError(name, report.error));
    } else if (Buffer.byteLength(report.result) > MAX_RESPONSE_BYTES) {
      this.#log.note(`RequestId: ${done.requestId} Error: ${RESPONSE_TOO_LARGE.errorMessage}`);
      done.reject(new FunctionError(name, RESPONSE_TOO_LARGE));
    } else {
      done.resolve(report.result);
    }
  }

  #crash(error: unknown): void {
    const isError = error instanceof Error;
    this.#log.note(`Uncaught: ${isError ? (error.stack ?? error.message) : String(error)}`);
    void this.#end({
      errorType: isError ? error.name : 'Error',
      errorMessage: isError ? error.message : String(error),
    });
  }

  async #end(payload: ErrorPayload): Promise<void> {
    if (!this.#alive) return;
    this.#alive = false;
    this.#fail(payload);
    await this.#thread.terminate();
  }

  #fail(payload: ErrorPayload): void {
    const error = new FunctionError(this.#definition.name, payload);
    this.#ready.reject(error);
    this.#pending?.reject(error);
    this.#pending = undefined;
  }
}

function startThread(definition: FunctionDefinition, clock: SharedArrayBuffer): Worker {
  const logStream = `$LATEST/${randomUUID().replaceAll('-', '')}`;
  const workerData: EnvironmentData = {
    directory: definition.directory,
    handler: definition.handler,
    functionName: definition.name,
    functionArn: definition.arn,
    memoryMegabytes: definition.memoryMegabytes,
    logStream,
    clock,
  };
  return new Worker(new URL('./thread.ts', import.meta.url), {
    workerData,
    env: { ...definition.environment, AWS_LAMBDA_LOG_STREAM_NAME: logStream },
    execArgv: [],
    argv: [],
    stdout: true,
    stderr: true,
    name: definition.name,
    resourceLimits: { maxOldGenerationSizeMb: Math.floor(definition.memoryMegabytes * 0.9) },
  });
}

function megabytes(bytes: number): number {
  return Math.ceil(bytes / 1024 / 1024);
}
