import { describe, expect, it } from 'vitest';
import type { RecoveryRecord } from '../../../lambda/shared/ledger/records.ts';
import type { OutputMessage } from '../../../lambda/shared/queue/messages.ts';
import { HOUR_MS, MINUTE_MS } from '../../../lambda/shared/runtime/durations.ts';
import { MiB } from '../../../lambda/worker/copy/plan.ts';
import { SOON_STALLED } from '../../support/copying.ts';
import type { SourceFault } from '../../support/source-server.ts';
import {
  messageOf,
  recoveryOf,
  redeliverUntilDone,
  serveSource,
  source,
  useEngine,
  useWorker,
  worker,
} from '../../support/worker-fixture.ts';

/** The state of a recovery after one delivery of its message, for each error of the source. */

const SMALL = 1_000;
const LARGE = 12 * MiB;

interface Scenario {
  readonly size?: number;
  readonly fault?: (count: number) => SourceFault | undefined;
  /** Size and MD5 that the notification states. */
  readonly expected?: { readonly size?: number; readonly md5?: string };
}

useWorker();

/** Serves a file with the faults of the scenario. */
async function serve({ size = SMALL, fault, expected = {} }: Scenario): Promise<OutputMessage> {
  await serveSource({ file: { size, etag: '"made-up"' }, fault: ({ count }) => fault?.(count) });
  useEngine(SOON_STALLED);
  return messageOf(['web.mp4'], { signature: 'c2VjcmV0', file: expected });
}

/** The recovery, of which nothing contains the signature. */
async function storedRecordOf(message: OutputMessage): Promise<RecoveryRecord | undefined> {
  const record = await recoveryOf(message);
  expect(JSON.stringify(record)).not.toContain('c2VjcmV0');
  return record;
}

const always = (fault: SourceFault) => () => fault;

