import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';
import { installClock } from '../../clock.ts';
import type { EnvironmentData, ErrorPayload, InvokeRequest, ThreadReport } from './protocol.ts';

/** What Node itself takes in Lambda before any code of the function, roughly. */
const RUNTIME_BYTES = 50 * 1024 * 1024;
const SAMPLE_MILLISECONDS = 50;

/** Measures the memory of one invocation. */
export interface MemoryMeter {
  start(): void;
  /** Ends the measurement; gives the highest sample in bytes. */
  stop(): number;
}

/**
 * Watches the memory of this thread against the function's size, as Lambda does for the whole environment.
 *
 * A thread's heap can be limited by V8 but its buffers cannot, and buffers are what a copy is made of: so heap and
 * buffers are sampled, and `exceeded` is called once when their sum (with a fixed share for Node) is over the size.
 * It is an estimate: a peak shorter than the sampling interval is missed, and so is whatever a loop allocates that never
 * lets the event loop turn. V8 ends such a thread at its heap limit, and the whole process if it grows too fast for that.
 */
export function createMemoryMeter(megabytes: number, exceeded: (bytes: number) => void): MemoryMeter {
  const limit = megabytes * 1024 * 1024;
  let peak = 0;
  let timer: NodeJS.Timeout | undefined;
  const sample = () => {
    const { heapUsed, external } = process.memoryUsage();
    const bytes = RUNTIME_BYTES + heapUsed + external;
    if (bytes > limit && peak <= limit) exceeded(bytes);
    peak = Math.max(peak, bytes);
  };
  return {
    start() {
      peak = 0;
      sample();
      timer = setInterval(sample, SAMPLE_MILLISECONDS).unref();
    },
    stop() {
      clearInterval(timer);
      sample();
      return peak;
    },
  };
}

/*
 * The inside of one execution environment: loads the bundle once, then runs one invocation after the other, as
 * Lambda's own runtime does. The thread's environment variables are the function's; nothing else says where it runs.
 */

type Handler = (event: unknown, context: unknown) => unknown;

const data: EnvironmentData = workerData;
installClock(data.clock);

const meter = createMemoryMeter(data.memoryMegabytes, (bytes) => report({ type: 'memory-exceeded', bytes }));

try {
  const handler = await loadHandler();
  parentPort?.on('message', (request: InvokeRequest) => void invoke(handler, request));
  report({ type: 'ready' });
} catch (error) {
  report({ type: 'init-failed', error: payloadOf(error) });
}

function report(message: ThreadReport): void {
  parentPort?.postMessage(message);
}

async function invoke(handler: Handler, request: InvokeRequest): Promise<void> {
  process.env._X_AMZN_TRACE_ID = request.trace;
  const { requestId } = request;
  meter.start();
  try {
    const result = await handler(JSON.parse(request.event), contextOf(request));
    const text = JSON.stringify(result) ?? 'null';
    report({ type: 'done', requestId, result: text, peakBytes: meter.stop() });
  } catch (error) {
    report({ type: 'failed', requestId, error: payloadOf(error), peakBytes: meter.stop() });
  }
}

async function loadHandler(): Promise<Handler> {
  const dot = data.handler.lastIndexOf('.');
  const [module, name] = [data.handler.slice(0, dot), data.handler.slice(dot + 1)];
  const file = ['.mjs', '.js', '.cjs']
    .map((extension) => join(data.directory, module + extension))
    .find((candidate) => existsSync(candidate));
  if (file === undefined) {
    throw runtimeError('ImportModuleError', `Cannot find module '${module}' in ${data.directory}`);
  }
  const loaded: Record<string, unknown> = await import(pathToFileURL(file).href);
  const handler = loaded[name];
  if (!isHandler(handler)) {
    throw runtimeError('HandlerNotFound', `${data.handler} is undefined or not exported`);
  }
  if (handler.length > 2) {
    throw runtimeError('CallbackHandlerDeprecated', 'nodejs24.x has async handlers only, without a callback');
  }
  return handler;
}

function isHandler(value: unknown): value is Handler {
  return typeof value === 'function';
}

function contextOf(request: InvokeRequest): unknown {
  // The machine's pace, not `Date`: an advance of the stack's clock does not shorten the invocation.
  const end = performance.now() + request.milliseconds;
  return {
    awsRequestId: request.requestId,
    functionName: data.functionName,
    functionVersion: '$LATEST',
    invokedFunctionArn: data.functionArn,
    memoryLimitInMB: String(data.memoryMegabytes),
    logGroupName: `/aws/lambda/${data.functionName}`,
    logStreamName: data.logStream,
    callbackWaitsForEmptyEventLoop: true,
    getRemainingTimeInMillis: () => Math.max(0, Math.floor(end - performance.now())),
  };
}

function runtimeError(type: string, message: string): Error {
  return Object.assign(new Error(message), { name: `Runtime.${type}` });
}

function payloadOf(error: unknown): ErrorPayload {
  if (!(error instanceof Error)) return { errorType: typeof error, errorMessage: String(error) };
  return {
    errorType: error.name,
    errorMessage: error.message,
    trace: error.stack?.split('\n') ?? [],
  };
}
