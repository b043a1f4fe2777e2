import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aFailure, aFailuresMessage, NOW } from '../../../support/ledger-data.ts';
import { startLedger, type TestLedger } from '../../../support/ledger-table.ts';

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await startLedger();
});
afterAll(() => ledger.close());

describe('recordPrimaryFailures', () => {
  it('records failures of media and thumbnails separately, with all fields of the notification', async () => {
    const failures = [
      aFailure(),
      aFailure({ role: 'thumbnail', message: null, link: null, destinationHost: null }),
    ];
    const message = aFailuresMessage({ failures });
    const recorded = await ledger.at(NOW + 1).failures.record(message);
    expect(recorded.map(({ isNew }) => isNew)).toEqual([true, true]);
    expect((await ledger.queries.readJob(message.job.id)).failures).toEqual(
      failures.map((failure) => ({
        ...failure,
        jobId: message.job.id,
        outputId: message.output.id,
        label: 'hd',
        outputType: 'standard',
        passThrough: '{"show":"ep-103"}',
        test: false,
        failedAt: NOW,
        recordedAt: NOW + 1,
        eventOwedAt: NOW + 1,
      })),
    );
  });

  it('keeps the first record when a later notification differs', async () => {
    const message = aFailuresMessage();
    const [first] = await ledger.failures.record(message);
    const richer = { ...message, failedAt: NOW + 9, failures: [aFailure({ message: 'richer' })] };
    const [again] = await ledger.at(NOW + 9).failures.record(richer);
    expect(again).toEqual({ record: first?.record, isNew: false });
  });

  it('returns a failure as new to exactly one of ten concurrent notifications', async () => {
    const failures = [aFailure(), aFailure({ role: 'thumbnail' })];
    const message = aFailuresMessage({ failures });
    const recorded = await Promise.all(Array.from({ length: 10 }, () => ledger.failures.record(message)));
    const news = recorded.flat().filter(({ isNew }) => isNew);
    expect(news.map(({ record }) => record.role).sort()).toEqual(['media', 'thumbnail']);
  });

  it('does nothing for an output without failures', async () => {
    expect(await ledger.failures.record(aFailuresMessage({ failures: [] }))).toEqual([]);
  });
});
