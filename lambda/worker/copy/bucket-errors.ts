import { S3ServiceException } from '@aws-sdk/client-s3';
import { RecoveryError } from '../../shared/runtime/errors.ts';
import {
  ChecksumMismatch,
  CredentialsRefused,
  DestinationBucketMissing,
  DestinationBusy,
  DestinationDenied,
  DestinationKeyDenied,
  DestinationRefused,
  DestinationUnproven,
  DestinationWrongRegion,
  ObjectExists,
  PartsMissing,
  UploadNotFound,
} from './errors.ts';
import { parseRetryAfter } from './source-response.ts';

/** The call that failed, for messages that say what to change. */
export interface BucketCall {
  readonly bucket: string;
  readonly region: string;
  /** The permission that the call needs, e.g. `s3:PutObject`. */
  readonly permission: string;
}

/** Codes that pass by themselves, whatever their status. */
const PASSING = new Set([
  'InternalError',
  'OperationAborted',
  'RequestTimeout',
  'RequestTimeTooSkewed',
  'ServiceUnavailable',
  'SlowDown',
  'ThrottlingException',
  'TooManyRequestsException',
  'TemporaryRedirect',
  'IncompleteBody',
]);

const DAMAGED = new Set([
  'BadDigest',
  'InvalidDigest',
  'XAmzContentSHA256Mismatch',
  'XAmzContentChecksumMismatch',
]);

/** What the SDK calls an error whose response has no body, as all responses to HEAD. */
const NO_CODE = 'Unknown';

/** Codes of S3 and names of the SDK's errors that are about who calls, not about what is called. */
const OWN_CREDENTIALS = new Set([
  'CredentialsProviderError',
  'ExpiredToken',
  'ExpiredTokenException',
  'InvalidAccessKeyId',
  'InvalidClientTokenId',
  'InvalidSecurity',
  'InvalidToken',
  'RequestExpired',
  'SignatureDoesNotMatch',
  'TokenProviderError',
  'TokenRefreshRequired',
  'UnrecognizedClientException',
]);

/** Codes of Node and of the SDK for connections that cannot be made or that break. */
const CONNECTION = new Set([
  'ECONNABORTED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EPIPE',
  'ERR_STREAM_PREMATURE_CLOSE',
  'ETIMEDOUT',
  'TimeoutError',
]);

/**
 * Turns what the SDK throws into the project's own errors. What is neither a response, nor a broken connection, nor lack
 * of credentials comes back as it is: a bug, or an abort.
 */
export function translateBucketError(error: unknown, call: BucketCall): unknown {
  if (error instanceof RecoveryError) return error;
  if (error instanceof S3ServiceException) return translateResponse(error, call);
  if (!(error instanceof Error)) return error;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name;
  if (CONNECTION.has(code)) {
    return new DestinationBusy(`the connection to bucket ${call.bucket} failed: ${code}`, { cause: error });
  }
  if (OWN_CREDENTIALS.has(error.name)) return credentialsRefused(error.name, error);
  const status = statusOf(error);
  if (status === null) return error;
  const message = `bucket ${call.bucket} returned ${status} with what is no response of S3`;
  return status < 300
    ? new DestinationUnproven(message, { cause: error })
    : new DestinationBusy(message, { cause: error });
}

/** The status of a response that the SDK could not read; null when there was none. */
function statusOf(error: Error): number | null {
  const metadata: unknown = '$metadata' in error ? error.$metadata : null;
  if (typeof metadata !== 'object' || metadata === null || !('httpStatusCode' in metadata)) return null;
  return typeof metadata.httpStatusCode === 'number' ? metadata.httpStatusCode : null;
}

function credentialsRefused(response: string, cause: Error): CredentialsRefused {
  return new CredentialsRefused(
    `the function's own credentials were refused (${response}): the bucket and its policy have no part in it`,
    { cause },
  );
}

