import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { type LocalServer, listen } from './listen.ts';
import { escapeXml } from './s3/xml.ts';
import { type FrontedService, readServiceRequest, type ServiceRequest } from './service-request.ts';

/** A response that a request gets in place of the service's own. */
export interface ServiceRefusal {
  /** HTTP status. */
  readonly status: number;
  /** Name of the error, e.g. `AccessDeniedException`, or with its namespace: `com.amazon.coral.validate#ValidationException`. */
  readonly code: string;
  readonly message: string;
  /** SQS only, which has another name for some errors in its older protocol, the one that SDKs report: `AccessDenied`. */
  readonly queryCode?: string | undefined;
}

/**
 * Decides on one request before the service sees it: a refusal, or undefined to let it pass. A check that throws ends
 * the request with status 500 and the error's message.
 */
export type ServiceCheck = (
  request: ServiceRequest,
) => ServiceRefusal | undefined | Promise<ServiceRefusal | undefined>;

/** What a front stands before. */
export interface FrontOptions {
  readonly service: FrontedService;
  /** Origin of the server behind it. */
  readonly target: string;
  /** Asked in order; the first refusal counts. */
  readonly checks: readonly ServiceCheck[];
}

/**
 * Stands in front of a server that speaks AWS's JSON or query protocol: each request passes the checks and goes on as it
 * came, or gets a refusal in the protocol of the service.
 */
export async function startFront({ service, target, checks }: FrontOptions): Promise<LocalServer> {
  const { hostname, port } = new URL(target);
  const agent = new Agent({ keepAlive: true });
  const pass = (incoming: IncomingMessage, body: Buffer, outgoing: ServerResponse) => {
    const { method, url, headers } = incoming;
    const passed = request({ hostname, port, path: url, agent, method, headers }, (response) => {
      outgoing.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(outgoing);
      response.once('error', () => outgoing.destroy());
    });
    passed.once('error', () => outgoing.destroy());
    // A long poll that its caller aborted is not to take a message away.
    outgoing.once('close', () => passed.destroy());
    passed.end(body);
  };
  const take = async (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const body = await bodyOf(incoming);
    const refusal = await refusalOf(service, checks, incoming, body);
    if (outgoing.destroyed) return;
    if (refusal === undefined) pass(incoming, body, outgoing);
    else sendRefusal(outgoing, service, refusal);
  };
  const server = createServer((incoming, outgoing) => {
    take(incoming, outgoing).catch(() => outgoing.destroy());
  });
  const listening = await listen(server);
  return {
    endpoint: listening.endpoint,
    async close() {
      agent.destroy();
      await listening.close();
    },
  };
}

async function bodyOf(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk);
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
}

async function refusalOf(
  service: FrontedService,
  checks: readonly ServiceCheck[],
  { method = '', url = '/', headers }: IncomingMessage,
  body: Buffer,
): Promise<ServiceRefusal | undefined> {
  if (checks.length === 0) return undefined;
  const read = readServiceRequest(service, { method, url, headers, body });
  if (read === undefined) {
    return { status: 400, code: 'SerializationException', message: 'The body cannot be read.' };
  }
  try {
    for (const check of checks) {
      const refusal = await check(read);
      if (refusal !== undefined) return refusal;
    }
    return undefined;
  } catch (error) {
    console.error(`The front of ${service} failed:`, error);
    return { status: 500, code: 'InternalFailure', message: String(error) };
  }
}

/** Namespaces of the errors in the JSON protocols, which clients ignore and logs of AWS show. */
const NAMESPACES = { dynamodb: 'com.amazonaws.dynamodb.v20120810', sqs: 'com.amazonaws.sqs' };

/**
 * Writes a refusal. SQS names the error of its query protocol in a header beside the JSON
 * (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-json-api-responses.html).
 */
function sendRefusal(outgoing: ServerResponse, service: FrontedService, refusal: ServiceRefusal): void {
  const { status, code, message, queryCode = code } = refusal;
  const fault = status < 500 ? 'Sender' : 'Receiver';
  if (service === 'sns') {
    const error = `<Type>${fault}</Type><Code>${escapeXml(code)}</Code><Message>${escapeXml(message)}</Message>`;
    const xml = `<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><Error>${error}</Error></ErrorResponse>`;
    outgoing.writeHead(status, { 'content-type': 'text/xml' }).end(xml);
    return;
  }
  const type = code.includes('#') ? code : `${NAMESPACES[service]}#${code}`;
  outgoing
    .writeHead(status, {
      'content-type': 'application/x-amz-json-1.0',
      ...(service === 'sqs' ? { 'x-amzn-query-error': `${queryCode};${fault}` } : {}),
    })
    .end(JSON.stringify({ __type: type, message }));
}
