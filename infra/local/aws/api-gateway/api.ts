import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { EventTooLarge, FunctionThrottled } from '../lambda/protocol.ts';
import { type LocalServer, listen } from '../listen.ts';
import {
  type ApiContext,
  functionResponse,
  type GatewayResponse,
  gatewayResponse,
  requestEvent,
} from './event.ts';
import { RouteTable } from './routes.ts';
import { RouteThrottles } from './throttle.ts';

/** What a route leads to. */
export interface Integration {
  readonly id: string;
  readonly invoke: (event: unknown) => Promise<unknown>;
  readonly timeoutMilliseconds: number;
}

/** An HTTP API (API Gateway v2) on a port of its own. */
export interface HttpApi extends LocalServer {
  readonly id: string;
  addIntegration(integration: Integration): void;
  addRoute(routeKey: string, integrationId: string): void;
  hasRoute(routeKey: string): boolean;
  /** @param name `$default` adds nothing to paths, any other name is their first segment. */
  setStage(name: string, throttles?: RouteThrottles): void;
}

/** Payload limit (https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html). */
const MAX_BODY_BYTES = 10 * 1024 * 1024;

/** Starts an API without routes: it responds 404 until they are added. */
export async function startHttpApi(options: {
  readonly id: string;
  readonly port: number;
  readonly accountId: string;
  readonly now: () => number;
}): Promise<HttpApi> {
  const integrations = new Map<string, Integration>();
  const routes = new RouteTable<string>();
  const routeKeys = new Set<string>();
  let stage = '$default';
  const unlimited = new RouteThrottles(undefined, new Map());
  let throttles = unlimited;

  const find = (method: string, path: string) => {
    const prefix = stage === '$default' ? '' : `/${stage}`;
    if (path !== prefix && !path.startsWith(`${prefix}/`)) return undefined;
    const match = routes.match(method, path.slice(prefix.length) || '/');
    const integration = match && integrations.get(match.target);
    return integration && { ...match, integration };
  };
  const respond = async (request: IncomingMessage): Promise<GatewayResponse> => {
    const body = await readBody(request);
    if (body === undefined) return gatewayResponse(413, 'Request Entity Too Large');
    const { url = '/', method = 'GET' } = request;
    const path = decoded(url.split('?')[0] ?? '/');
    if (path === undefined) return gatewayResponse(400, 'Bad Request');
    const match = find(method, path);
    if (match === undefined) return gatewayResponse(404, 'Not Found');
    if (!throttles.admits(match.routeKey)) return gatewayResponse(429, 'Too Many Requests');
    const { routeKey, pathParameters } = match;
    const context = { apiId: options.id, accountId: options.accountId, stage, time: options.now() };
    return invoke(match.integration, eventOf(request, body, { ...context, routeKey, pathParameters, path }));
  };

  const server = createServer((request, response) => {
    respond(request).then(
      (result) => send(request, response, result),
      () => response.destroy(),
    );
  });
  const listening = await listen(server, options.port);
  return {
    ...listening,
    id: options.id,
    addIntegration: (integration) => void integrations.set(integration.id, integration),
    addRoute(routeKey, integrationId) {
      routeKeys.add(routeKey);
      routes.add(routeKey, integrationId);
    },
    hasRoute: (routeKey) => routeKeys.has(routeKey),
    setStage(name, ofRoutes = unlimited) {
      stage = name;
      throttles = ofRoutes;
    },
  };
}

function eventOf(
  request: IncomingMessage,
  body: Buffer,
  context: Omit<ApiContext, 'host' | 'requestId'>,
): ReturnType<typeof requestEvent> {
  const { url = '/', method = 'GET', headersDistinct: headers } = request;
  return requestEvent(
    { method, url, headers, body, sourceIp: request.socket.remoteAddress ?? '' },
    { ...context, host: headers.host?.[0] ?? '', requestId: randomUUID() },
  );
}

/**
 * Invokes the function. Bodies and statuses of an HTTP API: 503 when the function takes longer than the integration's
 * timeout, 30 seconds (https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html), or is throttled;
 * 500 when it failed or its response cannot be sent, one over Lambda's 6 MB among them
 * (https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-troubleshooting-lambda.html; the status was seen in
 * https://github.com/awslabs/aws-lambda-cpp/issues/117). A REST API, which this is not, returns 504, 500 and 502.
 */
async function invoke(integration: Integration, event: object): Promise<GatewayResponse> {
  const timeout = new AbortController();
  try {
    return await Promise.race([
      integration.invoke(event).then(functionResponse),
      delay(integration.timeoutMilliseconds, gatewayResponse(503, 'Service Unavailable'), {
        signal: timeout.signal,
      }),
    ]);
  } catch (error) {
    if (error instanceof FunctionThrottled) return gatewayResponse(503, 'Service Unavailable');
    if (error instanceof EventTooLarge) return gatewayResponse(413, 'Request Entity Too Large');
    return gatewayResponse(500, 'Internal Server Error');
  } finally {
    timeout.abort();
  }
}

/** The whole body, or undefined for one over the gateway's limit (of which no more is read). */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  if (Number(request.headers['content-length'] ?? 0) > MAX_BODY_BYTES) return undefined;
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function send(request: IncomingMessage, response: ServerResponse, result: GatewayResponse): void {
  // The rest of a rejected body is discarded, so that the client reads the response.
  if (!request.complete) {
    request.resume();
    response.setHeader('connection', 'close');
  }
  response.writeHead(result.status, {
    ...result.headers,
    'content-length': result.body.length,
    'apigw-requestid': randomUUID(),
  });
  response.end(request.method === 'HEAD' ? undefined : result.body);
}

function decoded(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}