function translateResponse(error: S3ServiceException, call: BucketCall): RecoveryError {
  const status = error.$metadata.httpStatusCode ?? 0;
  const code = error.name;
  const response = /^[A-Za-z.]{1,60}$/.test(code) ? `${status} ${code}` : `${status}`;
  const cause = { cause: error };
  const to = `bucket ${call.bucket}`;
  if (PASSING.has(code) || status === 429 || status === 408 || status >= 500) {
    return new DestinationBusy(`${to} returned ${response}`, { ...cause, retryAfterMs: retryAfterOf(error) });
  }
  if (OWN_CREDENTIALS.has(code)) return credentialsRefused(response, error);
  if (DAMAGED.has(code)) return new ChecksumMismatch(`${to} returned ${response}: damaged on the way`, cause);
  if (status === 412 || code === 'ConditionalRequestConflict') {
    return new ObjectExists(`${to} returned ${response}: there is an object at the key`, cause);
  }
  if (code === 'NoSuchUpload') return new UploadNotFound(`${to} returned ${response}`, cause);
  if (/^InvalidPart/.test(code)) return new PartsMissing(`${to} returned ${response}`, cause);
  return actionRequired(error, status, response, call);
}

/** The error that only the customer can fix; the message says how. */
function actionRequired(
  error: S3ServiceException,
  status: number,
  response: string,
  call: BucketCall,
): RecoveryError {
  const code = error.name;
  const cause = { cause: error };
  const to = `bucket ${call.bucket}`;
  if (code === 'NoSuchBucket') {
    return new DestinationBucketMissing(`${to} does not exist: create it, or configure another one`, cause);
  }
  const region = regionOf(error, status, code, call.region);
  if (region !== null) return wrongRegion(region, call, cause);
  // A HEAD that is well formed gets a bare 400 for a session whose token S3 does not take, and for the wrong region.
  if (status === 400 && code === NO_CODE) return credentialsRefused('400 without a code', error);
  if (code.startsWith('KMS.') || (status === 403 && /\bkms:/i.test(error.message))) {
    return new DestinationKeyDenied(
      `${to} returned ${response}: KMS key ${keyIn(error.message)} cannot be used; set bucketKmsKeyArn to it, grant the ` +
        'worker role kms:GenerateDataKey and kms:Decrypt in the key policy, and check that the key is enabled',
      cause,
    );
  }
  if (status === 403 || status === 401) {
    return new DestinationDenied(
      `${to} returned ${response}: grant the worker role ${call.permission}, and set bucketOwner if another account ` +
        'than that of the stack owns the bucket',
      cause,
    );
  }
  return new DestinationRefused(`${to} returned ${response} to a call that needs ${call.permission}`, cause);
}

/** The key that S3 tried, which may be another one than is configured. */
function keyIn(message: string): string {
  return (
    /arn:[a-z-]{1,20}:kms:[a-z0-9-]{1,40}:\d{12}:key\/[0-9A-Za-z-]{1,64}/.exec(message)?.[0] ??
    'of the bucket'
  );
}

function wrongRegion(region: string, call: BucketCall, cause: ErrorOptions): DestinationWrongRegion {
  const where = region === '' ? 'another region' : region;
  const target = region === '' ? "the bucket's region" : region;
  return new DestinationWrongRegion(
    `bucket ${call.bucket} is in ${where}, but the stack is in ${call.region}: ` +
      `deploy the stack in ${target}, or configure a bucket in ${call.region}`,
    cause,
  );
}

/** The region that S3 points to, empty when it does not say which; null when the response is about something else. */
function regionOf(error: S3ServiceException, status: number, code: string, own: string): string | null {
  const header = error.$response?.headers['x-amz-bucket-region'];
  const about =
    status === 301 ||
    status === 307 ||
    code === 'PermanentRedirect' ||
    code === 'AuthorizationHeaderMalformed' ||
    (status === 400 && code === NO_CODE && header !== undefined && header !== own);
  if (!about) return null;
  const stated = header ?? ('Region' in error ? error.Region : undefined);
  return typeof stated === 'string' && /^[a-z0-9-]{1,40}$/.test(stated) ? stated : '';
}

function retryAfterOf(error: S3ServiceException): number | null {
  return parseRetryAfter(error.$response?.headers['retry-after'], Date.now());
}
