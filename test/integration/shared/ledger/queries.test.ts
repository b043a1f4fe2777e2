import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { afterFailure, afterRecovery, sortKeyOf, takePage } from '../../../../lambda/shared/ledger/paging.ts';
import type { PrimaryFailureRecord } from '../../../../lambda/shared/ledger/records.ts';
import { DAY_MS, HOUR_MS } from '../../../../lambda/shared/runtime/durations.ts';
import {
  aFailure,
  aFailuresMessage,
  aFile,
  aLease,
  anOutput,
  asRecovered,
  NOW,
  thumbnails,
} from '../../../support/ledger-data.ts';
import { startLedger, type TestLedger } from '../../../support/ledger-table.ts';

const CLASSES = ['UploadAccessDeniedError', 'UnableToResolveHostError', 'Transfer::InvalidGranteeIDError'];

let ledger: TestLedger;
/** All failures of the ledger, newest first. */
let failures: PrimaryFailureRecord[];

beforeAll(async () => {
  ledger = await startLedger();
  // 240 jobs over nine days with a gap of 40 days behind them; several at the same millisecond.
  const ages = Array.from({ length: 240 }, (_, n) =>
    n < 220 ? Math.floor(n / 2) * 2 * HOUR_MS : 50 * DAY_MS + n,
  );
  const recorded = await Promise.all(
    ages.map(async (age, n) => {
      const failure = aFailure({
        errorClass: CLASSES[n % 3] ?? '',
        destinationHost: n % 5 === 0 ? null : `host${n % 2}.example`,
      });
      const message = aFailuresMessage({ failedAt: NOW - age, failures: [failure] });
      return await ledger.failures.record(message);
    }),
  );
  failures = recorded
    .flat()
    .map(({ record }) => record)
    .sort((a, b) => (afterFailure(a) < afterFailure(b) ? 1 : -1));
});
afterAll(() => ledger.close());

/** How many Query calls something makes. */
async function queries<T>(work: () => Promise<T>): Promise<{ calls: number; result: T }> {
  let calls = 0;
  const { middlewareStack } = ledger.client;
  middlewareStack.add(
    (next) => (args) => {
      calls++;
      return next(args);
    },
    { step: 'initialize', name: 'queries' },
  );
  const result = await work();
  middlewareStack.remove('queries');
  return { calls, result };
}

describe('failuresByTime', () => {
  it('returns failures newest first across days and shards, back to since', async () => {
    const all = await Array.fromAsync(ledger.queries.failuresByTime({ since: NOW - 60 * DAY_MS }));
    expect(all).toEqual(failures);
  });

  it('includes since and excludes until', async () => {
    const [since, until] = [NOW - 40 * HOUR_MS, NOW - 20 * HOUR_MS];
    const found = await Array.fromAsync(ledger.queries.failuresByTime({ since, until }));
    expect(found).toEqual(failures.filter(({ failedAt }) => failedAt >= since && failedAt < until));
    expect(found.some(({ failedAt }) => failedAt === since)).toBe(true);
  });

  it('stops after thirty days without since', async () => {
    const found = await Array.fromAsync(ledger.queries.failuresByTime());
    expect(found).toHaveLength(220);
  });

  it('reads an empty month in few rounds', async () => {
    const until = NOW - 400 * DAY_MS;
    const { calls, result } = await queries(() => Array.fromAsync(ledger.queries.failuresByTime({ until })));
    expect(result).toEqual([]);
    expect(calls).toBe(31 * 8);
  });

  it('reads no further than it is consumed', async () => {
    const { calls } = await queries(() =>
      takePage(ledger.queries.failuresByTime({ expected: 3 }), 3, afterFailure),
    );
    expect(calls).toBeLessThanOrEqual(16);
  });

  it('returns the same failures in pages of any size', async () => {
    for (const limit of [1, 7, 100]) {
      const seen: PrimaryFailureRecord[] = [];
      let cursor: string | undefined;
      do {
        const query = { since: NOW - 60 * DAY_MS, after: sortKeyOf(cursor), expected: limit };
        const page = await takePage(ledger.queries.failuresByTime(query), limit, afterFailure);
        expect(page.items.length).toBeLessThanOrEqual(limit);
        seen.push(...page.items);
        cursor = page.cursor;
      } while (cursor !== undefined);
      expect(seen).toEqual(failures);
    }
  });
});

