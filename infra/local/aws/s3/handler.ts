import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { errorFor, requireAccess } from './access.ts';
import { type AuthOptions, authenticate, type Caller } from './auth.ts';
import { S3Error, s3Error } from './errors.ts';
import type { CutFault, Fault, FaultHook, FaultRequest, OtherResponse } from './faults.ts';
import { ClientGone } from './receive.ts';
import { readRequest, type S3Request } from './request.ts';
import { OPERATIONS, type OperationName, route } from './route.ts';
import type { S3Response, Service } from './service.ts';
import { xmlDocument } from './xml.ts';

/** Counts since the start. */
export interface S3Stats {
  readonly requests: number;
  /** Body bytes received, and bytes of objects sent. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Connections accepted. */
  readonly connections: number;
  /** Requests by operation, e.g. `{ PutObject: 3 }`. */
  readonly byOperation: Readonly<Record<string, number>>;
}

/** One request's connection and what is known of it so far. */
interface Visit {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  readonly id: string;
  /** The client waits for `100 Continue` before it sends its body. */
  waits: boolean;
}

/** Takes each request through signature, fault hook and operation to its response, and counts. */
export class Handler {
  readonly #service: Service;
  readonly #auth: AuthOptions;
  #faults: FaultHook | undefined;
  readonly #underWay = new Set<Promise<void>>();
  #requests = 0;
  #bytesIn = 0;
  #bytesOut = 0;
  #connections = 0;
  readonly #byOperation: Record<string, number> = {};

  constructor(service: Service, auth: AuthOptions, faults: FaultHook | undefined) {
    this.#service = service;
    this.#auth = auth;
    this.#faults = faults;
  }

  connected(): void {
    this.#connections += 1;
  }

  setFaults(faults: FaultHook | undefined): void {
    this.#faults = faults;
  }

