import { ListMultipartUploadsCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { FaultRequest } from '../../../infra/local/aws/s3/faults.ts';
import type { OutputMessage } from '../../../lambda/shared/queue/messages.ts';
import { parseStorageAllowList } from '../../../lambda/shared/zencoder/storage.ts';
import { createCopyEngine } from '../../../lambda/worker/copy/engine.ts';
import { IMPATIENT } from '../../support/copying.ts';
import { type SourceServer, startSource } from '../../support/source-server.ts';
import { BUCKET, type Delivered, startWorker, type TestWorker } from '../../support/worker.ts';

/** Completions that S3 refuses with 409 although the key is free: it asks for another upload. */

const MiB = 2 ** 20;
const SIZE = 12 * MiB;
const DAY_MS = 86_400_000;
const CONFLICT = { status: 409, code: 'ConditionalRequestConflict' };

let worker: TestWorker;
let source: SourceServer;
let lastJob = 810_000;

beforeAll(async () => {
  worker = await startWorker();
  source = await startSource({ file: { size: SIZE, etag: '"made-up"' } });
});
afterAll(async () => {
  await source?.close();
  await worker?.close();
});

/** Refuses completions as long as this says so, and remembers which uploads they were of. */
function contest(isContested: (completions: readonly string[]) => boolean): string[] {
  const completions: string[] = [];
  worker.s3.setFaults(({ operation, uploadId = '' }: FaultRequest) => {
    if (operation !== 'CompleteMultipartUpload') return undefined;
    completions.push(uploadId);
    return isContested(completions) ? CONFLICT : undefined;
  });
  return completions;
}

function messageFor(segmentBytes: number): OutputMessage {
  lastJob += 1;
  worker.use({
    storage: parseStorageAllowList(source.origin),
    api: null,
    engine: createCopyEngine({
      ...{ client: worker.client, bucket: BUCKET, bufferBytes: 32 * MiB, partBytes: 5 * MiB },
      ...{ segmentBytes, ...IMPATIENT, clock: worker.now },
    }),
  });
  return {
    type: 'output',
    version: 1,
    origin: 'notification',
    job: { id: String(lastJob), passThrough: null, test: false },
    output: { id: '1', label: null, type: 'standard' },
    failures: [],
    files: [
      {
        role: 'media',
        url: `${source.origin}/o/${lastJob}/web.mp4?Signature=c2VjcmV0`,
        deadline: worker.now() + DAY_MS,
        filename: 'web.mp4',
        size: null,
        md5: null,
        thumbnailLabel: null,
      },
    ],
    failedAt: worker.now(),
  };
}

async function stateOf({ job }: OutputMessage) {
  const { recoveries } = await worker.job(job.id);
  return recoveries[0]?.state;
}

/** Delivers whatever the queue has, or what came back, until the recovery is settled. */
async function deliverUntilSettled(message: OutputMessage, most: number): Promise<number> {
  let last: Delivered = await worker.deliver(message);
  for (let deliveries = 1; deliveries < most; deliveries++) {
    const state = await stateOf(message);
    if (state === 'recovered' || state === 'lost' || state === 'failed') return deliveries;
    worker.advance(60_000);
    last = (await worker.depth()).visible > 0 ? await worker.next() : await worker.redeliver(last);
  }
  throw new Error('the recovery is not settled');
}

it.each([
  ['one segment', 1024 * MiB],
  ['several segments', 5 * MiB],
])('plans a file of %s anew after three, and leaves no upload behind', async (_, segmentBytes) => {
  const message = messageFor(segmentBytes);
  const completions = contest((made) => new Set(made).size === 1);

  await deliverUntilSettled(message, 30);

  const [first, last] = [completions[0], completions.at(-1)];
  expect(completions.filter((upload) => upload === first)).toHaveLength(3);
  expect(last).not.toBe(first);
  expect(await stateOf(message)).toBe('recovered');
  const open = await worker.client.send(new ListMultipartUploadsCommand({ Bucket: BUCKET }));
  expect(open.Uploads ?? []).toEqual([]);
});

it('gives every new upload three tries of its own', async () => {
  const message = messageFor(1024 * MiB);
  const completions = contest((made) => new Set(made).size < 3);

  await deliverUntilSettled(message, 30);

  const tries = [...new Set(completions)].map(
    (upload) => completions.filter((made) => made === upload).length,
  );
  expect(tries).toEqual([3, 3, 1]);
});

it('keeps an upload that has every byte when the source can no longer be asked', async () => {
  const message = messageFor(1024 * MiB);
  const completions = contest((made) => made.length < 6);
  const first = await worker.deliver(message);
  worker.advance(DAY_MS);

  let last = first;
  for (let deliveries = 1; deliveries < 10 && !last.isDone; deliveries++) last = await worker.redeliver(last);

  expect(new Set(completions).size).toBe(1);
  expect(await stateOf(message)).toBe('recovered');
});
