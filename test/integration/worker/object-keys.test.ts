import {
  DeleteObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { PurgeQueueCommand } from '@aws-sdk/client-sqs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { RecoveryRecord } from '../../../lambda/shared/ledger/records.ts';
import { type OutputMessage, outputMessages } from '../../../lambda/shared/queue/messages.ts';
import { fileIdOf } from '../../../lambda/shared/zencoder/signed-url.ts';
import { parseStorageAllowList } from '../../../lambda/shared/zencoder/storage.ts';
import { createCopyEngine } from '../../../lambda/worker/copy/engine.ts';
import { DEFAULT_KEY_TEMPLATE, parseKeyTemplate } from '../../../lambda/worker/key-template.ts';
import { IMPATIENT } from '../../support/copying.ts';
import { type SourceServer, startSource } from '../../support/source-server.ts';
import { BUCKET, type Delivered, startWorker, type TestWorker } from '../../support/worker.ts';

/** Which key a file gets, whatever other files come beside it, before it or after it. */

const MiB = 2 ** 20;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const SMALL = 1_000;
const LARGE = 12 * MiB;

let worker: TestWorker;
let source: SourceServer;
let lastJob = 600_000;

beforeAll(async () => {
  worker = await startWorker();
});
afterAll(() => worker?.close());
beforeEach(async () => {
  source = await startSource({ file: { size: SMALL, etag: '"made-up"' } });
  worker.use({
    storage: parseStorageAllowList(source.origin),
    api: null,
    keyTemplate: parseKeyTemplate(DEFAULT_KEY_TEMPLATE),
    engine: engineOf({ segmentBytes: 1024 * MiB }),
  });
  lastJob += 1;
});
afterEach(async () => {
  worker.s3.setFaults(undefined);
  // What a test leaves to be tried again must not come up in the next.
  await worker.messaging.sqs.send(new PurgeQueueCommand({ QueueUrl: worker.queueUrl }));
  await source.close();
});

function engineOf(given: { readonly segmentBytes: number }) {
  return createCopyEngine({
    ...{ client: worker.client, bucket: BUCKET, bufferBytes: 32 * MiB, partBytes: 5 * MiB },
    ...{ ...given, ...IMPATIENT, clock: worker.now },
  });
}

/** A message of the test's job; the files' paths are below the job's folder on the source. */
function message(paths: readonly string[], outputId = '1'): OutputMessage {
  return {
    type: 'output',
    version: 1,
    job: { id: String(lastJob), passThrough: 'show', test: false },
    output: { id: outputId, label: null, type: 'standard' },
    failures: [],
    files: paths.map((path) => ({
      role: path.endsWith('.png') ? ('thumbnail' as const) : ('media' as const),
      url: `${source.origin}/o/${lastJob}/${path}?Signature=0`,
      deadline: worker.now() + 24 * HOUR,
      filename: path.split('/').at(-1) ?? path,
      thumbnailLabel: null,
      size: null,
      md5: null,
    })),
    failedAt: worker.now(),
    origin: 'notification',
  };
}

async function recoveries(): Promise<readonly RecoveryRecord[]> {
  return (await worker.job(String(lastJob))).recoveries;
}

/** The recovery of the file at a path. */
async function recoveryOf(path: string): Promise<RecoveryRecord> {
  const found = (await recoveries()).find(({ source: from }) => from.endsWith(`/${path}`));
  if (found === undefined) throw new Error(`${path} has no recovery`);
  return found;
}

/** Keys of the objects of the test's job, by the file that each is of. */
async function objects(): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const Key of await worker.keys()) {
    const { Metadata = {} } = await worker.client.send(new HeadObjectCommand({ Bucket: BUCKET, Key }));
    if (Metadata['zencoder-job'] === String(lastJob)) found.set(Key, Metadata['zencoder-file'] ?? '');
  }
  return found;
}

/** Every file has been recovered, each into an object of its own. */
async function expectOwnObjects(count: number): Promise<void> {
  const records = await recoveries();
  expect(records.map(({ state }) => state)).toEqual(Array.from({ length: count }, () => 'recovered'));
  expect(await objects()).toEqual(new Map(records.map(({ key = '', fileId }) => [key, fileId])));
  expect((await objects()).size).toBe(count);
}

/** Lets the ledger refuse everything after the claims, as for a worker that dies between its put and its settlement. */
async function untilPutOnly(given: OutputMessage) {
  const { middlewareStack } = worker.ledger.client;
  let isClaimed = false;
  middlewareStack.add(
    (next, { commandName = '' }) =>
      async (args) => {
        if (isClaimed && /Update|Transact/.test(commandName)) throw new Error('the ledger is away');
        isClaimed ||= /Put|Transact/.test(commandName);
        return await next(args);
      },
    { step: 'initialize', name: 'outage' },
  );
  try {
    return await worker.deliver(given);
  } finally {
    middlewareStack.remove('outage');
  }
}

