import { asText, isObject } from '../json.ts';

/** What goes back to the HTTP client. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly body: Buffer;
}

/** An answer of the gateway's own. */
export function gatewayAnswer(status: number, message: string): HttpAnswer {
  return {
    status,
    headers: { 'content-type': 'application/json' },
    body: Buffer.from(JSON.stringify({ message })),
  };
}

/**
 * What an HTTP API makes of a function's result in payload format 2.0: an object with `statusCode` is the answer
 * itself; anything else is the body of a 200; an answer that cannot be sent is an internal error.
 */
export function functionAnswer(result: unknown): HttpAnswer {
  if (!isObject(result) || result.statusCode === undefined) {
    const body = typeof result === 'string' ? result : JSON.stringify(result ?? null);
    return { status: 200, headers: { 'content-type': 'application/json' }, body: Buffer.from(body) };
  }
  const status = Number(result.statusCode);
  const body = result.body ?? '';
  if (!Number.isInteger(status) || status < 200 || status > 599 || typeof body !== 'string') {
    return gatewayAnswer(500, 'Internal Server Error');
  }
  const headers: Record<string, string | string[]> = { 'content-type': 'text/plain;charset=UTF-8' };
  if (isObject(result.headers)) {
    for (const [name, value] of Object.entries(result.headers)) headers[name.toLowerCase()] = asText(value);
  }
  if (Array.isArray(result.cookies)) {
    headers['set-cookie'] = result.cookies.map(asText);
  }
  return { status, headers, body: Buffer.from(body, result.isBase64Encoded === true ? 'base64' : 'utf8') };
}
