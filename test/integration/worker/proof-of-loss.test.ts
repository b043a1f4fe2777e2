import { CreateMultipartUploadCommand } from '@aws-sdk/client-s3';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { accessDenied, slowDown } from '../../../infra/local/aws/s3/faults.ts';
import { HOUR_MS, MINUTE_MS } from '../../../lambda/shared/runtime/durations.ts';
import { MiB } from '../../../lambda/worker/copy/plan.ts';
import { redriveOf } from '../../support/messages.ts';
import { BUCKET } from '../../support/worker.ts';
import {
  deliverAndDie,
  messageOf,
  openUploads,
  recoveryOf,
  serveSource,
  source,
  useWorker,
  worker,
} from '../../support/worker-fixture.ts';

const FILE = { size: 1000, etag: '"made-up"' };

useWorker();
beforeAll(() => serveSource({ file: FILE }));
afterEach(() => source.setFile(FILE));

describe('a recovery at its deadline', () => {
  it('is recovered when the bucket holds the object that a killed worker put there', async () => {
    const given = messageOf(['a.mp4']);
    await deliverAndDie(given);
    worker.advance(25 * HOUR_MS);

    await worker.deliver(redriveOf(given));

    expect(await recoveryOf(given)).toMatchObject({ state: 'recovered', size: 1000 });
  });

  it('is recovered when the response to its put was lost', async () => {
    const given = messageOf(['a.mp4']);
    const deadline = worker.now() + 5000;
    let puts = 0;
    worker.s3.setFaults(({ operation }) => {
      if (operation !== 'PutObject') return undefined;
      puts += 1;
      if (puts === 1) return 'lost-response';
      worker.advance(3000);
      return slowDown();
    });

    await worker.deliver({ ...given, files: given.files.map((file) => ({ ...file, deadline })) });

    expect(await recoveryOf(given)).toMatchObject({ state: 'recovered' });
  });

  it('stays pending while the bucket denies reading, as long as the queue delivers the message', async () => {
    const given = messageOf(['a.mp4']);
    worker.s3.setFaults(() => accessDenied('s3:GetObject', 'arn:aws:s3:::acme'));
    let delivered = await worker.deliver(given);
    worker.advance(25 * HOUR_MS);
    delivered = await worker.redeliver(delivered);
    expect(await recoveryOf(given)).toMatchObject({
      state: 'pending',
      lastError: { errorClass: 'DeadlinePassed' },
    });

    worker.advance(16 * HOUR_MS);
    expect(await worker.redeliver(delivered)).toMatchObject({ isDone: true });

    expect(await recoveryOf(given)).toMatchObject({
      state: 'lost',
      lastError: { errorClass: 'DeadlinePassed' },
    });
  });
});

describe('a recovery that is settled as lost during its put', () => {
  it('is opened again by the worker of the put, and recovered', async () => {
    const given = messageOf(['a.mp4']);
    await worker.send(given);
    const message = await worker.receive();
    const { ledger } = worker;
    const { engine } = worker.dependencies();
    const start: typeof engine.start = async (job) => {
      const started = await engine.start(job);
      // The clock of another worker is ahead: for it this lease and the deadline have expired.
      const [record] = await ledger.queries.readRecoveriesOf({ jobId: given.job.id, outputId: '1' });
      if (record === undefined) throw new Error('expected a recovery');
      const lease = { owner: 'another', until: worker.now() + 40 * HOUR_MS };
      const [claim] = await ledger.at(worker.now() + 25 * HOUR_MS).recoveries.claimExisting([record], lease);
      if (claim?.outcome !== 'claimed') throw new Error('expected a claim');
      const error = {
        at: worker.now(),
        errorClass: 'DeadlinePassed',
        message: 'too late',
        category: 'lost',
      } as const;
      await ledger.recoveries.settle([{ record: claim.record, settlement: { state: 'lost', error } }]);
      return started;
    };

    const kept = await worker.handle(message, { engine: { ...engine, start } });
    expect(kept.isDone).toBe(false);
    await worker.next();

    expect(await recoveryOf(given)).toMatchObject({ state: 'recovered' });
    expect((await worker.keys()).filter((key) => key.includes(given.job.id))).toHaveLength(1);
  });
});

describe('a multipart upload under the key of a recovery', () => {
  it('is kept by a further attempt when the customer created it', async () => {
    source.setFile({ size: 9 * MiB, etag: '"made-up"' });
    const given = messageOf(['a.mp4']);
    worker.s3.setFaults(({ operation }) =>
      operation === 'CreateMultipartUpload' ? accessDenied('s3:PutObject', 'arn:aws:s3:::acme') : undefined,
    );
    const first = await worker.deliver(given);
    worker.s3.setFaults(undefined);
    const Key = `zencoder-recovery/${given.job.id}/1/media/a.mp4`;
    const own = await worker.client.send(new CreateMultipartUploadCommand({ Bucket: BUCKET, Key }));
    worker.advance(15 * MINUTE_MS);

    await worker.redeliver(first);

    expect(await recoveryOf(given)).toMatchObject({ state: 'recovered' });
    expect(await openUploads()).toEqual([own.UploadId]);
  });

  it('is kept while the recovery that created it is open, and aborted when the file is lost', async () => {
    source.setFile({ size: 9 * MiB, etag: '"made-up"' });
    const given = messageOf(['a.mp4']);
    worker.s3.setFaults(({ operation }) =>
      operation === 'UploadPart' ? accessDenied('s3:PutObject', 'arn:aws:s3:::acme') : undefined,
    );
    const first = await worker.deliver(given);
    expect(await recoveryOf(given)).toMatchObject({ state: 'pending' });
    expect(await openUploads(given)).toHaveLength(1);
    worker.advance(25 * HOUR_MS);

    await worker.redeliver(first);

    expect(await recoveryOf(given)).toMatchObject({ state: 'lost' });
    expect(await openUploads(given)).toEqual([]);
  });
});
