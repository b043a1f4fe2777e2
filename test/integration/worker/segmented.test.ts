import { AbortMultipartUploadCommand, ListMultipartUploadsCommand } from '@aws-sdk/client-s3';
import { DeleteMessageCommand, PurgeQueueCommand } from '@aws-sdk/client-sqs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { accessDenied, slowDown } from '../../../infra/local/aws/s3/faults.ts';
import type { RecoveryRecord } from '../../../lambda/shared/ledger/records.ts';
import type { OutputMessage } from '../../../lambda/shared/queue/messages.ts';
import { parseStorageAllowList } from '../../../lambda/shared/zencoder/storage.ts';
import { createCopyEngine } from '../../../lambda/worker/copy/engine.ts';
import { IMPATIENT } from '../../support/copying.ts';
import { backupMessage, signedAnew } from '../../support/messages.ts';
import { type SourceServer, startSource } from '../../support/source-server.ts';
import { BUCKET, type Delivered, startWorker, type TestWorker } from '../../support/worker.ts';

const MiB = 2 ** 20;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

let worker: TestWorker;
let source: SourceServer;
/** Whether the source refuses the URL. */
let isRefused = false;
/** Whether the source has another file at each request. */
let isChanging = false;
beforeAll(async () => {
  worker = await startWorker();
  source = await startSource({
    file: { size: 18 * MiB, etag: '"made-up"' },
    fault: ({ headers }) => {
      if (isRefused) return { status: 403, body: '<Code>AccessDenied</Code>' };
      return isChanging && headers['if-match'] !== undefined ? { status: 412 } : undefined;
    },
  });
  worker.use({
    storage: parseStorageAllowList(source.origin),
    api: null,
    engine: engineOf(2),
  });
});
afterEach(async () => {
  worker.s3.setFaults(undefined);
  await worker.messaging.sqs.send(new PurgeQueueCommand({ QueueUrl: worker.queueUrl }));
});
afterAll(async () => {
  await source?.close();
  await worker?.close();
});

/** An engine that copies the file in so many segments. */
function engineOf(segments: number) {
  return createCopyEngine({
    ...{ client: worker.client, bucket: BUCKET, bufferBytes: 32 * MiB, partBytes: 5 * MiB },
    ...{ segmentBytes: (20 / segments) * MiB, ...IMPATIENT, clock: worker.now },
  });
}

/** A file of some segments, planned and dispatched. */
async function dispatched(segments = 2): Promise<{
  given: OutputMessage;
  upload: NonNullable<RecoveryRecord['upload']>;
}> {
  const given = backupMessage({ origin: source.origin, names: ['big.mov'], now: worker.now() });
  worker.use({ engine: engineOf(segments) });
  expect(await worker.deliver(given)).toMatchObject({ isDone: true });
  const upload = (await recoveryOf(given))?.upload;
  if (upload?.segments !== segments) throw new Error(`expected a plan of ${segments} segments`);
  return { given, upload };
}

async function recoveryOf({ job }: OutputMessage): Promise<RecoveryRecord | undefined> {
  return (await worker.job(job.id)).recoveries[0];
}

/** Handles what the queue shows, and hidden messages once their time has come, until the recovery is settled. */
async function untilSettled(given: OutputMessage, hidden: Delivered[]): Promise<RecoveryRecord | undefined> {
  for (let delivery = 0; delivery < 20; delivery++) {
    const record = await recoveryOf(given);
    if (record?.settledAt !== undefined) return record;
    const isVisible = (await worker.depth()).visible > 0;
    const next = isVisible ? undefined : hidden.shift();
    if (!isVisible && next === undefined) throw new Error('an open recovery has no message');
    if (next !== undefined) worker.advance(16 * MINUTE);
    const delivered = next === undefined ? await worker.next() : await worker.redeliver(next);
    if (!delivered.isDone) hidden.push(delivered);
  }
  throw new Error('the recovery was not settled');
}

