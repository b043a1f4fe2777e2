import { beforeAll, expect } from 'vitest';
import type { RecoveryRecord } from '../../../lambda/shared/ledger/records.ts';
import type { OutputMessage } from '../../../lambda/shared/queue/messages.ts';
import { MINUTE_MS } from '../../../lambda/shared/runtime/durations.ts';
import { MiB } from '../../../lambda/worker/copy/plan.ts';
import type { Delivered } from '../../support/worker.ts';
import {
  messageOf,
  recoveryOf,
  serveSource,
  useEngine,
  useWorker,
  worker,
} from '../../support/worker-fixture.ts';

/** What the source does at present. */
export const faults = {
  /** Refuses the URL. */
  isRefused: false,
  /** Serves another file at each request. */
  isChanging: false,
};

/** Runs a worker that copies a file of 18 MiB in segments. */
export function useSegments(): void {
  useWorker();
  beforeAll(async () => {
    await serveSource({
      file: { size: 18 * MiB, etag: '"made-up"' },
      fault: ({ headers }) => {
        if (faults.isRefused) return { status: 403, body: '<Code>AccessDenied</Code>' };
        return faults.isChanging && headers['if-match'] !== undefined ? { status: 412 } : undefined;
      },
    });
    useSegmentCount(2);
  });
}

function useSegmentCount(segments: number): void {
  useEngine({ segmentBytes: (20 / segments) * MiB });
}

/** Delivers a message about a file, which is planned, and whose segments are dispatched. */
export async function dispatch(segments = 2): Promise<{
  given: OutputMessage;
  upload: NonNullable<RecoveryRecord['upload']>;
}> {
  const given = messageOf(['big.mov']);
  useSegmentCount(segments);
  expect(await worker.deliver(given)).toMatchObject({ isDone: true });
  const upload = (await recoveryOf(given))?.upload;
  if (upload?.segments !== segments) throw new Error(`expected a plan of ${segments} segments`);
  return { given, upload };
}

/** Handles the visible messages, and hidden ones once they are due, until the recovery is settled. */
export async function untilSettled(
  given: OutputMessage,
  hidden: Delivered[],
): Promise<RecoveryRecord | undefined> {
  for (let delivery = 0; delivery < 20; delivery++) {
    const record = await recoveryOf(given);
    if (record?.settledAt !== undefined) return record;
    const isVisible = (await worker.depth()).visible > 0;
    const next = isVisible ? undefined : hidden.shift();
    if (!isVisible && next === undefined) throw new Error('an open recovery has no message');
    if (next !== undefined) worker.advance(16 * MINUTE_MS);
    const delivered = next === undefined ? await worker.next() : await worker.redeliver(next);
    if (!delivered.isDone) hidden.push(delivered);
  }
  throw new Error('the recovery was not settled');
}
