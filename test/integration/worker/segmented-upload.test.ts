import { AbortMultipartUploadCommand } from '@aws-sdk/client-s3';
import { describe, expect, it } from 'vitest';
import { accessDenied, slowDown } from '../../../infra/local/aws/s3/faults.ts';
import { HOUR_MS, MINUTE_MS } from '../../../lambda/shared/runtime/durations.ts';
import { BUCKET } from '../../support/worker.ts';
import { messageOf, openUploads, recoveryOf, worker } from '../../support/worker-fixture.ts';
import { dispatch, faults, untilSettled, useSegments } from './segmented-fixture.ts';

useSegments();

describe('the completion of a segmented upload', () => {
  it('is retried with growing delays while the bucket refuses it, within the deliveries that the queue allows', {
    timeout: 120_000,
  }, async () => {
    worker.s3.setFaults(({ operation }) =>
      operation === 'CompleteMultipartUpload' ? accessDenied('kms:Decrypt', 'arn:aws:kms:key') : undefined,
    );
    const { given } = await dispatch();
    const ends = [await worker.next(), await worker.next()];
    let last = ends.find(({ isDone }) => !isDone);
    const began = worker.now();
    for (let delivery = 1; last !== undefined && !last.isDone && delivery < 60; delivery++) {
      const { nextAttemptAt = worker.now() } = (await recoveryOf(given)) ?? {};
      worker.advance(Math.max(0, nextAttemptAt - worker.now()));
      last = await worker.redeliver(last);
    }

    expect(worker.now() - began).toBeGreaterThan(8 * HOUR_MS);
  });

  it('is done by a segment that ends while a repeated notification holds the lease', async () => {
    const { given } = await dispatch();
    await worker.next();
    const last = await worker.receive();
    worker.advance(31 * MINUTE_MS);
    await worker.send(given);
    const repeated = await worker.receive();
    const { queue } = worker.dependencies();
    let hasSent = false;
    const send: typeof queue.send = async (messages) => {
      await worker.handle(last);
      await queue.send(messages);
      await worker.next();
      hasSent = true;
    };

    await worker.handle(repeated, { queue: { ...queue, send } });

    expect(hasSent).toBe(true);
    expect(await untilSettled(given, [])).toMatchObject({ state: 'recovered' });
  });

  it('is done by the message of a worker that died between sending segments and releasing its lease', async () => {
    const given = messageOf(['big.mov']);
    const { queue } = worker.dependencies();
    const { promise: hasSent, resolve } = Promise.withResolvers<void>();
    const diesAfterSending: typeof queue.send = async (messages) => {
      await queue.send(messages);
      resolve();
      await new Promise(() => undefined);
    };
    await worker.send(given);
    const own = await worker.receive();
    void worker.handle(own, { queue: { ...queue, send: diesAfterSending } });
    await hasSent;
    await worker.next();
    await worker.next();

    expect(await untilSettled(given, [{ isDone: false, message: own }])).toMatchObject({
      state: 'recovered',
    });
  });
});

describe('an upload that disappears', () => {
  it('while a segment waits for its next attempt is restarted, and its new message is handled', async () => {
    const { given, upload } = await dispatch();
    worker.s3.setFaults(({ operation }) =>
      operation === 'UploadPart' ? accessDenied('s3:PutObject', 'arn:aws:s3:::acme') : undefined,
    );
    const first = await worker.next();
    worker.advance(2000);
    const second = await worker.next();
    worker.s3.setFaults(undefined);
    await worker.client.send(
      new AbortMultipartUploadCommand({ Bucket: BUCKET, Key: upload.key, UploadId: upload.uploadId }),
    );
    worker.advance(6000);

    expect(await untilSettled(given, [first, second])).toMatchObject({ state: 'recovered' });
  });

  it.each([
    ['at the completion', 'CompleteMultipartUpload'],
    ['at the last segment', 'UploadPart'],
  ] as const)(
    '%s is restarted although the response to the removal of the plan was lost',
    async (_, operation) => {
      const { given } = await dispatch();
      await worker.next();
      let gone: string | undefined;
      worker.s3.setFaults((request) => {
        if (request.operation === operation) gone ??= request.uploadId;
        return gone !== undefined && request.uploadId === gone
          ? { status: 404, code: 'NoSuchUpload' }
          : undefined;
      });
      const { client } = worker.ledger;
      let repeated = 0;
      client.middlewareStack.add(
        (next) => async (args) => {
          const output = await next(args);
          if (!/REMOVE [^"]*#upload,/.test(JSON.stringify(args.input))) return output;
          repeated += 1;
          // The SDK repeats a call whose response was lost, and the second response counts.
          return await next(args);
        },
        { step: 'initialize', name: 'lost-response' },
      );

      const last = await worker.next();
      client.middlewareStack.remove('lost-response');
      worker.s3.setFaults(undefined);

      expect(repeated).toBe(1);
      expect(await untilSettled(given, last.isDone ? [] : [last])).toMatchObject({ state: 'recovered' });
    },
  );
});

describe('the upload of a lost file', () => {
  it('is aborted before the recovery is settled, which is retried while the bucket is busy', async () => {
    const { given } = await dispatch();
    const first = await worker.receive();
    faults.isRefused = true;
    worker.s3.setFaults(({ operation }) => (operation === 'AbortMultipartUpload' ? slowDown() : undefined));
    const kept = await worker.handle(first);
    expect(kept.isDone).toBe(false);
    expect(await recoveryOf(given)).toMatchObject({ state: 'pending' });
    expect(await openUploads(given)).toHaveLength(1);
    worker.s3.setFaults(undefined);
    worker.advance(MINUTE_MS);

    await worker.redeliver(kept);
    faults.isRefused = false;

    expect(await recoveryOf(given)).toMatchObject({ state: 'lost' });
    expect(await openUploads(given)).toHaveLength(0);
  });

  it('is left to the lifecycle rule when the bucket denies the abort', async () => {
    const { given } = await dispatch();
    const first = await worker.receive();
    faults.isRefused = true;
    worker.s3.setFaults(({ operation }) =>
      operation === 'AbortMultipartUpload' ? accessDenied('s3:AbortMultipartUpload', 'arn') : undefined,
    );

    await worker.handle(first);
    faults.isRefused = false;

    expect(await recoveryOf(given)).toMatchObject({ state: 'lost' });
  });
});