describe('failuresByClass and failuresByHost', () => {
  it('return all of a class, newest first, across pages', async () => {
    const errorClass = 'Transfer::InvalidGranteeIDError';
    const expected = failures.filter((failure) => failure.errorClass === errorClass);
    expect(await Array.fromAsync(ledger.queries.failuresByClass(errorClass))).toEqual(expected);
    const first = await takePage(ledger.queries.failuresByClass(errorClass), 10, afterFailure);
    const rest = { after: sortKeyOf(first.cursor) };
    expect(await Array.fromAsync(ledger.queries.failuresByClass(errorClass, rest))).toEqual(
      expected.slice(10),
    );
    expect(await ledger.queries.countFailuresByClass(errorClass)).toBe(expected.length);
    expect(await ledger.queries.countFailuresByClass(errorClass, { since: NOW - 2 * DAY_MS })).toBe(
      expected.filter(({ failedAt }) => failedAt >= NOW - 2 * DAY_MS).length,
    );
  });

  it('return all of a host, in any spelling', async () => {
    const found = await Array.fromAsync(
      ledger.queries.failuresByHost('HOST1.example', { since: NOW - DAY_MS }),
    );
    expect(found).toEqual(
      failures.filter(
        ({ destinationHost, failedAt }) => destinationHost === 'host1.example' && failedAt >= NOW - DAY_MS,
      ),
    );
    expect(found.length).toBeGreaterThan(0);
  });

  it('return nothing for an unknown class', async () => {
    expect(await Array.fromAsync(ledger.queries.failuresByClass('NoSuchError'))).toEqual([]);
  });
});

describe('recoveries by state', () => {
  it('are open by deadline or settled by time, and move when they are settled or reopened', async () => {
    const outputs = Array.from({ length: 30 }, (_, n) => ({ output: anOutput(), hours: ((n * 7) % 30) + 1 }));
    const records = await Promise.all(
      outputs.map(async ({ output, hours }) => {
        const file = aFile({ deadline: NOW + hours * HOUR_MS });
        const [claim] = await ledger.recoveries.claim(output, [file], aLease('one'));
        if (claim?.outcome !== 'claimed') throw new Error('not claimed');
        return claim.record;
      }),
    );
    const hoursOf = (found: { deadline: number }[]) =>
      found.map(({ deadline }) => (deadline - NOW) / HOUR_MS);
    const open = await Array.fromAsync(ledger.queries.openRecoveriesByDeadline());
    expect(hoursOf(open)).toEqual(Array.from({ length: 30 }, (_, n) => n + 1));
    expect(await ledger.queries.countOpenRecoveries()).toBe(30);
    expect(await ledger.queries.countOpenRecoveries({ deadlineBefore: NOW + 4 * HOUR_MS })).toBe(3);
    const near = { deadlineFrom: NOW + 2 * HOUR_MS, deadlineBefore: NOW + 4 * HOUR_MS };
    expect(await ledger.queries.countOpenRecoveries(near)).toBe(2);

    await ledger.recoveries.release(records.slice(0, 10).map((record) => ({ record })));
    for (const [n, record] of records.slice(10, 20).entries()) {
      await ledger.at(NOW + n).recoveries.settle([asRecovered(record)]);
    }
    const pending = await Array.fromAsync(ledger.queries.recoveriesByState('pending'));
    const copying = await Array.fromAsync(ledger.queries.recoveriesByState('copying'));
    const recovered = await Array.fromAsync(ledger.queries.recoveriesByState('recovered'));
    expect([pending.length, copying.length]).toEqual([10, 10]);
    expect(recovered.map(({ settledAt }) => (settledAt ?? 0) - NOW)).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);

    const page = await takePage(ledger.queries.openRecoveriesByDeadline(), 5, afterRecovery);
    const after = sortKeyOf(page.cursor);
    const rest = await Array.fromAsync(ledger.queries.openRecoveriesByDeadline({ after }));
    expect(hoursOf([...page.items, ...rest])).toEqual(
      hoursOf([...pending, ...copying]).sort((a, b) => a - b),
    );
  });
});

describe('the records of a job', () => {
  it('are its failures and recoveries, filtered by output and role', async () => {
    const message = aFailuresMessage({ failures: [aFailure(), aFailure({ role: 'thumbnail' })] });
    await ledger.failures.record(message);
    await ledger.recoveries.claim(message, [aFile(), ...thumbnails(12)], aLease('one'));
    const { failures: failed, recoveries } = await ledger.queries.readJob(message.job.id);
    expect([failed.length, recoveries.length]).toEqual([2, 13]);
    const key = { jobId: message.job.id, outputId: message.output.id };
    expect(await ledger.queries.readRecoveriesOf({ ...key, role: 'thumbnail' })).toHaveLength(12);
    expect(await ledger.queries.readRecoveriesOf(key)).toHaveLength(13);
    expect(await ledger.queries.readJob('1')).toEqual({ failures: [], recoveries: [] });
  });
});
