import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AccessRequest, Gate } from '../iam/access.ts';
import { contextOf } from '../iam/actions/context.ts';
import { type LocalServer, listen } from '../listen.ts';
import { accessKeyOf } from '../service-request.ts';
import type { AccountLimits } from './concurrency.ts';
import { EventTooLarge, FunctionError, FunctionThrottled, RecursionStopped } from './protocol.ts';
import type { LocalFunction } from './runtime.ts';

/** The path of `GetAccountSettings`: https://docs.aws.amazon.com/lambda/latest/api/API_GetAccountSettings.html */
const ACCOUNT_SETTINGS = /^\/2016-08-19\/account-settings\/?$/;
const INVOKE = /^\/2015-03-31\/functions\/([^/]+)\/invocations$/;

/** Of an account that AWS has raised to its usual quota. */
const USUAL_LIMITS: AccountLimits = { concurrentExecutions: 1000, unreserved: 1000 };

type Invokable = Pick<LocalFunction, 'invoke' | 'submit'>;

/**
 * Starts Lambda's `Invoke` and `GetAccountSettings`, for operators: a function of a local stack is called by name as a
 * deployed one is, by AWS's own client. Statuses and errors: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html.
 */
export async function startLambdaApi(
  functions: ReadonlyMap<string, Invokable>,
  limits: AccountLimits = USUAL_LIMITS,
  access?: LambdaAccess,
): Promise<LocalServer> {
  const server = createServer((request, response) => {
    const refusal = access === undefined ? undefined : refusalOf(request, access);
    if (refusal !== undefined) return send(response, refusal);
    if (ACCOUNT_SETTINGS.test(request.url ?? '')) return send(response, accountSettings(limits));
    invoke(request, functions).then(
      (result) => send(response, result),
      () => response.destroy(),
    );
  });
  return await listen(server);
}

/** Who may call which function. */
export interface LambdaAccess {
  readonly gate: Gate;
  /** What the ARN of a function begins with: `arn:aws:lambda:REGION:ACCOUNT:function:`. */
  readonly functionArns: string;
}

/** https://docs.aws.amazon.com/service-authorization/latest/reference/list_awslambda.html */
function refusalOf(
  request: IncomingMessage,
  { gate, functionArns }: LambdaAccess,
): InvokeResponse | undefined {
  const decision = gate.authorize(accessKeyOf(request.headers), [accessRequestOf(request, functionArns)]);
  if (decision.allowed) return undefined;
  const code = decision.reason === 'denied' ? 'AccessDeniedException' : 'UnrecognizedClientException';
  return failure(403, code, decision.message);
}

function accessRequestOf({ url = '', headers }: IncomingMessage, functionArns: string): AccessRequest {
  const context = contextOf(headers['x-forwarded-proto'] !== 'http');
  if (ACCOUNT_SETTINGS.test(url)) return { action: 'lambda:GetAccountSettings', resource: '*', context };
  const name = decodeURIComponent(INVOKE.exec(url)?.[1] ?? '');
  const resource = name.startsWith('arn:') ? name : `${functionArns}${name}`;
  return { action: 'lambda:InvokeFunction', resource, context };
}

interface InvokeResponse {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: unknown;
}

function accountSettings({ concurrentExecutions, unreserved }: AccountLimits): InvokeResponse {
  const AccountLimit = {
    ConcurrentExecutions: concurrentExecutions,
    UnreservedConcurrentExecutions: unreserved,
  };
  return { status: 200, body: { AccountLimit } };
}

async function invoke(
  request: IncomingMessage,
  functions: ReadonlyMap<string, Invokable>,
): Promise<InvokeResponse> {
  const name = INVOKE.exec(request.url ?? '')?.[1];
  const text = (await Array.fromAsync(request, (chunk: Buffer) => chunk.toString())).join('');
  const found = functions.get(decodeURIComponent(name ?? '').replace(/^arn:.*:function:/, ''));
  if (found === undefined) return failure(404, 'ResourceNotFoundException', `Function not found: ${name}`);
  try {
    return await respond(found, request, text === '' ? {} : JSON.parse(text));
  } catch (error) {
    return errorResponse(error);
  }
}

async function respond(
  found: Invokable,
  { headers }: IncomingMessage,
  event: unknown,
): Promise<InvokeResponse> {
  const trace = headers['x-amzn-trace-id']?.toString();
  const type = headers['x-amz-invocation-type'] ?? 'RequestResponse';
  switch (type) {
    case 'RequestResponse':
      return { status: 200, body: await found.invoke(event, trace) };
    case 'Event':
      found.submit(event, trace);
      return { status: 202, body: undefined };
    case 'DryRun':
      return { status: 204, body: undefined };
    default:
      return failure(400, 'InvalidParameterValueException', `${String(type)} is no invocation type`);
  }
}

function errorResponse(error: unknown): InvokeResponse {
  // An error of the function is no error of the call: 200, also for a response that is too large.
  if (error instanceof FunctionError) {
    return { status: 200, headers: { 'x-amz-function-error': 'Unhandled' }, body: error.payload };
  }
  if (error instanceof FunctionThrottled) {
    return failure(429, 'TooManyRequestsException', 'Rate Exceeded.', { Reason: error.reason });
  }
  if (error instanceof EventTooLarge) return failure(413, 'RequestTooLargeException', error.message);
  if (error instanceof RecursionStopped) return failure(400, 'RecursiveInvocationException', error.message);
  return failure(502, 'ServiceException', error instanceof Error ? error.message : String(error));
}

function failure(
  status: number,
  code: string,
  message: string,
  more: Readonly<Record<string, string>> = {},
): InvokeResponse {
  return {
    status,
    headers: { 'x-amzn-errortype': code },
    body: { ...more, Type: 'User', Message: message, message },
  };
}

function send(response: ServerResponse, { status, headers, body }: InvokeResponse): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(status === 200 || status >= 400 ? JSON.stringify(body ?? null) : undefined);
}
