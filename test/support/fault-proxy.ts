import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { type LocalServer, listen } from '../../infra/local/aws/listen.ts';

/**
 * - an error: the request is not passed on, the response asks the caller to retry;
 * - `reset`: it is not passed on, the connection breaks;
 * - `lost-response`: it is passed on and done, and the connection breaks in place of the response.
 */
export type ProxyFault = ProxyError | 'reset' | 'lost-response';

/** An error response as AWS sends it. */
export interface ProxyError {
  readonly status: number;
  readonly code: string;
}

/** A server in front of another one. */
export interface FaultProxy extends LocalServer {
  /** Requests so far. */
  readonly requests: number;
}

/**
 * Stands in front of a server that speaks AWS's JSON or query protocol and asks for each request what is to go wrong.
 *
 * @param decide is given the operation, e.g. `GetItem`; an empty text in the query protocol.
 */
export async function startFaultProxy(
  target: string,
  decide: (operation: string) => ProxyFault | undefined,
): Promise<FaultProxy> {
  const agent = new Agent({ keepAlive: true });
  let requests = 0;
  const take = async (incoming: IncomingMessage, outgoing: ServerResponse) => {
    requests++;
    const fault = decide(String(incoming.headers['x-amz-target'] ?? '').split('.')[1] ?? '');
    const body = Buffer.concat(await Array.fromAsync(incoming, (chunk: Buffer) => chunk));
    if (fault === 'reset') {
      incoming.socket.resetAndDestroy();
    } else if (typeof fault === 'object') {
      sendError(outgoing, fault, incoming.headers['x-amz-target'] === undefined);
    } else {
      await pass(incoming, body, outgoing, fault === 'lost-response');
    }
  };
  const pass = (incoming: IncomingMessage, body: Buffer, outgoing: ServerResponse, loses: boolean) =>
    new Promise<void>((resolve) => {
      const { method, url, headers } = incoming;
      const passed = request(new URL(url ?? '/', target), { agent, method, headers }, (response) => {
        if (loses) {
          response.resume().once('close', () => incoming.socket.resetAndDestroy());
        } else {
          outgoing.writeHead(response.statusCode ?? 502, response.headers);
          response.pipe(outgoing);
        }
        response.once('close', resolve);
      });
      passed.once('error', () => {
        outgoing.destroy();
        resolve();
      });
      // A long poll that its caller aborted must not take a message away.
      outgoing.once('close', () => passed.destroy());
      passed.end(body);
    });
  const server = createServer((incoming, outgoing) => {
    take(incoming, outgoing).catch(() => outgoing.destroy());
  });
  const listening = await listen(server);
  return {
    endpoint: listening.endpoint,
    get requests() {
      return requests;
    },
    async close() {
      agent.destroy();
      await listening.close();
    },
  };
}

function sendError(outgoing: ServerResponse, { status, code }: ProxyError, isQuery: boolean): void {
  const type = isQuery ? 'text/xml' : 'application/x-amz-json-1.0';
  const body = isQuery
    ? `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>injected</Message></Error></ErrorResponse>`
    : JSON.stringify({ __type: `com.amazonaws#${code}`, message: 'injected' });
  outgoing.writeHead(status, { 'content-type': type }).end(body);
}
