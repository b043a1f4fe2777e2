import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { describe, expect, it } from 'vitest';
import type { RecoveryRecord } from '../../../lambda/shared/ledger/records.ts';
import { outputMessages } from '../../../lambda/shared/queue/messages.ts';
import { MINUTE_MS } from '../../../lambda/shared/runtime/durations.ts';
import { fileIdOf } from '../../../lambda/shared/zencoder/signed-url.ts';
import { parseStorageAllowList } from '../../../lambda/shared/zencoder/storage.ts';
import { MiB } from '../../../lambda/worker/copy/plan.ts';
import { parseKeyTemplate } from '../../../lambda/worker/key-template.ts';
import { BUCKET, type Delivered } from '../../support/worker.ts';
import {
  deliverInOutage,
  failOutput,
  openUploads,
  source,
  useEngine,
  worker,
} from '../../support/worker-fixture.ts';
import {
  expectOwnObjects,
  jobId,
  message,
  recoveries,
  recoveryAt,
  SMALL,
  startJob,
  useObjectKeys,
} from './object-keys-fixture.ts';

const LARGE = 12 * MiB;

useObjectKeys();

/** The second key of a file: its file id is inserted before the extension. */
const suffixed = (key: string, { fileId }: RecoveryRecord) => key.replace(/(\.\w+)$/, `-${fileId}$1`);

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

