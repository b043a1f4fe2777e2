import { CreateMultipartUploadCommand, ListMultipartUploadsCommand } from '@aws-sdk/client-s3';
import { PurgeQueueCommand } from '@aws-sdk/client-sqs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { accessDenied, slowDown } from '../../../infra/local/aws/s3/faults.ts';
import type { RecoveryRecord } from '../../../lambda/shared/ledger/records.ts';
import type { OutputMessage } from '../../../lambda/shared/queue/messages.ts';
import { parseStorageAllowList } from '../../../lambda/shared/zencoder/storage.ts';
import { backupMessage } from '../../support/messages.ts';
import { type SourceServer, startSource } from '../../support/source-server.ts';
import { BUCKET, startWorker, type TestWorker } from '../../support/worker.ts';

const MiB = 2 ** 20;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

let worker: TestWorker;
let source: SourceServer;
beforeAll(async () => {
  worker = await startWorker();
  source = await startSource({ file: { size: 1000, etag: '"made-up"' } });
  worker.use({ storage: parseStorageAllowList(source.origin), api: null });
});
afterEach(async () => {
  worker.s3.setFaults(undefined);
  source.setFile({ size: 1000, etag: '"made-up"' });
  await worker.messaging.sqs.send(new PurgeQueueCommand({ QueueUrl: worker.queueUrl }));
});
afterAll(async () => {
  await source?.close();
  await worker?.close();
});

const newMessage = () => backupMessage({ origin: source.origin, names: ['a.mp4'], now: worker.now() });

async function recoveryOf({ job }: OutputMessage): Promise<RecoveryRecord | undefined> {
  return (await worker.job(job.id)).recoveries[0];
}

/** Puts the object and cannot settle it: as good as a worker that was killed. */
async function putAndDie(given: OutputMessage) {
  const { client } = worker.ledger;
  let isClaimed = false;
  client.middlewareStack.add(
    (next, { commandName = '' }) =>
      async (args) => {
        if (isClaimed) throw new Error('the ledger is away');
        isClaimed = /^Put|^Transact/.test(commandName);
        return await next(args);
      },
    { step: 'initialize', name: 'outage' },
  );
  const delivered = await worker.deliver(given);
  client.middlewareStack.remove('outage');
  return delivered;
}

describe('before a recovery is settled as lost', () => {
  it('the bucket is looked into: what a dead worker put there is recovered after the deadline', async () => {
    const given = newMessage();
    await putAndDie(given);
    worker.advance(25 * HOUR);

    const redrive = {
      type: 'redrive',
      version: 1,
      jobId: given.job.id,
      outputId: '1',
      origin: 'reconcile',
    } as const;
    await worker.deliver(redrive);

    expect(await recoveryOf(given)).toMatchObject({ state: 'recovered', size: 1000 });
  });

  it('a put whose answer was lost at the deadline counts as recovered', async () => {
    const given = newMessage();
    const deadline = worker.now() + 5000;
    let puts = 0;
    worker.s3.setFaults(({ operation }) => {
      if (operation !== 'PutObject') return undefined;
      puts += 1;
      if (puts === 1) return 'lost-answer';
      worker.advance(3000);
      return slowDown();
    });

    await worker.deliver({ ...given, files: given.files.map((file) => ({ ...file, deadline })) });

    expect(await recoveryOf(given)).toMatchObject({ state: 'recovered' });
  });

  it('a bucket that does not say is asked again, for as long as the queue delivers the message', async () => {
    const given = newMessage();
    worker.s3.setFaults(() => accessDenied('s3:GetObject', 'arn:aws:s3:::acme'));
    let delivered = await worker.deliver(given);
    worker.advance(25 * HOUR);
    delivered = await worker.redeliver(delivered);
    expect(await recoveryOf(given)).toMatchObject({
      state: 'pending',
      lastError: { errorClass: 'DeadlinePassed' },
    });

    worker.advance(16 * HOUR);
    expect(await worker.redeliver(delivered)).toMatchObject({ isDone: true });

    expect(await recoveryOf(given)).toMatchObject({
      state: 'lost',
      lastError: { errorClass: 'DeadlinePassed' },
    });
  });
});

describe('a file that was settled as lost while a worker was putting it', () => {
  it('is opened again by that worker, and recovered', async () => {
    const given = newMessage();
    await worker.send(given);
    const message = await worker.receive();
    const { ledger } = worker;
    const { engine } = worker.tools();
    const start: typeof engine.start = async (job) => {
      const started = await engine.start(job);
      // The clock of another worker is ahead: to it this lease has run out and the deadline is over.
      const [record] = await ledger.queries.readRecoveriesOf({ jobId: given.job.id, outputId: '1' });
      if (record === undefined) throw new Error('expected a recovery');
      const lease = { owner: 'another', until: worker.now() + 40 * HOUR };
      const [claim] = await ledger.at(worker.now() + 25 * HOUR).recoveries.claimExisting([record], lease);
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

describe('uploads under the key of a recovery', () => {
  it('that the customer began are left alone, by a further attempt and by a loss', async () => {
    source.setFile({ size: 9 * MiB, etag: '"made-up"' });
    const given = newMessage();
    worker.s3.setFaults(({ operation }) =>
      operation === 'CreateMultipartUpload' ? accessDenied('s3:PutObject', 'arn:aws:s3:::acme') : undefined,
    );
    const first = await worker.deliver(given);
    worker.s3.setFaults(undefined);
    const Key = `zencoder-recovery/${given.job.id}/1/media/a.mp4`;
    const own = await worker.client.send(new CreateMultipartUploadCommand({ Bucket: BUCKET, Key }));
    worker.advance(15 * MINUTE);

    await worker.redeliver(first);

    expect(await recoveryOf(given)).toMatchObject({ state: 'recovered' });
    const { Uploads = [] } = await worker.client.send(new ListMultipartUploadsCommand({ Bucket: BUCKET }));
    expect(Uploads.map(({ UploadId }) => UploadId)).toEqual([own.UploadId]);
  });

  it('that the recovery began stays while it is open, and is aborted when the file is lost', async () => {
    source.setFile({ size: 9 * MiB, etag: '"made-up"' });
    const given = newMessage();
    worker.s3.setFaults(({ operation }) =>
      operation === 'UploadPart' ? accessDenied('s3:PutObject', 'arn:aws:s3:::acme') : undefined,
    );
    const uploads = async () => {
      const Prefix = `zencoder-recovery/${given.job.id}/`;
      const list = new ListMultipartUploadsCommand({ Bucket: BUCKET, Prefix });
      return (await worker.client.send(list)).Uploads ?? [];
    };
    const first = await worker.deliver(given);
    expect(await recoveryOf(given)).toMatchObject({ state: 'pending' });
    expect(await uploads()).toHaveLength(1);
    worker.advance(25 * HOUR);

    await worker.redeliver(first);

    expect(await recoveryOf(given)).toMatchObject({ state: 'lost' });
    expect(await uploads()).toEqual([]);
  });
});
