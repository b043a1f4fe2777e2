import { randomUUID } from 'node:crypto';
import type { S3Client } from '@aws-sdk/client-s3';
import { Bucket, type ObjectHead } from '../copy/bucket.ts';
import { crc32Of } from '../copy/crc32.ts';
import { DestinationDenied, KeyTaken } from '../copy/destination-errors.ts';
import { type RetryPolicy, retryPassing, USUAL_RETRY_POLICY } from '../copy/retry-passing.ts';
import { Checks } from './checks.ts';
import { ConditionIgnored, ObjectDiffers } from './errors.ts';
import { removeObject } from './remove.ts';
import { PROBE_PREFIX, type PreflightReport } from './report.ts';

export interface PreflightTools {
  /** The client that copies use, so that a preflight meets what they meet. */
  readonly client: S3Client;
  readonly bucket: string;
  /** @default USUAL_RETRY_POLICY */
  readonly retry?: RetryPolicy;
}

const BODY = Buffer.from('A probe of the Zencoder recovery stack; it may be deleted.\n');
const NO_CONTEXT = {};

/**
 * Tries with the caller's own role everything that a recovery does in the bucket, on objects of a few bytes under
 * {@link PROBE_PREFIX}, and removes them. Nothing of the customer's is touched. Never throws: a fault is a result.
 */
export async function runPreflight(tools: PreflightTools): Promise<PreflightReport> {
  const region = await tools.client.config.region();
  const probe = `${PROBE_PREFIX}${randomUUID()}`;
  const bucket = new Bucket(tools.client, tools.bucket);
  const checks = new Checks((action) => again(tools, action));
  const made = [
    ...(await checkObject(bucket, checks, `${probe}/object`, probe)),
    ...(await checkUpload(bucket, checks, `${probe}/upload`)),
  ];
  const leftBehind = await removeAll(tools, checks, region, made);
  return { ok: checks.ok, bucket: tools.bucket, region, checks: checks.results, leftBehind };
}

/** @returns the keys that hold objects now. */
async function checkObject(bucket: Bucket, checks: Checks, key: string, probe: string): Promise<string[]> {
  const put = () => bucket.put(headOf(key), BODY, crc32Of(BODY), NO_CONTEXT);
  const isMade = await checks.run('create', async () => {
    await put();
    return true;
  });
  await checks.after(isMade, 'keep', async () => {
    try {
      await put();
    } catch (error) {
      if (error instanceof KeyTaken) return;
      throw error;
    }
    throw new ConditionIgnored('the storage took an object with If-None-Match for a key that is taken');
  });
  await checks.after(isMade, 'read', async () => {
    const found = await bucket.head(key, NO_CONTEXT);
    if (found?.size !== BODY.length) {
      throw new ObjectDiffers(`${BODY.length} bytes were put, ${found?.size ?? 0} are there`);
    }
  });
  await checks.after(isMade, 'miss', async () => {
    try {
      await bucket.head(`${probe}/free`, NO_CONTEXT);
    } catch (error) {
      if (!(error instanceof DestinationDenied)) throw error;
      throw new DestinationDenied(
        "a key that is free is answered 403 instead of 404: allow the worker's role s3:ListBucket on the bucket",
        { cause: error.cause },
      );
    }
  });
  return isMade ? [key] : [];
}

/** @returns the keys that hold objects now. */
async function checkUpload(bucket: Bucket, checks: Checks, key: string): Promise<string[]> {
  const begin = async () => ({ key, uploadId: await bucket.createUpload(headOf(key), NO_CONTEXT) });
  const upload = await checks.run('upload', begin);
  const sent = await checks.after(upload, 'part', async (begun) => {
    const etag = await bucket.uploadPart(begun, 1, BODY, crc32Of(BODY), NO_CONTEXT);
    return { begun, part: { part: 1, bytes: BODY.length, etag, crc32: crc32Of(BODY) } };
  });
  await checks.after(sent, 'listParts', async ({ begun }) => {
    const parts = await bucket.listParts(begun, 1, 1, NO_CONTEXT);
    if (parts.length !== 1) throw new ObjectDiffers(`one part was sent, ${parts.length} are there`);
  });
  const isMade = await checks.after(sent, 'complete', async ({ begun, part }) => {
    await bucket.complete(begun, [part], part.crc32, NO_CONTEXT);
    return true;
  });
  await checks.after(upload, 'abort', async (begun) => {
    // A completed upload is gone: an upload of its own shows whether aborting is allowed.
    await bucket.abort(isMade ? await begin() : begun, NO_CONTEXT);
  });
  return isMade ? [key] : [];
}

/** @returns the keys that are still there. */
async function removeAll(
  { client, bucket }: PreflightTools,
  checks: Checks,
  region: string,
  keys: readonly string[],
): Promise<string[]> {
  const left = new Set(keys);
  await checks.after(keys.length > 0, 'remove', async () => {
    for (const key of left) {
      await removeObject(client, { bucket, region, key });
      left.delete(key);
    }
  });
  return [...left];
}

function headOf(key: string): ObjectHead {
  return { key, contentType: 'text/plain', metadata: { 'zencoder-recovery': 'preflight' } };
}

function again<T>({ retry }: PreflightTools, action: () => Promise<T>): Promise<T> {
  return retryPassing({ policy: retry ?? USUAL_RETRY_POLICY, random: Math.random }, action);
}
