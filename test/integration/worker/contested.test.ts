import { beforeAll, describe, expect, it } from 'vitest';
import type { FaultRequest } from '../../../infra/local/aws/s3/faults.ts';
import type { OutputMessage } from '../../../lambda/shared/queue/messages.ts';
import { DAY_MS, MINUTE_MS } from '../../../lambda/shared/runtime/durations.ts';
import { MiB } from '../../../lambda/worker/copy/plan.ts';
import type { Delivered } from '../../support/worker.ts';
import {
  messageOf,
  openUploads,
  recoveryOf,
  serveSource,
  useEngine,
  useWorker,
  worker,
} from '../../support/worker-fixture.ts';

const CONFLICT = { status: 409, code: 'ConditionalRequestConflict' };

useWorker();
beforeAll(() => serveSource({ file: { size: 12 * MiB, etag: '"made-up"' } }));

/** Refuses completions while `isContested` returns true, and records their uploads. */
function contest(isContested: (completions: readonly string[]) => boolean): string[] {
  const completions: string[] = [];
  worker.s3.setFaults(({ operation, uploadId = '' }: FaultRequest) => {
    if (operation !== 'CompleteMultipartUpload') return undefined;
    completions.push(uploadId);
    return isContested(completions) ? CONFLICT : undefined;
  });
  return completions;
}

function messageIn(segmentBytes: number): OutputMessage {
  useEngine({ segmentBytes });
  return messageOf(['web.mp4']);
}

const stateOf = async (message: OutputMessage) => (await recoveryOf(message))?.state;

/** Delivers the visible messages, or redelivers the last, until the recovery is settled. */
async function deliverUntilSettled(message: OutputMessage, maxDeliveries: number): Promise<number> {
  let last: Delivered = await worker.deliver(message);
  for (let deliveries = 1; deliveries < maxDeliveries; deliveries++) {
    const state = await stateOf(message);
    if (state === 'recovered' || state === 'lost' || state === 'failed') return deliveries;
    worker.advance(MINUTE_MS);
    last = (await worker.depth()).visible > 0 ? await worker.next() : await worker.redeliver(last);
  }
  throw new Error('the recovery is not settled');
}

/** With 409 S3 asks for another upload, although the key is free. */
describe('a completion that S3 refuses with 409', () => {
  it.each([
    ['one segment', 1024 * MiB],
    ['several segments', 5 * MiB],
  ])(
    'starts a new upload of a file of %s after three refusals, and leaves no upload open',
    async (_, segmentBytes) => {
      const message = messageIn(segmentBytes);
      const completions = contest((made) => new Set(made).size === 1);

      await deliverUntilSettled(message, 30);

      const [first, last] = [completions[0], completions.at(-1)];
      expect(completions.filter((upload) => upload === first)).toHaveLength(3);
      expect(last).not.toBe(first);
      expect(await stateOf(message)).toBe('recovered');
      expect(await openUploads()).toEqual([]);
    },
  );

  it('allows every new upload three tries', async () => {
    const message = messageIn(1024 * MiB);
    const completions = contest((made) => new Set(made).size < 3);

    await deliverUntilSettled(message, 30);

    const tries = [...new Set(completions)].map(
      (upload) => completions.filter((made) => made === upload).length,
    );
    expect(tries).toEqual([3, 3, 1]);
  });

  it('keeps an upload that has every byte after the deadline of the source', async () => {
    const message = messageIn(1024 * MiB);
    const completions = contest((made) => made.length < 6);
    const first = await worker.deliver(message);
    worker.advance(DAY_MS);

    let last = first;
    for (let deliveries = 1; deliveries < 10 && !last.isDone; deliveries++)
      last = await worker.redeliver(last);

    expect(new Set(completions).size).toBe(1);
    expect(await stateOf(message)).toBe('recovered');
  });
});