describe('a key that holds the object of another file', () => {
  it('is extended by the file id when that file is of a set in another message', async () => {
    const both = message(['a/frame_0000.png', 'b/frame_0000.png']);
    const { job, output, files, failedAt } = both;
    const split = outputMessages(job, { output, failures: [], files, failedAt }, 'notification', 480);

    for (const each of split) await worker.deliver(each);

    expect(split).toHaveLength(2);
    await expectOwnObjects(2);
    const later = await recoveryAt('b/frame_0000.png');
    expect(later).toMatchObject({
      key: `zencoder-recovery/${jobId}/1/thumbnail/frame_0000-${later.fileId}.png`,
      attempts: 1,
    });
  });

  it('is extended by the file id when that file is of another output, with a template without ids', async () => {
    worker.use({ keyTemplate: parseKeyTemplate(`${jobId}/{pass_through}/{filename}`) });

    await worker.deliver(message(['one/frame_0000.png'], '1'));
    await worker.deliver(message(['two/frame_0000.png'], '2'));

    await expectOwnObjects(2);
  });

  it('is extended by the file id for each of 160 frames of an earlier run of the job', async () => {
    const frames = (run: string) =>
      Array.from({ length: 160 }, (_, index) => `${run}/frame_${String(index).padStart(4, '0')}.png`);

    await worker.deliver(message(frames('first')));
    await worker.deliver(message(frames('second')));

    const records = await recoveries();
    expect(records.filter(({ state }) => state === 'recovered')).toHaveLength(320);
    expect(new Set(records.map(({ key }) => key)).size).toBe(320);
  });

  it('costs no second copy of a large file', async () => {
    source.setFile({ size: LARGE, etag: '"made-up"' });
    await worker.deliver(message(['first/web.mp4']));
    const sent = source.bytesSent();

    await worker.deliver(message(['second/web.mp4']));

    await expectOwnObjects(2);
    // Beside the file itself, at most the first range, which reveals its size.
    expect(source.bytesSent() - sent).toBeLessThanOrEqual(LARGE + 5 * MiB);
  });

  it('is extended by the file id for a second copy when that object is put during the copy of a large file', async () => {
    source.setFile({ size: LARGE, etag: '"made-up"' });
    const Key = `zencoder-recovery/${jobId}/1/media/web.mp4`;
    let isPut = false;
    worker.s3.setFaults(async ({ operation }) => {
      if (operation !== 'CompleteMultipartUpload' || isPut) return undefined;
      isPut = true;
      await putAsAnotherFile(Key);
      return undefined;
    });

    await worker.deliver(message(['web.mp4']));

    const record = await recoveryAt('web.mp4');
    expect(record).toMatchObject({ state: 'recovered', key: suffixed(Key, record), attempts: 1 });
    expect(await openUploads()).toEqual([]);
  });

  it('is extended by the file id in a new plan when that object is put during the copy of segments', async () => {
    source.setFile({ size: LARGE, etag: '"made-up"' });
    useEngine({ segmentBytes: 6 * MiB });
    const Key = `zencoder-recovery/${jobId}/1/media/web.mp4`;
    await worker.deliver(message(['web.mp4']));
    await putAsAnotherFile(Key);

    let last: Delivered | undefined;
    while ((await worker.depth()).visible > 0) last = await worker.next();
    if (last === undefined || last.isDone) throw new Error('expected the message of the new plan');
    worker.advance(MINUTE_MS);
    await worker.redeliver(last);
    while ((await worker.depth()).visible > 0) await worker.next();

    const record = await recoveryAt('web.mp4');
    expect(record).toMatchObject({ state: 'recovered', key: suffixed(Key, record), size: LARGE });
    expect(await openUploads()).toEqual([]);
  });

  it('lets both files be recovered when they race for it', async () => {
    worker.use({ keyTemplate: parseKeyTemplate(`${jobId}/{filename}`) });
    for (const size of [SMALL, LARGE]) {
      startJob();
      source.setFile({ size, etag: '"made-up"' });
      const names = ['one', 'two'].map((folder) => `${folder}/${size}.mp4`);

      const delivered = await Promise.all(
        names.map((name, index) => worker.deliver(message([name], String(index)))),
      );
      for (const each of delivered) if (!each.isDone) await worker.redeliver(each);

      await expectOwnObjects(2);
    }
  });

  it('is stored, so that after an attempt that died after its put the object is found under the second key', async () => {
    await worker.deliver(message(['a/frame_0000.png']));
    const given = message(['b/frame_0000.png']);
    let updates = 0;
    // The first update stores the second key; the one that would settle fails.
    const first = await deliverInOutage(given, (commandName) => /Update/.test(commandName) && ++updates > 1);
    worker.advance(16 * MINUTE_MS);

    await worker.redeliver(first);

    await expectOwnObjects(2);
  });

  it('is a conflict when the second key holds another object, too', async () => {
    await worker.deliver(message(['a/frame_0000.png']));
    const given = message(['b/frame_0000.png']);
    const fileId = fileIdOf(given.files[0]?.url ?? '');
    const Key = `zencoder-recovery/${jobId}/1/thumbnail/frame_0000-${fileId}.png`;
    await worker.client.send(new PutObjectCommand({ Bucket: BUCKET, Key, Body: 'theirs' }));

    await worker.deliver(given);

    expect(await recoveryAt('b/frame_0000.png')).toMatchObject({
      state: 'failed',
      key: Key,
      lastError: { errorClass: 'DestinationConflict', category: 'conflict' },
    });
  });

  it('is extended by the file id in a redrive of a recovery that failed on an object of the customer', async () => {
    const { standIn } = worker;
    worker.use({ storage: parseStorageAllowList(standIn.allowed), api: standIn.api('full') });
    const { jobId, outputId, message: given, recoveries } = await failOutput();
    const Key = `zencoder-recovery/${jobId}/${outputId}/media/${given.files[0]?.filename}`;
    await worker.client.send(new PutObjectCommand({ Bucket: BUCKET, Key, Body: 'theirs' }));
    await worker.deliver(given);
    const [failed] = await recoveries();
    expect(failed).toMatchObject({ state: 'failed', key: Key });
    await worker.client.send(new DeleteObjectCommand({ Bucket: BUCKET, Key }));
    await putAsAnotherFile(Key);

    await worker.deliver({ type: 'redrive', version: 1, jobId, outputId });
    await worker.next();

    const [record] = await recoveries();
    expect(record).toMatchObject({ state: 'recovered', key: failed && suffixed(Key, failed) });
  });
});
