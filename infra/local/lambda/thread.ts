import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';
import { installClock } from '../clock.ts';
import { createMemoryMeter } from './memory.ts';
import type { EnvironmentData, ErrorPayload, InvokeRequest, ThreadReport } from './protocol.ts';

/*
 * The inside of one execution environment: loads the bundle once, then runs one invocation after the other, as
 * Lambda's own runtime does. The thread's environment variables are the function's; nothing else tells it where it is.
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
  process.env._X_AMZN_TRACE_ID = `Root=1-${request.requestId}`;
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