const suffixed = (key: string, { fileId }: RecoveryRecord) => key.replace(/(\.\w+)$/, `-${fileId}$1`);

describe('the key of a file', () => {
  it('stays when the file comes back alone after an attempt beside a namesake', async () => {
    const given = message(['a/frame_0000.png', 'b/frame_0000.png']);
    await untilPutOnly(given);
    const before = await objects();
    worker.advance(HOUR);

    for (const file of given.files) await worker.deliver({ ...given, files: [file], origin: 'redrive' });

    expect(before.size).toBe(2);
    expect(await objects()).toEqual(before);
    await expectOwnObjects(2);
  });

  it('stays when a file that came alone comes back beside a namesake', async () => {
    const given = message(['a/frame_0000.png', 'b/frame_0000.png']);
    await untilPutOnly({ ...given, files: given.files.slice(0, 1) });
    worker.advance(16 * MINUTE);

    await worker.deliver(given);

    await expectOwnObjects(2);
    const key = `zencoder-recovery/${lastJob}/1/thumbnail/frame_0000.png`;
    expect(await recoveryOf('a/frame_0000.png')).toMatchObject({ key });
  });

  it('stays when the template changes between two attempts', async () => {
    const first = await untilPutOnly(message(['web.mp4']));
    worker.use({ keyTemplate: parseKeyTemplate('new/{job_id}/{filename}') });
    worker.advance(16 * MINUTE);

    await worker.redeliver(first);

    expect((await recoveryOf('web.mp4')).key).toBe(`zencoder-recovery/${lastJob}/1/media/web.mp4`);
    await expectOwnObjects(1);
  });

  it('gets no file id because a message names the file twice', async () => {
    const given = message(['web.mp4', 'web.mp4']);

    await worker.deliver(given);

    expect([...(await objects()).keys()]).toEqual([`zencoder-recovery/${lastJob}/1/media/web.mp4`]);
  });
});

