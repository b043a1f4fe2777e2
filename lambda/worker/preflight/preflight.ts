import { randomUUID } from 'node:crypto';
import type { S3Client } from '@aws-sdk/client-s3';
import { preflightEvent, type TopicEvent } from '../../shared/events/events.ts';
import { type EventPublisher, EventsNotPublished } from '../../shared/events/publisher.ts';
import { RecoveryError } from '../../shared/runtime/errors.ts';
import { PROBE_PREFIX, type PreflightReport } from '../../shared/runtime/preflight.ts';
import { Bucket } from '../copy/bucket.ts';
import { crc32Of } from '../copy/checksums.ts';
import { DestinationDenied, ObjectExists } from '../copy/errors.ts';
import { DEFAULT_RETRY_POLICY, type RetryPolicy, retryPassing } from '../copy/retry.ts';
import { detectRequesterPays, requireNoRetention } from './bucket-features.ts';
import { Checks } from './checks.ts';
import { BODY, headOf, removeObject } from './probe.ts';

/** The storage would overwrite: it does not honour `If-None-Match`. */
class ConditionIgnored extends RecoveryError {
  override readonly name = 'ConditionIgnored';
  override readonly category = 'action-required';
}

/** What is in the bucket is not what was put. */
class ObjectDiffers extends RecoveryError {
  override readonly name = 'ObjectDiffers';
  override readonly category = 'action-required';
}

/** The events topic does not accept an event of the worker. */
class EventRefused extends RecoveryError {
  override readonly name = 'EventRefused';
  override readonly category = 'action-required';
}

export interface PreflightOptions {
  /** The client that copies use, so that a preflight meets what they meet. */
  readonly client: S3Client;
  readonly bucket: string;
  /** The events topic. */
  readonly events: EventPublisher<TopicEvent>;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** @default DEFAULT_RETRY_POLICY */
  readonly retry?: RetryPolicy;
}

/**
 * Tries with the caller's own role everything that a recovery does in the bucket, on objects of a few bytes under
 * {@link PROBE_PREFIX}, and removes them. None of the customer's objects is touched. Publishes an event of its own type
 * as well. Never throws: an error is a result.
 *
 * @example
 * const { ok, checks } = await runPreflight({ client: createBucketClient(), bucket: 'acme-video', events, now: Date.now });
 */
export async function runPreflight(given: PreflightOptions): Promise<PreflightReport> {
  const { client, bucket: name } = given;
  const region = await client.config.region();
  const probe = `${PROBE_PREFIX}${randomUUID()}`;
  const retry = { policy: given.retry ?? DEFAULT_RETRY_POLICY, random: Math.random };
  const bucket = new Bucket(client, name, retry);
  const checks = new Checks(detectRequesterPays(client, name, `${probe}/free`));
  const object = await checkObject(bucket, checks, `${probe}/object`, probe);
  const made = [...object, ...(await checkUpload(bucket, checks, `${probe}/upload`))];
  await checks.after(object[0], 'retention', (key) => requireNoRetention(client, name, key));
  await checks.run('publish', () => publishEvent(given));
  const remove = (key: string) =>
    retryPassing(retry, () => removeObject(client, { bucket: name, region, key }));
  const leftBehind = await removeAll(checks, made, remove);
  return { ok: checks.ok, bucket: name, region, checks: checks.results, leftBehind };
}

async function publishEvent({ events, now }: Pick<PreflightOptions, 'events' | 'now'>): Promise<void> {
  try {
    await events.publish([preflightEvent(randomUUID(), now())]);
  } catch (error) {
    if (!(error instanceof EventsNotPublished)) throw error;
    throw new EventRefused(
      `the topic in the output EventsTopicArn returned ${error.code}: let the worker role publish on it (sns:Publish), ` +
        "and SNS use the topic's key",
      { cause: error.cause },
    );
  }
}

/** @returns the keys that hold objects now. */
async function checkObject(bucket: Bucket, checks: Checks, key: string, probe: string): Promise<string[]> {
  const put = () => bucket.put(headOf(key), BODY, crc32Of(BODY));
  const isMade = await checks.run('create', async () => {
    await put();
    return true;
  });
  await checks.after(isMade, 'keep', async () => {
    try {
      await put();
    } catch (error) {
      if (error instanceof ObjectExists) return;
      throw error;
    }
    throw new ConditionIgnored('the storage took an object with If-None-Match for a key that is taken');
  });
  await checks.after(isMade, 'read', async () => {
    const found = await bucket.head(key);
    if (found?.size !== BODY.length) {
      throw new ObjectDiffers(`${BODY.length} bytes were put, ${found?.size ?? 0} are there`);
    }
  });
  await checks.after(isMade, 'miss', async () => {
    try {
      await bucket.head(`${probe}/free`);
    } catch (error) {
      if (!(error instanceof DestinationDenied)) throw error;
      throw new DestinationDenied(
        'an unused key returns 403 instead of 404: grant the worker role s3:ListBucket on the bucket',
        { cause: error.cause },
      );
    }
  });
  return isMade ? [key] : [];
}

/** @returns the keys that hold objects now. */
async function checkUpload(bucket: Bucket, checks: Checks, key: string): Promise<string[]> {
  const begin = async () => ({ key, uploadId: await bucket.createUpload(headOf(key)) });
  const upload = await checks.run('upload', begin);
  const sent = await checks.after(upload, 'part', async (begun) => {
    const etag = await bucket.uploadPart(begun, 1, BODY, crc32Of(BODY));
    return { begun, part: { part: 1, bytes: BODY.length, etag, crc32: crc32Of(BODY) } };
  });
  await checks.after(sent, 'listParts', async ({ begun }) => {
    const parts = await bucket.listParts(begun, 1, 1);
    if (parts.length !== 1) throw new ObjectDiffers(`one part was sent, ${parts.length} are there`);
  });
  const isMade = await checks.after(sent, 'complete', async ({ begun, part }) => {
    await bucket.complete(begun, [part], part.crc32);
    return true;
  });
  await checks.after(upload, 'abort', async (begun) => {
    // A completed upload is gone: an upload of its own shows whether aborting is allowed.
    await bucket.abort(isMade ? await begin() : begun);
  });
  return isMade ? [key] : [];
}

/** @returns the keys that are still there. */
async function removeAll(
  checks: Checks,
  keys: readonly string[],
  remove: (key: string) => Promise<void>,
): Promise<string[]> {
  const left = new Set(keys);
  await checks.after(keys.length > 0, 'remove', async () => {
    for (const key of left) {
      await remove(key);
      left.delete(key);
    }
  });
  return [...left];
}
