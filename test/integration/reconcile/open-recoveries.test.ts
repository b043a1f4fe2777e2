import { DeleteMessageCommand } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { accessDenied } from '../../../infra/local/aws/s3/faults.ts';
import { reconcileOpen, stalledAfterMs } from '../../../lambda/reconcile/open-recoveries.ts';
import {
  encodeMessage,
  type OutputMessage,
  type RecoveryMessage,
} from '../../../lambda/shared/queue/messages.ts';
import { sendMessages } from '../../../lambda/shared/queue/send.ts';
import { ApiRateLimited } from '../../../lambda/shared/zencoder/api-errors.ts';
import { type Delivered, startWorker, type TestWorker } from '../../support/worker.ts';
import { WITH_THUMBNAILS } from '../../support/zencoder-stand-in.ts';

const MINUTE = 60_000;

let worker: TestWorker;
let sent: RecoveryMessage[];
beforeAll(async () => {
  worker = await startWorker();
});
afterAll(() => worker?.close());
beforeEach(() => {
  sent = [];
  // The rate limit counts anew.
  worker.advance(2 * MINUTE);
  worker.use({ api: worker.standIn.api('full') });
});

async function run() {
  const { ledger, meter, logger, events } = worker.tools();
  return await reconcileOpen({
    ...{ ledger, meter, logger, events, now: worker.now, atRiskMs: 0, stalledAfterMs: stalledAfterMs(990) },
    api: worker.standIn.api('full'),
    backlog: () => Promise.resolve(0),
    send: async (messages) => {
      sent.push(...messages);
      await sendMessages(worker.messaging.sqs, worker.queueUrl, messages.map(encodeMessage));
    },
  });
}

/** An attempt that the bucket refuses. */
async function refused(message: OutputMessage): Promise<Delivered> {
  worker.s3.setFaults(() => accessDenied('s3:PutObject', 'arn:aws:s3:::acme'));
  const delivered = await worker.deliver(message);
  worker.s3.setFaults(undefined);
  return delivered;
}

async function drop({ message: { ReceiptHandle } }: Delivered): Promise<void> {
  await worker.messaging.sqs.send(new DeleteMessageCommand({ QueueUrl: worker.queueUrl, ReceiptHandle }));
}

async function jobWithThumbnails() {
  const { jobId, messages } = await worker.failedJob(WITH_THUMBNAILS);
  const [output] = messages;
  if (output === undefined) throw new Error('expected a message');
  const only = (role: string) => ({ ...output, files: output.files.filter((file) => file.role === role) });
  const recoveries = async (role: string) =>
    (await worker.job(jobId)).recoveries.filter((record) => record.role === role);
  return { jobId, output, only, recoveries };
}

describe('a recovery whose message is gone', () => {
  it('is queued again by itself when other files of its output have a message', async () => {
    const { jobId, only, recoveries } = await jobWithThumbnails();
    await drop(await refused(only('media')));
    worker.advance(40 * MINUTE);
    const waiting = await refused(only('thumbnail'));
    const thumbnails = await recoveries('thumbnail');
    const [media] = await recoveries('media');

    expect(await run()).toMatchObject({ open: 3, stalled: 1, requeued: 1 });

    const { role, fileId } = media ?? {};
    expect(sent).toMatchObject([{ type: 'redrive', jobId, role, fileId, origin: 'reconcile' }]);
    while ((await worker.depth()).visible > 0) await worker.next();
    expect(await recoveries('media')).toMatchObject([{ state: 'recovered' }]);
    expect(await recoveries('thumbnail')).toEqual(thumbnails);
    worker.advance(15 * MINUTE);
    await worker.redeliver(waiting);
  });

  it('is queued again with its whole output when nothing else of that has a message', async () => {
    const { jobId, output, recoveries } = await jobWithThumbnails();
    await drop(await refused(output));
    worker.advance(40 * MINUTE);

    expect(await run()).toMatchObject({ open: 3, stalled: 3, requeued: 1 });

    expect(sent).toHaveLength(1);
    expect(sent).toMatchObject([{ type: 'redrive', jobId }]);
    expect(sent[0]).not.toHaveProperty('fileId');
    while ((await worker.depth()).visible > 0) await worker.next();
    expect(await recoveries('thumbnail')).toMatchObject([{ state: 'recovered' }, { state: 'recovered' }]);
  });

  it('is not queued again while the redrive of before waits for the rate limit of the API', async () => {
    const { output, recoveries } = await jobWithThumbnails();
    await drop(await refused(output));
    worker.advance(40 * MINUTE);
    await run();
    const api = worker.standIn.api('full');
    const getOutput = () => Promise.reject(new ApiRateLimited(10 * MINUTE));
    worker.use({ api: { ...api, getOutput } });
    let waiting = await worker.next();
    for (const _ of Array.from({ length: 4 })) {
      expect(waiting.isDone).toBe(false);
      worker.advance(15 * MINUTE);
      await run();
      waiting = await worker.redeliver(waiting);
    }
    expect(sent).toHaveLength(1);

    worker.use({ api });
    await worker.redeliver(waiting);
    await worker.next();
    expect(await recoveries('media')).toMatchObject([{ state: 'recovered' }]);
  });
});
