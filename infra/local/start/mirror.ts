import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { dirname, resolve, sep } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { GetObjectCommand, paginateListObjectsV2, type S3Client } from '@aws-sdk/client-s3';
import type { LogLine } from '../aws/lambda/protocol.ts';
import { asText, isObject, type Json, type JsonObject } from '../json.ts';

/** What every line of a function repeats. */
const REPEATED = new Set([
  'level',
  'message',
  'timestamp',
  'service',
  'cold_start',
  'function_arn',
  'function_memory_size',
  'function_name',
  'function_request_id',
  'sampling_rate',
  'xray_trace_id',
]);

/**
 * A log line for people: time, function, level, message, and the fields that are not in every line.
 *
 * @returns undefined for lines that only the runtime cares about (reports of invocations, metrics)
 */
export function prettyLine(line: LogLine): string | undefined {
  if (line.source === 'runtime') return line.text.startsWith('REPORT') ? undefined : `runtime  ${line.text}`;
  const entry = parsed(line.text);
  if (entry === undefined) return line.text;
  if (entry._aws !== undefined) return undefined;
  const time = asText(entry.timestamp ?? '').slice(11, 19);
  const fields = Object.entries(entry).filter(([key]) => !REPEATED.has(key));
  const details = fields.map(([key, value]) => `${key}=${shown(value)}`).join(' ');
  const head = [time, asText(entry.service ?? '').padEnd(6), asText(entry.level ?? '').padEnd(5)].join(' ');
  return `${head} ${asText(entry.message ?? '')}${details === '' ? '' : `  ${details}`}`;
}

function parsed(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function shown(value: Json): string {
  const text = asText(value);
  return typeof value === 'string' && /\s/.test(value) ? JSON.stringify(text) : text;
}

const EVERY_MILLISECONDS = 1000;
const PARTIAL = '.part';
/** What file systems take for one name, in bytes; a key has 1024 in all. */
const MAX_NAME = 255 - PARTIAL.length;

/** What is said of each object, once. */
export interface MirrorReport {
  /** @param isShortened the path has other names than the key, since the key's are too long for files. */
  mirrored(path: string, key: string, isShortened: boolean): void;
  /** The object is in the bucket and not in the folder. */
  notMirrored(key: string, reason: string): void;
}

/**
 * Copies every object of a bucket into a folder as it appears, so that files can be looked at without an S3 client.
 *
 * @returns a function that ends it
 */
export function mirrorBucket(
  s3: S3Client,
  bucket: string,
  folder: string,
  report: MirrorReport,
): () => Promise<void> {
  const stop = new AbortController();
  const seen = new Set<string>();
  const look = async () => {
    for await (const page of paginateListObjectsV2({ client: s3 }, { Bucket: bucket })) {
      for (const { Key } of page.Contents ?? []) {
        if (Key === undefined || seen.has(Key) || stop.signal.aborted) continue;
        seen.add(Key);
        await mirror(s3, { bucket, key: Key, folder }, report, stop.signal);
      }
    }
  };
  const run = async () => {
    while (!stop.signal.aborted) {
      await look().catch(() => undefined);
      await delay(EVERY_MILLISECONDS, undefined, { signal: stop.signal }).catch(() => undefined);
    }
  };
  const running = run();
  return async () => {
    stop.abort();
    await running;
  };
}

async function mirror(
  s3: S3Client,
  { bucket, key, folder }: { readonly bucket: string; readonly key: string; readonly folder: string },
  report: MirrorReport,
  signal: AbortSignal,
): Promise<void> {
  const path = pathInside(folder, key);
  if (path === undefined) {
    report.notMirrored(key, 'it is no path of a file below the folder');
    return;
  }
  try {
    await download(s3, bucket, key, path, signal);
    report.mirrored(path, key, shortNames(key) !== key);
  } catch (error) {
    if (!signal.aborted) report.notMirrored(key, error instanceof Error ? error.message : String(error));
  }
}

/**
 * Where a key goes in the folder, with names that are too long for files shortened; undefined for keys that would lead
 * out of it, or name no file.
 */
export function pathInside(folder: string, key: string): string | undefined {
  const root = resolve(folder);
  const path = resolve(root, `.${sep}${shortNames(key)}`);
  return path.startsWith(root + sep) && !key.endsWith('/') ? path : undefined;
}

/** Each name of at most 250 bytes: its beginning, eight hex digits that distinguish it from others, and its extension. */
function shortNames(key: string): string {
  return key
    .split('/')
    .map((name) => {
      if (Buffer.byteLength(name) <= MAX_NAME) return name;
      const digest = createHash('sha256').update(name).digest('hex').slice(0, 8);
      const end = `~${digest}${/\.[A-Za-z0-9]{1,10}$/.exec(name)?.[0] ?? ''}`;
      const start = Buffer.from(name).subarray(0, MAX_NAME - end.length);
      return `${start.toString().replace(/\ufffd+$/, '')}${end}`;
    })
    .join('/');
}

async function download(
  s3: S3Client,
  bucket: string,
  key: string,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  // First, since a body that is not read would keep its connection.
  await mkdir(dirname(path), { recursive: true });
  const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }), { abortSignal: signal });
  if (!(Body instanceof Readable)) return;
  await pipeline(Body, createWriteStream(`${path}${PARTIAL}`), { signal });
  await rename(`${path}${PARTIAL}`, path);
}
