import type { IncomingHttpHeaders } from 'node:http';
import * as v from 'valibot';
import { isObject, type JsonObject } from '../json.ts';

/** The services that have a front. */
export type FrontedService = 'dynamodb' | 'sns' | 'sqs';

/** One request to a service, as its checks see it. */
export interface ServiceRequest {
  readonly service: FrontedService;
  /** Name in the service's API, e.g. `SendMessage`; empty when the request names none. */
  readonly operation: string;
  /**
   * What the operation is given. JSON protocols (DynamoDB, SQS): the body. Query protocol (SNS): its parameters as they
   * are named, all text and flat, e.g. `{ TopicArn: '…', 'PublishBatchRequestEntries.member.1.Message': '…' }`.
   */
  readonly input: JsonObject;
  /** Of the signature; undefined for an anonymous request. */
  readonly accessKeyId: string | undefined;
  /** False when the header `x-forwarded-proto` says `http`: a caller has HTTPS unless it says that it has not. */
  readonly isSecure: boolean;
  /** Size of the body in bytes. */
  readonly bytes: number;
}

/** An HTTP request with its whole body. */
export interface WholeRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** `AWS4-HMAC-SHA256 Credential=KEY/date/region/service/aws4_request, …` */
const CREDENTIAL = /Credential=([^/,\s]+)\//;

/** Who signed a request; undefined for an anonymous one. */
export function accessKeyOf({ authorization = '' }: IncomingHttpHeaders): string | undefined {
  return CREDENTIAL.exec(authorization)?.[1];
}

const json = v.pipe(
  v.string(),
  v.parseJson(),
  v.custom<JsonObject>((value) => isObject(value), 'expected an object'),
);

/**
 * Reads which operation a request is for, what it is given and who signed it, from AWS's JSON protocol (`X-Amz-Target`) or
 * its query protocol (`Action`). Signatures are not verified, as in the servers behind.
 *
 * @returns undefined when the body is not an object
 */
export function readServiceRequest(
  service: FrontedService,
  { method, url, headers, body }: WholeRequest,
): ServiceRequest | undefined {
  const target = headers['x-amz-target'];
  const shared = {
    service,
    accessKeyId: accessKeyOf(headers),
    isSecure: headers['x-forwarded-proto'] !== 'http',
    bytes: body.length,
  };
  if (typeof target === 'string') {
    const input = v.safeParse(json, body.toString('utf8'));
    if (!input.success) return undefined;
    return { ...shared, operation: target.slice(target.indexOf('.') + 1), input: input.output };
  }
  const query = new URLSearchParams(method === 'GET' ? url.split('?')[1] : body.toString('utf8'));
  return { ...shared, operation: query.get('Action') ?? '', input: Object.fromEntries(query) };
}
