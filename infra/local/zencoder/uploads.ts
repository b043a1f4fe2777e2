import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { request as requestTls } from 'node:https';
import { posix } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { PutObjectCommand, S3Client, S3ServiceException } from '@aws-sdk/client-s3';
import { Client, FTPError } from 'basic-ftp';
import type { StreamSource } from './source.ts';
import {
  DestinationTimeout,
  fromNetworkError,
  fromStatus,
  PrimaryUploadFailed,
  withinTime,
} from './upload-errors.ts';

/** An S3 endpoint and Zencoder's credentials for it. */
export interface S3Account {
  /** E.g. `http://127.0.0.1:4567`. */
  readonly origin: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** Failed uploads are the purpose of the stand-in; the SDK would warn about each on the console. */
const SILENT = { debug() {}, info() {}, warn() {}, error() {} };

/**
 * A client that tries once, because its caller decides what a failure means.
 *
 * @param now epoch milliseconds, which may differ from the machine's time: requests are signed with it
 */
export function s3Client(account: S3Account, now: number): S3Client {
  return new S3Client({
    systemClockOffset: now - Date.now(),
    endpoint: account.origin,
    region: 'us-east-1',
    forcePathStyle: true,
    maxAttempts: 1,
    logger: SILENT,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    credentials: { accessKeyId: account.accessKeyId, secretAccessKey: account.secretAccessKey },
  });
}

/**
 * Uploads to `s3://bucket/key` or `s3+region://bucket/key` with the access list that Zencoder asks for by default.
 *
 * @returns the form in which notifications name such a file.
 */
export async function putByS3(
  url: URL,
  file: StreamSource,
  account: S3Account,
  now: number,
  signal: AbortSignal,
): Promise<string> {
  const bucket = url.hostname;
  const client = s3Client(account, now);
  try {
    await client.send(
      new PutObjectCommand({
        Bucket: bucket,
        Key: decodeURIComponent(url.pathname.slice(1)),
        Body: file.open(),
        ContentLength: file.size,
        ACL: 'bucket-owner-full-control',
      }),
      { abortSignal: signal },
    );
  } catch (error) {
    if (error instanceof S3ServiceException) throw fromS3Answer(error, bucket, url);
    throw error;
  } finally {
    client.destroy();
  }
  return `http://${bucket}.s3.amazonaws.com${url.pathname}`;
}

function fromS3Answer(error: S3ServiceException, bucket: string, url: URL): PrimaryUploadFailed {
  switch (error.name) {
    case 'NoSuchBucket':
      return new PrimaryUploadFailed('S3BucketNotFoundError', `No bucket named ${bucket} was found on S3.`, {
        cause: error,
      });
    case 'InvalidAccessKeyId':
      return new PrimaryUploadFailed(
        'InvalidAccessKeyIdError',
        'No access key matching the one provided was found on S3.',
        { cause: error },
      );
    default:
      return fromStatus(error.$metadata.httpStatusCode ?? 500, error.name, url);
  }
}

/** Uploads by FTP, making the folders on the way as Zencoder does. */
export async function putByFtp(url: URL, file: StreamSource, signal: AbortSignal): Promise<void> {
  const client = new Client(0);
  const stop = () => client.close();
  signal.addEventListener('abort', stop);
  try {
    await client.access({
      host: url.hostname,
      ...(url.port === '' ? {} : { port: Number(url.port) }),
      ...(url.username === ''
        ? {}
        : { user: decodeURIComponent(url.username), password: decodeURIComponent(url.password) }),
    });
    const path = decodeURIComponent(url.pathname);
    await client.ensureDir(posix.dirname(path));
    await client.uploadFrom(file.open(), posix.basename(path));
  } catch (error) {
    if (error instanceof FTPError) throw fromFtpAnswer(error, url);
    throw error;
  } finally {
    signal.removeEventListener('abort', stop);
    client.close();
  }
}

function fromFtpAnswer(error: FTPError, url: URL): PrimaryUploadFailed {
  switch (error.code) {
    case 430:
    case 530:
      return new PrimaryUploadFailed(
        'InvalidUsernameOrPasswordError',
        `The username or password for ${url.protocol}//${url.host} was not accepted.`,
        { cause: error },
      );
    case 532:
    case 550:
    case 553:
      return fromStatus(403, '', url);
    default:
      return fromStatus(error.code, error.message.replace(/^\d+ */, ''), url);
  }
}

/** Uploads by HTTP PUT, with Basic credentials if the URL has some. Any response but a 2xx is a failed upload. */
export async function putByHttp(url: URL, file: StreamSource, signal: AbortSignal): Promise<void> {
  const send = url.protocol === 'https:' ? requestTls : request;
  const outgoing = send(bare(url), {
    method: 'PUT',
    signal,
    agent: false,
    headers: { 'content-length': file.size, 'content-type': 'application/octet-stream' },
    ...(url.username === '' ? {} : { auth: `${decode(url.username)}:${decode(url.password)}` }),
  });
  const received = once(outgoing, 'response', { signal });
  // A server may respond and hang up before it has read everything: then its response counts, not the broken pipe.
  const sent = pipeline(file.open(), outgoing).catch((error: unknown) => error);
  const [response]: IncomingMessage[] = await received;
  if (response === undefined) throw new Error('an HTTP response event without a response');
  response.resume();
  await sent;
  const status = response.statusCode ?? 0;
  if (status < 200 || status > 299) throw fromStatus(status, response.statusMessage ?? '', url);
}

function bare(url: URL): URL {
  const copy = new URL(url);
  copy.username = '';
  copy.password = '';
  return copy;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** How the stand-in reaches the destinations that customers name. */
export interface PrimaryOptions {
  /** Where `s3://` destinations are; without it an output that names one is a mistake of the caller. */
  readonly s3?: S3Account;
  /** Milliseconds for one attempt. */
  readonly timeout: number;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** Zencoder documents three attempts before it calls a destination too slow. */
const ATTEMPTS = 3;

/**
 * Uploads a file to the customer's own destination, for real.
 *
 * @param destination `ftp://`, `http(s)://` or `s3://bucket/key`.
 * @returns the URL by which a notification names the file there.
 * @throws {PrimaryUploadFailed} in Zencoder's terms.
 */
export async function uploadToPrimary(
  destination: string,
  file: StreamSource,
  options: PrimaryOptions,
): Promise<string> {
  const url = new URL(destination);
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await withinTime(options.timeout, (signal) => upload(url, file, options, signal));
    } catch (error) {
      if (error instanceof PrimaryUploadFailed || error instanceof UnsupportedDestination) throw error;
      if (error instanceof DestinationTimeout && attempt < ATTEMPTS) continue;
      throw fromNetworkError(error, url);
    }
  }
}

/** The job has a destination that the stand-in cannot simulate: a mistake in the test, never a failed upload. */
export class UnsupportedDestination extends Error {
  override readonly name = 'UnsupportedDestination';
}

async function upload(
  url: URL,
  file: StreamSource,
  options: PrimaryOptions,
  signal: AbortSignal,
): Promise<string> {
  // `s3+eu-central-1:` is an S3 destination, too.
  switch (url.protocol.replace(/(\+.*)?:$/, '')) {
    case 'ftp':
      await putByFtp(url, file, signal);
      return url.href;
    case 'http':
    case 'https':
      await putByHttp(url, file, signal);
      return url.href;
    case 's3':
      if (options.s3 === undefined) {
        throw new UnsupportedDestination('an s3:// destination needs the `primary.s3` option');
      }
      return putByS3(url, file, options.s3, options.now(), signal);
    default:
      throw new UnsupportedDestination(`the stand-in does not support ${url.protocol}`);
  }
}
