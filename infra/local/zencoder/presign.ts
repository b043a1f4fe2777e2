import { createHash, createHmac } from 'node:crypto';
import type { SignatureVersion } from './job.ts';

/** What a presigned GET URL is made of. */
export interface PresignOptions {
  /** E.g. `http://127.0.0.1:4567`; the bucket goes into the path. */
  readonly origin: string;
  readonly bucket: string;
  readonly key: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly version: SignatureVersion;
  /** Epoch seconds at which the URL ends. */
  readonly ends: number;
  /** Seconds before that end at which it is signed; only SigV4 states it. */
  readonly seconds: number;
}

/**
 * A presigned GET URL with the parameters that recorded Zencoder URLs have, and no others (the SDK's presigner adds
 * some). The stand-in signs by itself so that the embedded S3 is not merely held against its own code.
 */
export function presignGet(options: PresignOptions): string {
  const path = `/${options.bucket}/${options.key.split('/').map(encode).join('/')}`;
  const query = options.version === 'v4' ? sigV4(options, path) : sigV2(options, path);
  return `${options.origin}${path}?${query}`;
}

function sigV4(options: PresignOptions, path: string): string {
  const date = new Date((options.ends - options.seconds) * 1000).toISOString().replace(/[-:]|\.\d+/g, '');
  const scope = `${date.slice(0, 8)}/us-east-1/s3/aws4_request`;
  const query = [
    ['X-Amz-Algorithm', 'AWS4-HMAC-SHA256'],
    ['X-Amz-Credential', `${options.accessKeyId}/${scope}`],
    ['X-Amz-Date', date],
    ['X-Amz-Expires', String(options.seconds)],
    ['X-Amz-SignedHeaders', 'host'],
  ]
    .map(([name = '', value = '']) => `${name}=${encode(value)}`)
    .join('&');
  const host = new URL(options.origin).host;
  const request = ['GET', path, query, `host:${host}`, '', 'host', 'UNSIGNED-PAYLOAD'].join('\n');
  const digest = createHash('sha256').update(request).digest('hex');
  const key = scope
    .split('/')
    .reduce<Buffer>((secret, part) => hmac(secret, part), Buffer.from(`AWS4${options.secretAccessKey}`));
  const signature = hmac(key, ['AWS4-HMAC-SHA256', date, scope, digest].join('\n')).toString('hex');
  return `${query}&X-Amz-Signature=${signature}`;
}

function sigV2(options: PresignOptions, path: string): string {
  const signature = createHmac('sha1', options.secretAccessKey)
    .update(`GET\n\n\n${options.ends}\n${path}`)
    .digest('base64');
  return `AWSAccessKeyId=${encode(options.accessKeyId)}&Signature=${encode(signature)}&Expires=${options.ends}`;
}

function hmac(key: Buffer, data: string): Buffer {
  return createHmac('sha256', key).update(data).digest();
}

/** AWS's own URI encoding: `encodeURIComponent` leaves five characters alone that AWS encodes. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
