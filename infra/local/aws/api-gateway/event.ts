import { asText, isObject } from '../../json.ts';

/** A request as the server read it. */
export interface ApiRequest {
  readonly method: string;
  /** Path and query as received. */
  readonly url: string;
  /** All values of each header, by its name in lower case. */
  readonly headers: Readonly<NodeJS.Dict<string[]>>;
  readonly body: Buffer;
  readonly sourceIp: string;
}

/** The API and stage that received the request. */
export interface ApiContext {
  readonly apiId: string;
  readonly accountId: string;
  readonly host: string;
  readonly stage: string;
  readonly routeKey: string;
  readonly requestId: string;
  readonly pathParameters: Readonly<Record<string, string>>;
  /** Path without the query, decoded. */
  readonly path: string;
  /** Epoch milliseconds. */
  readonly time: number;
}

/** What API Gateway passes on as text; every other body goes base64, forms and those without a type among them. */
const TEXT_TYPES = /^(text\/|application\/(json|xml|javascript)\s*(;|$))/i;

/** The event of an HTTP API in payload format 2.0. */
export function requestEvent(request: ApiRequest, context: ApiContext): object {
  const [, rawQueryString = ''] = request.url.split(/\?(.*)/s);
  const { cookie, ...others } = request.headers;
  const headers = {
    ...joinedHeaders(others),
    'x-amzn-trace-id': `Root=1-${context.requestId}`,
    'x-forwarded-for': request.sourceIp,
    'x-forwarded-port': context.host.split(':')[1] ?? '80',
    'x-forwarded-proto': 'http',
  };
  const isBase64Encoded = !isText(request);
  const query = joinedQuery(rawQueryString);
  return {
    version: '2.0',
    routeKey: context.routeKey,
    rawPath: context.path,
    rawQueryString,
    ...(cookie === undefined ? {} : { cookies: cookie.flatMap((value) => value.split(/; */)) }),
    headers,
    ...(query === undefined ? {} : { queryStringParameters: query }),
    requestContext: {
      accountId: context.accountId,
      apiId: context.apiId,
      domainName: context.host,
      domainPrefix: context.apiId,
      http: {
        method: request.method,
        path: context.path,
        protocol: 'HTTP/1.1',
        sourceIp: request.sourceIp,
        userAgent: request.headers['user-agent']?.join(',') ?? '',
      },
      requestId: context.requestId,
      routeKey: context.routeKey,
      stage: context.stage,
      time: gatewayTime(context.time),
      timeEpoch: context.time,
    },
    ...(Object.keys(context.pathParameters).length === 0 ? {} : { pathParameters: context.pathParameters }),
    ...(request.body.length === 0
      ? {}
      : { body: request.body.toString(isBase64Encoded ? 'base64' : 'utf8') }),
    isBase64Encoded: request.body.length > 0 && isBase64Encoded,
  };
}

function isText(request: ApiRequest): boolean {
  if (request.headers['content-encoding'] !== undefined) return false;
  return TEXT_TYPES.test(request.headers['content-type']?.[0] ?? '');
}

function joinedHeaders(headers: Readonly<NodeJS.Dict<string[]>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, values = []]) => [name, values.join(',')]));
}

function joinedQuery(raw: string): Record<string, string> | undefined {
  if (raw === '') return undefined;
  const joined = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(raw)) {
    const before = joined.get(name);
    joined.set(name, before === undefined ? value : `${before},${value}`);
  }
  return Object.fromEntries(joined);
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** e.g. `12/Mar/2026:19:03:58 +0000`. */
function gatewayTime(time: number): string {
  const [date = '', clock = ''] = new Date(time).toISOString().split('T');
  const [year, month, day] = date.split('-');
  return `${day}/${MONTHS[Number(month) - 1]}/${year}:${clock.slice(0, 8)} +0000`;
}

/** The response to the HTTP client. */
export interface GatewayResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly body: Buffer;
}

/** A response of the gateway's own. */
export function gatewayResponse(status: number, message: string): GatewayResponse {
  return {
    status,
    headers: { 'content-type': 'application/json' },
    body: Buffer.from(JSON.stringify({ message })),
  };
}

/**
 * Headers of a function's response that API Gateway sends as `x-amzn-remapped-NAME`, since it sets them itself or keeps
 * browsers from asking for a password. The names: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html,
 * without those that HTTP APIs are known to pass on, such as `Content-Encoding` and `Content-Type`.
 */
const REMAPPED_HEADERS = new Set([
  'connection',
  'content-length',
  'content-md5',
  'date',
  'proxy-authenticate',
  'server',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'www-authenticate',
]);

function sentName(name: string): string {
  const lower = name.toLowerCase();
  return REMAPPED_HEADERS.has(lower) ? `x-amzn-remapped-${lower}` : lower;
}

/**
 * The response of an HTTP API to a function's result in payload format 2.0: an object with `statusCode` is the response
 * itself; anything else is the body of a 200; a response that cannot be sent is an internal error.
 */
export function functionResponse(result: unknown): GatewayResponse {
  if (!isObject(result) || result.statusCode === undefined) {
    const body = typeof result === 'string' ? result : JSON.stringify(result ?? null);
    return { status: 200, headers: { 'content-type': 'application/json' }, body: Buffer.from(body) };
  }
  const status = Number(result.statusCode);
  const body = result.body ?? '';
  if (!Number.isInteger(status) || status < 200 || status > 599 || typeof body !== 'string') {
    return gatewayResponse(500, 'Internal Server Error');
  }
  const headers: Record<string, string | string[]> = { 'content-type': 'text/plain;charset=UTF-8' };
  if (isObject(result.headers)) {
    for (const [name, value] of Object.entries(result.headers)) headers[sentName(name)] = asText(value);
  }
  if (Array.isArray(result.cookies)) {
    headers['set-cookie'] = result.cookies.map(asText);
  }
  return { status, headers, body: Buffer.from(body, result.isBase64Encoded === true ? 'base64' : 'utf8') };
}