describe('the worker, after an error of the source', () => {
  it.each<[string, Scenario, string]>([
    ['connections that are always reset', { fault: always({ cutAfterBytes: 10 }) }, 'SourceUnavailable'],
    ['500 in every response', { fault: always({ status: 500 }) }, 'SourceUnavailable'],
    ['a slow trickle', { fault: always({ trickleBytes: 20 }), size: LARGE }, 'SourceStalled'],
    ['200 in place of 206', { fault: always('whole'), size: LARGE }, 'UnexpectedSourceResponse'],
    [
      'a wrong Content-Range',
      { fault: always({ headers: { 'content-range': 'bytes 5-9/1000' } }) },
      'UnexpectedSourceResponse',
    ],
    ['compression in transit', { fault: always('gzip') }, 'UnexpectedSourceResponse'],
    ['a temporary redirect', { fault: always({ status: 307 }) }, 'SourceRedirected'],
    ['a size other than stated', { expected: { size: 999 } }, 'SizeMismatch'],
    ['an MD5 other than stated', { expected: { md5: '0'.repeat(32) } }, 'Md5Mismatch'],
  ])(
    'keeps the recovery pending after %s, with the error and the time of the next attempt',
    async (_, given, errorClass) => {
      const message = await serve(given);

      const { isDone } = await worker.deliver(message);

      expect(isDone).toBe(false);
      const record = await storedRecordOf(message);
      expect(record).toMatchObject({
        state: 'pending',
        attempts: 1,
        lastError: { errorClass, category: 'transient' },
      });
      expect(record?.nextAttemptAt).toBeGreaterThan(worker.now());
    },
  );

  it.each<[string, SourceFault, string]>([
    [
      '403 with an expiry text',
      { status: 403, body: '<Code>AccessDenied</Code><Message>Request has expired</Message>' },
      'SourceOutOfReach',
    ],
    ['403 without one', { status: 403 }, 'SourceOutOfReach'],
    ['400', { status: 400, body: '<Error><Code>InvalidURI</Code></Error>' }, 'SourceOutOfReach'],
    ['a permanent redirect', { status: 301 }, 'SourceOutOfReach'],
  ])('settles the recovery as lost at once after %s, with the reason', async (_, fault, errorClass) => {
    const message = await serve({ fault: always(fault) });

    const { isDone } = await worker.deliver(message);

    expect(isDone).toBe(true);
    expect(await storedRecordOf(message)).toMatchObject({
      state: 'lost',
      attempts: 1,
      lastError: { errorClass },
    });
  });

  it.each<[string, Scenario, number]>([
    [
      'one connection cut in mid-part',
      { fault: (count) => (count === 2 ? { cutAfterBytes: MiB } : undefined), size: LARGE },
      LARGE,
    ],
    [
      'one 503',
      { fault: (count) => (count === 1 ? { status: 503, headers: { 'retry-after': '0' } } : undefined) },
      SMALL,
    ],
    ['no Content-Length', { fault: always('chunked') }, SMALL],
    ['a size of 0', { size: 0 }, 0],
  ])('recovers the file in the same attempt with %s', async (_, given, size) => {
    const message = await serve(given);

    await worker.deliver(message);

    expect(await storedRecordOf(message)).toMatchObject({ state: 'recovered', attempts: 1, size });
  });

  it('waits as long as Retry-After asks', async () => {
    const message = await serve({ fault: always({ status: 503, headers: { 'retry-after': '600' } }) });

    await worker.deliver(message);

    const { nextAttemptAt = 0 } = (await storedRecordOf(message)) ?? {};
    expect(nextAttemptAt - worker.now()).toBeGreaterThan(590_000);
  });

  it('recovers the new file, never a mixture, when the file changes during the copy', async () => {
    const message = await serve({
      size: LARGE,
      fault: (count) => {
        if (count === 2) source.setFile({ size: LARGE - MiB, etag: '"other"' });
        return undefined;
      },
    });

    await worker.deliver(message);

    expect(await storedRecordOf(message)).toMatchObject({
      state: 'recovered',
      attempts: 1,
      size: LARGE - MiB,
    });
  });

  it('reports a copy that is too slow for its deadline before the deadline', async () => {
    const given = await serve({
      // Six parts, two at a time: the fourth is forty seconds late, and two more follow in any order.
      size: 27 * MiB,
      fault: (count) => {
        if (count === 4) worker.advance(40_000);
        return undefined;
      },
    });
    useEngine({ bufferBytes: 10 * MiB });
    const deadline = worker.now() + 41_000;

    await worker.deliver({ ...given, files: given.files.map((file) => ({ ...file, deadline })) });

    expect(worker.metrics()).toContainEqual({ metric: 'atRiskRecoveries', value: 1, by: 'TooSlow' });
    expect(await storedRecordOf(given)).toMatchObject({ state: 'recovered' });
  });

  it('recovers a small file that is sent whole in place of a range, with a warning in the record', async () => {
    const message = await serve({ fault: always('whole') });

    await worker.deliver(message);

    expect(await storedRecordOf(message)).toMatchObject({
      state: 'recovered',
      attempts: 1,
      size: SMALL,
      warnings: [expect.stringContaining('whole file')],
    });
  });

  it('settles a large file that is always sent whole as lost at the deadline, with the reason', async () => {
    const message = await serve({ fault: always('whole'), size: LARGE });

    await redeliverUntilDone(await worker.deliver(message), 8 * HOUR_MS);

    expect(await storedRecordOf(message)).toMatchObject({
      state: 'lost',
      lastError: {
        errorClass: 'DeadlinePassed',
        message: expect.stringMatching(
          /UnexpectedSourceResponse: the source returned 200 to a request for a range/,
        ),
      },
    });
  });

  it.each<[string, Scenario, string]>([
    ['another MD5', { expected: { md5: '0'.repeat(32) } }, 'MD5'],
    ['no bytes in place of 70,000', { size: 0, expected: { size: 70_000 } }, 'has 0 bytes'],
    [
      'fewer bytes than the stated 60 TB, which no object can have,',
      { expected: { size: 60_000_000_000_000 } },
      'announced 60000000000000',
    ],
    [
      'fewer bytes than the stated 2^53 - 1',
      { size: LARGE, expected: { size: Number.MAX_SAFE_INTEGER } },
      'announced 9007199254740991',
    ],
  ])('recovers a file with %s at the third attempt, with a warning', async (_, given, warning) => {
    const message = await serve(given);

    await redeliverUntilDone(await worker.deliver(message), 15 * MINUTE_MS);

    expect(await storedRecordOf(message)).toMatchObject({
      state: 'recovered',
      attempts: 3,
      verifiedBy: ['crc32'],
      warnings: [expect.stringContaining(warning)],
    });
  });
});