describe('a key that holds the object of another file', () => {
  it('of a set in another message: the later one gets its file id', async () => {
    const both = message(['a/frame_0000.png', 'b/frame_0000.png']);
    const { job, output, files, failedAt } = both;
    const split = outputMessages(job, { output, failures: [], files, failedAt }, 'notification', 480);

    for (const each of split) await worker.deliver(each);

    expect(split).toHaveLength(2);
    await expectOwnObjects(2);
    const later = await recoveryOf('b/frame_0000.png');
    expect(later).toMatchObject({
      key: `zencoder-recovery/${lastJob}/1/thumbnail/frame_0000-${later.fileId}.png`,
      attempts: 1,
    });
  });

  it('of another output, under a template without ids: the later one gets its file id', async () => {
    worker.use({ keyTemplate: parseKeyTemplate(`${lastJob}/{pass_through}/{filename}`) });

    await worker.deliver(message(['one/frame_0000.png'], '1'));
    await worker.deliver(message(['two/frame_0000.png'], '2'));

    await expectOwnObjects(2);
  });

  it('of an earlier run of the same job, for 160 frames: each later one gets its file id', async () => {
    const frames = (run: string) =>
      Array.from({ length: 160 }, (_, index) => `${run}/frame_${String(index).padStart(4, '0')}.png`);

    await worker.deliver(message(frames('first')));
    await worker.deliver(message(frames('second')));

    const records = await recoveries();
    expect(records.filter(({ state }) => state === 'recovered')).toHaveLength(320);
    expect(new Set(records.map(({ key }) => key)).size).toBe(320);
  });

  it('when it is large: nothing of it is copied for nothing', async () => {
    source.setFile({ size: LARGE, etag: '"made-up"' });
    await worker.deliver(message(['first/web.mp4']));
    const sent = source.bytesSent();

    await worker.deliver(message(['second/web.mp4']));

    await expectOwnObjects(2);
    // Beside the file itself, no more than the first range that tells its size.
    expect(source.bytesSent() - sent).toBeLessThanOrEqual(LARGE + 5 * MiB);
  });

  it('put there while a large file is copied: it is copied again under its second key', async () => {
    source.setFile({ size: LARGE, etag: '"made-up"' });
    const Key = `zencoder-recovery/${lastJob}/1/media/web.mp4`;
    let isTaken = false;
    worker.s3.setFaults(async ({ operation }) => {
      if (operation !== 'CompleteMultipartUpload' || isTaken) return undefined;
      isTaken = true;
      await putAsAnotherFile(Key);
      return undefined;
    });

    await worker.deliver(message(['web.mp4']));

    const record = await recoveryOf('web.mp4');
    expect(record).toMatchObject({ state: 'recovered', key: suffixed(Key, record), attempts: 1 });
    expect(await openUploads()).toBe(0);
  });

  it('put there while segments are copied: the file is planned anew under its second key', async () => {
    source.setFile({ size: LARGE, etag: '"made-up"' });
    worker.use({ engine: engineOf({ segmentBytes: 6 * MiB }) });
    const Key = `zencoder-recovery/${lastJob}/1/media/web.mp4`;
    await worker.deliver(message(['web.mp4']));
    await putAsAnotherFile(Key);

    let last: Delivered | undefined;
    while ((await worker.depth()).visible > 0) last = await worker.next();
    if (last === undefined || last.isDone) throw new Error('expected the message of the new plan');
    worker.advance(60_000);
    await worker.redeliver(last);
    while ((await worker.depth()).visible > 0) await worker.next();

    const record = await recoveryOf('web.mp4');
    expect(record).toMatchObject({ state: 'recovered', key: suffixed(Key, record), size: LARGE });
    expect(await openUploads()).toBe(0);
  });

  it('for which two files race: both end in the bucket', async () => {
    worker.use({ keyTemplate: parseKeyTemplate(`${lastJob}/{filename}`) });
    for (const size of [SMALL, LARGE]) {
      lastJob += 1;
      source.setFile({ size, etag: '"made-up"' });
      const names = ['one', 'two'].map((folder) => `${folder}/${size}.mp4`);

      const delivered = await Promise.all(
        names.map((name, index) => worker.deliver(message([name], String(index)))),
      );
      for (const each of delivered) if (!each.isDone) await worker.redeliver(each);

      await expectOwnObjects(2);
    }
  });

  it('stays remembered: an attempt that died after its put finds the object under the second key', async () => {
    await worker.deliver(message(['a/frame_0000.png']));
    const given = message(['b/frame_0000.png']);
    const { middlewareStack } = worker.ledger.client;
    let changes = 0;
    middlewareStack.add(
      (next, { commandName = '' }) =>
        async (args) => {
          // The first update stores the second key; the one that would settle is never made.
          if (/Update/.test(commandName) && ++changes > 1) throw new Error('the ledger is away');
          return await next(args);
        },
      { step: 'initialize', name: 'outage' },
    );
    const first = await worker.deliver(given);
    middlewareStack.remove('outage');
    worker.advance(16 * MINUTE);

    await worker.redeliver(first);

    await expectOwnObjects(2);
  });

  it('and whose second one holds something else is a conflict', async () => {
    await worker.deliver(message(['a/frame_0000.png']));
    const given = message(['b/frame_0000.png']);
    const fileId = fileIdOf(given.files[0]?.url ?? '');
    const Key = `zencoder-recovery/${lastJob}/1/thumbnail/frame_0000-${fileId}.png`;
    await worker.client.send(new PutObjectCommand({ Bucket: BUCKET, Key, Body: 'theirs' }));

    await worker.deliver(given);

    expect(await recoveryOf('b/frame_0000.png')).toMatchObject({
      state: 'failed',
      key: Key,
      lastError: { errorClass: 'DestinationConflict', category: 'conflict' },
    });
  });

  it('is found by a redrive: what failed for an object of the customer gets its second key', async () => {
    const { standIn } = worker;
    worker.use({ storage: parseStorageAllowList(standIn.allowed), api: standIn.api('full') });
    const { jobId, outputIds, messages } = await worker.failedJob();
    const [given] = messages;
    if (given === undefined) throw new Error('expected a message');
    const Key = `zencoder-recovery/${jobId}/${outputIds[0]}/media/${given.files[0]?.filename}`;
    await worker.client.send(new PutObjectCommand({ Bucket: BUCKET, Key, Body: 'theirs' }));
    await worker.deliver(given);
    const [failed] = (await worker.job(jobId)).recoveries;
    expect(failed).toMatchObject({ state: 'failed', key: Key });
    await worker.client.send(new DeleteObjectCommand({ Bucket: BUCKET, Key }));
    await putAsAnotherFile(Key);

    await worker.deliver({ type: 'redrive', version: 1, jobId, outputId: outputIds[0] ?? '' });
    await worker.next();

    const [record] = (await worker.job(jobId)).recoveries;
    expect(record).toMatchObject({ state: 'recovered', key: failed && suffixed(Key, failed) });
  });
});

async function putAsAnotherFile(Key: string): Promise<void> {
  await worker.client.send(
    new PutObjectCommand({
      ...{ Bucket: BUCKET, Key, Body: 'of another file' },
      Metadata: {
        ...{ 'zencoder-job': '1', 'zencoder-output': '2', 'zencoder-role': 'media' },
        'zencoder-file': '0123456789abcdef',
      },
    }),
  );
}

async function openUploads(): Promise<number> {
  const { Uploads = [] } = await worker.client.send(new ListMultipartUploadsCommand({ Bucket: BUCKET }));
  return Uploads.length;
}
