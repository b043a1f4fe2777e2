import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FailureFilters, parseFailureQuery } from '../../../lambda/shared/reporting/filters.ts';
import { searchFailures } from '../../../lambda/shared/reporting/search.ts';
import { DAY_MS, HOUR_MS } from '../../../lambda/shared/runtime/durations.ts';
import { failUpload, gone, recovered } from '../../support/dashboard-data.ts';
import { NOW } from '../../support/ledger-data.ts';
import { startLedger, type TestLedger } from '../../support/ledger-table.ts';

const SPAN = { since: NOW - 10 * DAY_MS, until: NOW + DAY_MS };

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await startLedger();
  for (let hour = 0; hour < 12; hour++) {
    const failedAt = NOW - hour * 10 * HOUR_MS;
    const host = hour % 3 === 0 ? 'rare.example' : 'often.example';
    await failUpload(ledger, { failedAt, failure: { destinationHost: host } });
  }
  for (let index = 0; index < 5; index++) {
    const given = { jobId: '77', outputId: String(700 + index), failedAt: NOW - DAY_MS };
    await gone(ledger, 'lost', { ...given, file: { name: `a-${index}.mp4` } });
    await gone(ledger, 'lost', { ...given, file: { name: `b-${index}.mp4` } });
  }
  await recovered(ledger, { failedAt: NOW - 30 * DAY_MS });
});
afterAll(() => ledger.close());

async function all(query: Record<string, string>, maxExamined?: number): Promise<string[][]> {
  const pages: string[][] = [];
  let cursor: string | undefined;
  do {
    const request = parseFailureQuery({ since: '10d', ...query, ...(cursor && { cursor }) }, NOW);
    const page = await searchFailures(ledger, request, maxExamined);
    pages.push(page.items.map(({ failure }) => failure.outputId));
    cursor = page.cursor;
  } while (cursor !== undefined);
  return pages;
}

describe('searchFailures', () => {
  it('stops after its maximum of records, and continues from there', async () => {
    const query: Partial<Record<keyof FailureFilters, string>> = {
      host: 'rare.example',
      error: 'UploadAccessDeniedError',
    };
    const bounded = await all(query, 4);
    expect(bounded.length).toBeGreaterThan(3);
    expect(bounded.flat()).toEqual((await all(query)).flat());
    expect(bounded.flat()).toHaveLength(4);
  });

  it('returns an output once when several of its files are in the given state', async () => {
    const [found = []] = await all({ state: 'lost' });
    expect(found.toSorted()).toEqual(['700', '701', '702', '703', '704']);
  });

  it('returns everything of a state over pages, also when the maximum ends one early', async () => {
    const whole = new Set((await all({ state: 'lost' })).flat());
    expect(new Set((await all({ state: 'lost', limit: '2' })).flat())).toEqual(whole);
    expect(new Set((await all({ state: 'lost' }, 3)).flat())).toEqual(whole);
  });
});

describe('countFailures', () => {
  it('counts every failure of the span once', async () => {
    const seen: number[] = [];
    const tally = await ledger.queries.countFailures(SPAN, ({ failedAt }) => seen.push(failedAt));
    expect(seen).toHaveLength(17);
    expect(seen.every((time) => time >= SPAN.since && time < SPAN.until)).toBe(true);
    expect(tally).toEqual({ isComplete: true, since: SPAN.since });
  });

  it('respects the bounds of the span within a day', async () => {
    let count = 0;
    await ledger.queries.countFailures(
      { since: NOW - 20 * HOUR_MS, until: NOW - 10 * HOUR_MS },
      () => count++,
    );
    expect(count).toBe(1);
  });

  it('omits whole days at its maximum, and returns since when it is complete', async () => {
    const seen: number[] = [];
    const tally = await ledger.queries.countFailures(SPAN, ({ failedAt }) => seen.push(failedAt), 40);
    expect(tally.isComplete).toBe(false);
    expect(seen.every((time) => time >= tally.since)).toBe(true);
    const again: number[] = [];
    await ledger.queries.countFailures({ ...SPAN, since: tally.since }, ({ failedAt }) =>
      again.push(failedAt),
    );
    expect(again).toHaveLength(seen.length);
  });
});

it('countFailures counts no part of a day that exceeds its maximum', async () => {
  const span = { since: NOW - 60 * DAY_MS, until: NOW - 59 * DAY_MS };
  for (let each = 0; each < 5; each++) {
    const failure = { message: 'x'.repeat(300_000) };
    await failUpload(ledger, {
      jobId: '88',
      outputId: String(each),
      failedAt: span.since + HOUR_MS,
      failure,
    });
  }
  const count = async (maxPages: number) => {
    let seen = 0;
    const { isComplete } = await ledger.queries.countFailures(span, () => seen++, maxPages);
    return { seen, isComplete };
  };
  // The shards are read side by side, so only a bound that is used up by any first page is met in every order.
  expect(await count(1)).toEqual({ seen: 0, isComplete: false });
  expect(await count(100)).toEqual({ seen: 5, isComplete: true });
});

it('countRecoveries counts by time of settlement', async () => {
  expect(await ledger.queries.countRecoveries('LOST', SPAN)).toEqual({ count: 10, isComplete: true });
  expect(await ledger.queries.countRecoveries('LOST', { since: NOW + 1, until: NOW + DAY_MS })).toMatchObject(
    {
      count: 0,
    },
  );
  expect(await ledger.queries.countRecoveries('RECOVERED', SPAN)).toMatchObject({ count: 1 });
});