describe('the completion of a segmented upload', () => {
  it('is tried less and less often while the bucket refuses it, within the deliveries that the queue allows', {
    timeout: 120_000,
  }, async () => {
    worker.s3.setFaults(({ operation }) =>
      operation === 'CompleteMultipartUpload' ? accessDenied('kms:Decrypt', 'arn:aws:kms:key') : undefined,
    );
    const { given } = await dispatched();
    const ends = [await worker.next(), await worker.next()];
    let last = ends.find(({ isDone }) => !isDone);
    const began = worker.now();
    for (let delivery = 1; last !== undefined && !last.isDone && delivery < 60; delivery++) {
      const { nextAttemptAt = worker.now() } = (await recoveryOf(given)) ?? {};
      worker.advance(Math.max(0, nextAttemptAt - worker.now()));
      last = await worker.redeliver(last);
    }

    expect(worker.now() - began).toBeGreaterThan(8 * HOUR);
  });

  it('falls to a segment that ends while a repeated notification holds the lease', async () => {
    const { given } = await dispatched();
    await worker.next();
    const last = await worker.receive();
    worker.advance(31 * MINUTE);
    await worker.send(given);
    const repeated = await worker.receive();
    const { queue } = worker.tools();
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

  it('falls to the message of a worker that died between sending segments and giving its lease back', async () => {
    const given = backupMessage({ origin: source.origin, names: ['big.mov'], now: worker.now() });
    const { queue } = worker.tools();
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

describe('an upload that vanishes', () => {
  it('while a segment waits for its next attempt is planned anew, and the new message is not left waiting', async () => {
    const { given, upload } = await dispatched();
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
    '%s is planned anew although the answer to dropping the plan was lost',
    async (_, operation) => {
      const { given } = await dispatched();
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
          // The SDK repeats a call whose answer was lost, and the second answer counts.
          return await next(args);
        },
        { step: 'initialize', name: 'lost-answer' },
      );

      const last = await worker.next();
      client.middlewareStack.remove('lost-answer');
      worker.s3.setFaults(undefined);

      expect(repeated).toBe(1);
      expect(await untilSettled(given, last.isDone ? [] : [last])).toMatchObject({ state: 'recovered' });
    },
  );
});

describe('segments at work', () => {
  it('are left alone by a repeated notification, which stays in reserve', async () => {
    const { given } = await dispatched();
    const segments = [await worker.receive(), await worker.receive()];
    const before = await recoveryOf(given);

    const repeated = await worker.deliver(given);

    expect(repeated.isDone).toBe(false);
    expect(await recoveryOf(given)).toEqual(before);
    for (const segment of segments) await worker.handle(segment);
    expect(await recoveryOf(given)).toMatchObject({ state: 'recovered', attempts: 2 });
    expect(await worker.redeliver(repeated)).toMatchObject({ isDone: true });
  });

  it('are queued anew by a message in reserve once none has ended for half an hour', async () => {
    const { given } = await dispatched();
    const lost = await worker.receive();
    const { ReceiptHandle } = lost;
    await worker.messaging.sqs.send(new DeleteMessageCommand({ QueueUrl: worker.queueUrl, ReceiptHandle }));
    await worker.next();
    const repeated = await worker.deliver(given);
    expect(repeated.isDone).toBe(false);
    worker.advance(31 * MINUTE);

    expect(await untilSettled(given, [repeated])).toMatchObject({ state: 'recovered' });
  });

  it('are queued anew at once by the message of the planner that died before it had sent them', async () => {
    const given = backupMessage({ origin: source.origin, names: ['big.mov'], now: worker.now() });
    const { queue } = worker.tools();
    await worker.send(given);
    const own = await worker.receive();
    const sendsNothing = { ...queue, send: () => Promise.reject(new Error('the queue is away')) };
    expect(await worker.handle(own, { queue: sendsNothing })).toMatchObject({ isDone: false });
    worker.advance(MINUTE);

    await worker.redeliver({ isDone: false, message: own });

    expect(await worker.depth()).toMatchObject({ visible: 2 });
    expect(await untilSettled(given, [])).toMatchObject({ state: 'recovered' });
  });

  it('are copied from the URL of another notification when that of one is refused', async () => {
    const { given } = await dispatched();
    const [first] = [await worker.receive(), await worker.receive()];
    worker.advance(31 * MINUTE);
    expect(await worker.deliver(given)).toMatchObject({ isDone: true });
    const [third] = [await worker.receive(), await worker.receive()];
    isRefused = true;
    await worker.handle(first);
    isRefused = false;
    expect(await recoveryOf(given)).toMatchObject({ state: 'lost' });

    expect(await worker.handle(third)).toMatchObject({ isDone: true });

    expect(await untilSettled(given, [])).toMatchObject({ state: 'recovered' });
  });
});

describe('an upload of a file that is lost', () => {
  const openUploads = async ({ job }: OutputMessage) => {
    const Prefix = `zencoder-recovery/${job.id}/`;
    const { Uploads = [] } = await worker.client.send(
      new ListMultipartUploadsCommand({ Bucket: BUCKET, Prefix }),
    );
    return Uploads.length;
  };

  it('is aborted before the recovery is settled, which waits while the bucket cannot serve', async () => {
    const { given } = await dispatched();
    const first = await worker.receive();
    isRefused = true;
    worker.s3.setFaults(({ operation }) => (operation === 'AbortMultipartUpload' ? slowDown() : undefined));
    const kept = await worker.handle(first);
    expect(kept.isDone).toBe(false);
    expect(await recoveryOf(given)).toMatchObject({ state: 'pending' });
    expect(await openUploads(given)).toBe(1);
    worker.s3.setFaults(undefined);
    worker.advance(MINUTE);

    await worker.redeliver(kept);
    isRefused = false;

    expect(await recoveryOf(given)).toMatchObject({ state: 'lost' });
    expect(await openUploads(given)).toBe(0);
  });

  it('is left to the lifecycle rule of a bucket that denies aborting it', async () => {
    const { given } = await dispatched();
    const first = await worker.receive();
    isRefused = true;
    worker.s3.setFaults(({ operation }) =>
      operation === 'AbortMultipartUpload' ? accessDenied('s3:AbortMultipartUpload', 'arn') : undefined,
    );

    await worker.handle(first);
    isRefused = false;

    expect(await recoveryOf(given)).toMatchObject({ state: 'lost' });
  });
});

describe('the segments of one notification', () => {
  /** Handles everything that the queue shows, up to a number of deliveries. */
  async function handleVisible(most: number): Promise<number> {
    let deliveries = 0;
    while (deliveries < most && (await worker.depth()).visible > 0) {
      await worker.next();
      deliveries += 1;
    }
    return deliveries;
  }

  it('are one piece of evidence: a refused URL loses the file once, and another one recovers it', async () => {
    await worker.events();
    const { given } = await dispatched(4);
    isRefused = true;
    const deliveries = await handleVisible(40);
    isRefused = false;
    worker.advance(HOUR);
    await handleVisible(40);

    expect(deliveries).toBeLessThan(10);
    expect(await recoveryOf(given)).toMatchObject({ state: 'lost' });
    expect((await worker.events()).map(({ type }) => type)).toEqual(['recovery-lost']);

    await worker.deliver(signedAnew(given, '1'));
    expect(await untilSettled(given, [])).toMatchObject({ state: 'recovered' });
  });

  it('plan the upload anew less and less often, and the record says why', async () => {
    isChanging = true;
    const { given } = await dispatched(4);
    const deliveries = await handleVisible(60);
    isChanging = false;

    expect(deliveries).toBeLessThan(12);
    const record = await recoveryOf(given);
    expect(record).toMatchObject({
      lastError: { errorClass: 'SourceChanged' },
      history: [{ errorClass: 'SourceChanged' }],
    });
    expect(record?.nextAttemptAt).toBeGreaterThan(worker.now());
  });
});
