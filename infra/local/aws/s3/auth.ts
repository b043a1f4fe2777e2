import { MINUTE_MS } from '../../../../lambda/shared/runtime/durations.ts';
import { s3Error } from './errors.ts';
import type { S3Request } from './request.ts';
import { parseAmzDate, signV2, signV4, V4_ALGORITHM } from './signatures.ts';

export interface AuthOptions {
  /** Secret by access key id; undefined accepts any key with any signature. Expiry is checked all the same. */
  readonly credentials: Readonly<Record<string, string>> | undefined;
  /** Whether requests without any signature are accepted. */
  readonly anonymous: boolean;
  /** The region that a version 4 signature must be for; undefined for any. */
  readonly region: string | undefined;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** The sender of a request, and what its signature states about the body. */
export interface Caller {
  /** Undefined for an anonymous request. */
  readonly accessKeyId: string | undefined;
  /** Hex SHA-256 that the body must have, `UNSIGNED-PAYLOAD`, or a `STREAMING-…` word. */
  readonly payloadHash: string;
}

const SEVEN_DAYS = 604_800;
const SKEW = 15 * MINUTE_MS;

/**
 * Checks a request's signature: version 4 in the header or the query, version 2 in the query. A query signature holds
 * for its method, path and time only.
 * @throws S3Error with the code that S3 has for the error
 */
export function authenticate(request: S3Request, options: AuthOptions): Caller {
  const { query, headers } = request;
  if (query.has('X-Amz-Algorithm') || query.has('X-Amz-Signature')) return queryV4(request, options);
  if (query.has('AWSAccessKeyId') || query.has('Signature')) return queryV2(request, options);
  const authorization = headers.get('authorization');
  if (authorization?.startsWith(V4_ALGORITHM)) return headerV4(request, authorization, options);
  if (authorization !== undefined) {
    const message = `The authorization mechanism you have provided is not supported. Please use ${V4_ALGORITHM}.`;
    throw s3Error('InvalidRequest', {}, message);
  }
  if (!options.anonymous) throw s3Error('AccessDenied');
  return { accessKeyId: undefined, payloadHash: headers.get('x-amz-content-sha256') ?? 'UNSIGNED-PAYLOAD' };
}

const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 +Credential=([^, ]+),? *SignedHeaders=([^, ]+),? *Signature=([0-9a-f]{64})$/;

function headerV4(request: S3Request, authorization: string, options: AuthOptions): Caller {
  const match = AUTHORIZATION.exec(authorization);
  const credential = parseCredential(match?.[1]);
  if (match === null || credential === undefined) throw s3Error('AuthorizationHeaderMalformed');
  const payloadHash = request.headers.get('x-amz-content-sha256');
  if (payloadHash === undefined) {
    const message = 'Missing required header for this request: x-amz-content-sha256';
    throw s3Error('InvalidRequest', {}, message);
  }
  const date = request.headers.get('x-amz-date') ?? '';
  if (Number.isNaN(parseAmzDate(date))) {
    throw s3Error('AccessDenied', {}, 'AWS authentication requires a valid Date or x-amz-date header');
  }
  if (options.region !== undefined && credential.region !== options.region) {
    const message = `The authorization header is malformed; the region '${credential.region}' is wrong; expecting '${options.region}'`;
    throw s3Error('AuthorizationHeaderMalformed', { Region: options.region }, message);
  }
  const signed = { credential, signedHeaders: match[2] ?? '', signature: match[3] ?? '', payloadHash, date };
  verifyV4(request, signed, [...request.query], options);
  return { accessKeyId: credential.accessKeyId, payloadHash };
}

function queryV4(request: S3Request, options: AuthOptions): Caller {
  const { query, headers } = request;
  const credential = parseCredential(query.get('X-Amz-Credential') ?? undefined);
  const date = query.get('X-Amz-Date') ?? '';
  const signedAt = parseAmzDate(date);
  const expiresIn = Number(query.get('X-Amz-Expires') ?? Number.NaN);
  const signedHeaders = query.get('X-Amz-SignedHeaders');
  const signature = query.get('X-Amz-Signature');
  if (
    query.get('X-Amz-Algorithm') !== V4_ALGORITHM ||
    credential === undefined ||
    Number.isNaN(signedAt) ||
    Number.isNaN(expiresIn) ||
    signedHeaders === null ||
    signature === null
  ) {
    const message =
      'Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.';
    throw s3Error('AuthorizationQueryParametersError', {}, message);
  }
  checkValidity(expiresIn, signedAt, options);
  if (options.region !== undefined && credential.region !== options.region) {
    const message = `Error parsing the X-Amz-Credential parameter; the region '${credential.region}' is wrong; expecting '${options.region}'`;
    throw s3Error('AuthorizationQueryParametersError', { Region: options.region }, message);
  }
  const payloadHash = headers.get('x-amz-content-sha256') ?? 'UNSIGNED-PAYLOAD';
  const signedQuery = [...query].filter(([name]) => name !== 'X-Amz-Signature');
  verifyV4(request, { credential, signedHeaders, signature, payloadHash, date }, signedQuery, options);
  return { accessKeyId: credential.accessKeyId, payloadHash };
}

function checkValidity(expiresIn: number, signedAt: number, options: AuthOptions): void {
  if (expiresIn < 0 || expiresIn > SEVEN_DAYS) {
    const message =
      expiresIn < 0
        ? 'X-Amz-Expires must be non-negative'
        : 'X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds';
    throw s3Error('AuthorizationQueryParametersError', {}, message);
  }
  const now = options.now();
  if (signedAt - SKEW > now) throw s3Error('AccessDenied', {}, 'Request is not yet valid');
  const end = signedAt + expiresIn * 1000;
  if (now > end) throw expired(end, now, { 'X-Amz-Expires': expiresIn });
}

function expired(end: number, now: number, details: Record<string, number> = {}) {
  const times = { Expires: isoSeconds(end), ServerTime: isoSeconds(now) };
  return s3Error('AccessDenied', { ...details, ...times }, 'Request has expired');
}

function isoSeconds(time: number): string {
  return `${new Date(time).toISOString().slice(0, 19)}Z`;
}

interface V4Claim {
  readonly credential: Credential;
  readonly signedHeaders: string;
  readonly signature: string;
  readonly payloadHash: string;
  readonly date: string;
}

function verifyV4(
  request: S3Request,
  claim: V4Claim,
  query: readonly [string, string][],
  options: AuthOptions,
): void {
  const names = claim.signedHeaders.split(';');
  const unsigned = [...request.sentHeaders.keys()].filter(
    (name) => mustBeSigned(name) && !names.includes(name),
  );
  if (unsigned.length > 0 || !names.includes('host')) {
    const details = {
      HeadersNotSigned: [...unsigned, ...(names.includes('host') ? [] : ['host'])].join(', '),
    };
    throw s3Error('AccessDenied', details, 'There were headers present in the request which were not signed');
  }
  const secret = secretOf(claim.credential.accessKeyId, options);
  if (secret === undefined) return;
  const expected = signV4(
    {
      method: request.method,
      path: request.path,
      query,
      headers: new Map(names.map((name) => [name, request.sentHeaders.get(name) ?? ''])),
      payloadHash: claim.payloadHash,
      date: claim.date,
      scope: claim.credential.scope,
    },
    secret,
  );
  if (expected.signature === claim.signature) return;
  throw s3Error('SignatureDoesNotMatch', {
    AWSAccessKeyId: claim.credential.accessKeyId,
    StringToSign: expected.stringToSign,
    SignatureProvided: claim.signature,
    CanonicalRequest: expected.canonicalRequest,
  });
}

/** S3 rejects x-amz- headers that a signature omits; the body's hash is part of the signature in itself. */
function mustBeSigned(name: string): boolean {
  return name.startsWith('x-amz-') && name !== 'x-amz-content-sha256';
}

function queryV2(request: S3Request, options: AuthOptions): Caller {
  const { query, headers } = request;
  const accessKeyId = query.get('AWSAccessKeyId');
  const signature = query.get('Signature');
  const expires = query.get('Expires');
  if (accessKeyId === null || signature === null || expires === null) {
    const message =
      'Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters';
    throw s3Error('AccessDenied', {}, message);
  }
  if (!/^\d+$/.test(expires)) {
    const message = `Invalid date (should be seconds since epoch): ${expires}`;
    throw s3Error('AccessDenied', {}, message);
  }
  const now = options.now();
  const end = Number(expires) * 1000;
  if (now > end) throw expired(end, now);
  const payloadHash = headers.get('x-amz-content-sha256') ?? 'UNSIGNED-PAYLOAD';
  const secret = secretOf(accessKeyId, options);
  if (secret === undefined) return { accessKeyId, payloadHash };
  const { method, rawPath, hostBucket } = request;
  const expected = signV2({ method, hostBucket, rawPath, query, headers, expires }, secret);
  if (expected.signature === signature) return { accessKeyId, payloadHash };
  throw s3Error('SignatureDoesNotMatch', {
    AWSAccessKeyId: accessKeyId,
    StringToSign: expected.stringToSign,
    SignatureProvided: signature,
  });
}

/** The secret to check a signature with; undefined when nothing is to be checked. */
function secretOf(accessKeyId: string, { credentials }: AuthOptions): string | undefined {
  if (credentials === undefined) return undefined;
  if (!Object.hasOwn(credentials, accessKeyId)) {
    throw s3Error('InvalidAccessKeyId', { AWSAccessKeyId: accessKeyId });
  }
  return credentials[accessKeyId];
}

interface Credential {
  readonly accessKeyId: string;
  readonly region: string;
  readonly scope: string;
}

function parseCredential(text: string | undefined): Credential | undefined {
  const match = /^(.+?)\/((\d{8})\/([a-z0-9-]+)\/s3\/aws4_request)$/.exec(text ?? '');
  const [, accessKeyId, scope, , region] = match ?? [];
  if (accessKeyId === undefined || scope === undefined || region === undefined) return undefined;
  return { accessKeyId, region, scope };
}
