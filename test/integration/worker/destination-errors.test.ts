import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { describe, expect, it } from 'vitest';
import {
  accessDenied,
  type FaultHook,
  kmsAccessDenied,
  permanentRedirect,
  slowDown,
} from '../../../infra/local/aws/s3/faults.ts';
import type { OutputMessage } from '../../../lambda/shared/queue/messages.ts';
import { MiB } from '../../../lambda/worker/copy/plan.ts';
import { BUCKET } from '../../support/worker.ts';
import {
  messageOf,
  recoveryOf,
  serveSource,
  useEngine,
  useWorker,
  worker,
} from '../../support/worker-fixture.ts';

/** The state of a recovery after one delivery of its message, for each error of the destination. */

const SMALL = 1_000;
const LARGE = 12 * MiB;

type Operation = Parameters<FaultHook>[0]['operation'];

useWorker();

async function serve(size: number): Promise<OutputMessage> {
  await serveSource({ file: { size, etag: '"made-up"' } });
  useEngine();
  return messageOf(['web.mp4']);
}

describe('the worker, after an error of the destination', () => {
  const onWrites =
    (fault: ReturnType<FaultHook>): FaultHook =>
    ({ operation }) =>
      operation === 'PutObject' ? fault : undefined;

  it.each<[string, ReturnType<FaultHook>, string, string, RegExp]>([
    ['SlowDown in every response', slowDown(), 'DestinationBusy', 'transient', /SlowDown|503/],
    [
      'access denied',
      accessDenied('s3:PutObject', 'arn:aws:s3:::acme'),
      'DestinationDenied',
      'action-required',
      /s3:PutObject/,
    ],
    ['a denied KMS key', kmsAccessDenied(), 'DestinationKeyDenied', 'action-required', /KMS|key/i],
    [
      'a missing bucket',
      { status: 404, code: 'NoSuchBucket' },
      'DestinationBucketMissing',
      'action-required',
      /acme-recovered/,
    ],
    [
      'a bucket in another region',
      permanentRedirect(BUCKET, 'eu-central-1'),
      'DestinationWrongRegion',
      'action-required',
      /eu-central-1/,
    ],
  ])(
    'keeps the recovery pending after %s and says what to change',
    async (_, fault, errorClass, category, message) => {
      const given = await serve(SMALL);
      worker.s3.setFaults(onWrites(fault));

      const { isDone } = await worker.deliver(given);

      expect(isDone).toBe(false);
      const record = await recoveryOf(given);
      expect(record).toMatchObject({ state: 'pending', lastError: { errorClass, category } });
      expect(record?.lastError?.message).toMatch(message);
    },
  );

  it.each<[string, number, Operation, Exclude<ReturnType<FaultHook>, undefined>]>([
    ['a reset during the PUT', SMALL, 'PutObject', { cutAfterBytes: 100 }],
    [
      'an InvalidPart at the completion',
      LARGE,
      'CompleteMultipartUpload',
      { status: 400, code: 'InvalidPart' },
    ],
    [
      'a 409 at the completion',
      LARGE,
      'CompleteMultipartUpload',
      { status: 409, code: 'ConditionalRequestConflict' },
    ],
  ])('recovers the file after %s', async (_, size, operation, fault) => {
    const given = await serve(size);
    let hasFailed = false;
    worker.s3.setFaults((request) => {
      if (hasFailed || request.operation !== operation) return undefined;
      hasFailed = true;
      return fault;
    });

    let delivered = await worker.deliver(given);
    if (!delivered.isDone) delivered = await worker.redeliver(delivered);

    expect(await recoveryOf(given)).toMatchObject({ state: 'recovered', size });
  });

  it("settles the recovery as failed when the key holds an object of the customer's, and keeps the object", async () => {
    const given = await serve(SMALL);
    const Key = `zencoder-recovery/${given.job.id}/1/media/web.mp4`;
    await worker.client.send(new PutObjectCommand({ Bucket: BUCKET, Key, Body: 'theirs' }));

    const { isDone } = await worker.deliver(given);

    expect(isDone).toBe(true);
    expect(await recoveryOf(given)).toMatchObject({
      state: 'failed',
      key: Key,
      lastError: { errorClass: 'DestinationConflict', category: 'conflict' },
    });
    const object = await worker.client.send(new GetObjectCommand({ Bucket: BUCKET, Key }));
    expect(await object.Body?.transformToString()).toBe('theirs');
    expect(worker.metrics()).toContainEqual({ metric: 'failedFiles', value: 1, by: 'DestinationConflict' });
  });
});