  stats(): S3Stats {
    return {
      requests: this.#requests,
      bytesIn: this.#bytesIn,
      bytesOut: this.#bytesOut,
      connections: this.#connections,
      byOperation: { ...this.#byOperation },
    };
  }

  /** Waits until no request is under way. */
  async idle(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  take(incoming: IncomingMessage, outgoing: ServerResponse, waits: boolean): void {
    this.#requests += 1;
    const visit: Visit = { incoming, outgoing, waits, id: randomBytes(8).toString('hex').toUpperCase() };
    const done = this.#serve(visit)
      .catch((error: unknown) => this.#fail(visit, error))
      .finally(() => this.#underWay.delete(done));
    this.#underWay.add(done);
  }

  async #serve(visit: Visit): Promise<void> {
    const request = readRequest(visit.incoming);
    const operation = route(request);
    const count = (this.#byOperation[operation] ?? 0) + 1;
    this.#byOperation[operation] = count;
    const caller = authenticate(request, this.#auth);
    const fault = await this.#fault(visit, describe(request, operation, caller, count));
    if (fault === 'hang') return gone(visit);
    if (fault === 'reset') {
      reset(visit);
      return undefined;
    }
    if (typeof fault === 'object' && 'code' in fault) {
      const { message = fault.code, ...rest } = fault;
      throw new S3Error(fault.code, { ...rest, message });
    }
    if (typeof fault === 'object' && 'response' in fault) {
      if (fault.isDone === true) await this.#operate(visit, request, caller, operation, undefined);
      respondOtherwise(visit, fault.response);
      return undefined;
    }
    const response = await this.#operate(visit, request, caller, operation, fault);
    if (fault === 'lost-response') reset(visit);
    else await this.#respond(visit, response, cutOf(fault));
    return undefined;
  }

  /** What the hook returns; a request that is aborted while the hook holds it back counts as hanging. */
  #fault(visit: Visit, request: FaultRequest): Fault | undefined | Promise<Fault | undefined> {
    if (this.#faults === undefined) return undefined;
    return Promise.race([this.#faults(request), gone(visit).then(() => 'hang' as const)]);
  }

  async #operate(
    visit: Visit,
    request: S3Request,
    caller: Caller,
    operation: OperationName,
    fault: Fault | undefined,
  ): Promise<S3Response> {
    const cut = cutOf(fault);
    let received = 0;
    const exchange = {
      request,
      caller,
      incoming: visit.incoming,
      acceptBody: () => {
        if (visit.waits) visit.outgoing.writeContinue();
        visit.waits = false;
      },
      received: (bytes: number) => {
        received += bytes;
        this.#bytesIn += bytes;
        if (cut !== undefined && received >= cut.cutAfterBytes) {
          hangUp(visit, cut);
          throw new ClientGone();
        }
      },
    };
    const { gate, store } = this.#service;
    if (gate === undefined) return OPERATIONS[operation](exchange, this.#service);
    const access = { operation, request, accessKeyId: caller.accessKeyId };
    requireAccess(gate, access, store);
    try {
      return await OPERATIONS[operation](exchange, this.#service);
    } catch (error) {
      throw errorFor(gate, access, error);
    }
  }

  async #respond(visit: Visit, response: S3Response, cut: CutFault | undefined): Promise<void> {
    const { outgoing, incoming } = visit;
    const { xml, content } = response;
    const hasBytes = content !== undefined && content.range !== 'empty' && incoming.method !== 'HEAD';
    if (hasBytes && content.object.bodies.some(({ id, size }) => id === '' && size > 0)) {
      throw s3Error('NotImplemented', {}, 'The bytes of this object were not kept (keepBodies: false).');
    }
    const { 'content-length': length = xml === undefined ? 0 : Buffer.byteLength(xml), ...headers } =
      response.headers ?? {};
    outgoing.writeHead(response.status, {
      ...identity(visit),
      ...headers,
      ...(xml === undefined ? {} : { 'content-type': 'application/xml' }),
      // The last one: after it, Node takes a content-disposition beyond ASCII for invalid.
      ...(response.status === 204 || response.status === 304 ? {} : { 'content-length': length }),
    });
    if (!hasBytes) {
      outgoing.end(xml);
      return;
    }
    const { bodies } = content.object;
    const { start, end } = content.range;
    const last = cut === undefined ? end : Math.min(end, start + cut.cutAfterBytes - 1);
    await this.#service.store.bodies.send(bodies, { start, end: last }, outgoing, (bytes) => {
      this.#bytesOut += bytes;
    });
    if (cut === undefined) outgoing.end();
    else hangUp(visit, cut);
  }

  /** Responds with an error, or hangs up when the response has begun. */
  #fail(visit: Visit, error: unknown): void {
    const { incoming, outgoing } = visit;
    if (error instanceof ClientGone || outgoing.destroyed) return;
    if (outgoing.headersSent) {
      outgoing.destroy();
      return;
    }
    if (!(error instanceof S3Error)) console.error('The local S3 failed:', error);
    const { code, status, message, details, headers } =
      error instanceof S3Error ? error : s3Error('InternalError');
    const xml = xmlDocument(
      'Error',
      { Code: code, Message: message, ...details, RequestId: visit.id, HostId: hostId(visit) },
      false,
    );
    outgoing.writeHead(status, {
      ...identity(visit),
      ...headers,
      // A client that waited for `100 Continue` might or might not send its body now.
      ...(visit.waits ? { connection: 'close' } : {}),
      'content-type': 'application/xml',
      ...(incoming.method === 'HEAD'
        ? // As S3 does; a client takes a response without either header for one that ends with its connection.
          { 'transfer-encoding': 'chunked' }
        : { 'content-length': Buffer.byteLength(xml) }),
    });
    outgoing.end(incoming.method === 'HEAD' ? undefined : xml);
  }
}

function describe(request: S3Request, operation: OperationName, caller: Caller, count: number): FaultRequest {
  const { method, bucket, key, query, headers } = request;
  const partNumber = query.get('partNumber');
  return {
    operation,
    method,
    bucket,
    key,
    uploadId: query.get('uploadId') ?? undefined,
    partNumber: partNumber === null ? undefined : Number(partNumber),
    range: headers.get('range'),
    attempt: Number(/attempt=(\d+)/.exec(headers.get('amz-sdk-request') ?? '')?.[1] ?? 1),
    count,
    accessKeyId: caller.accessKeyId,
  };
}

function cutOf(fault: Fault | undefined): CutFault | undefined {
  return typeof fault === 'object' && 'cutAfterBytes' in fault ? fault : undefined;
}

function respondOtherwise(
  { incoming, outgoing }: Visit,
  { status, headers, body }: OtherResponse['response'],
): void {
  outgoing.writeHead(status, { ...headers }).end(incoming.method === 'HEAD' ? undefined : body);
}

function hangUp(visit: Visit, cut: CutFault): void {
  if (cut.by === 'end') visit.outgoing.destroy();
  else reset(visit);
}

function reset({ incoming }: Visit): void {
  incoming.socket.resetAndDestroy();
}

/** Settles when the client has closed the connection. */
function gone({ outgoing }: Visit): Promise<void> {
  return new Promise((resolve) => {
    if (outgoing.destroyed) resolve();
    outgoing.once('close', resolve);
  });
}

function identity(visit: Visit): Record<string, string> {
  return { 'x-amz-request-id': visit.id, 'x-amz-id-2': hostId(visit), server: 'AmazonS3' };
}

function hostId({ id }: Visit): string {
  return Buffer.from(`local-s3-${id}`).toString('base64');
}
