import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { failureItemKey, recoveryItemKey } from '../../../../lambda/shared/ledger/table.ts';
import {
  aFailure,
  aFailuresMessage,
  aFile,
  aLease,
  anError,
  anOutput,
  NOW,
} from '../../../support/ledger-data.ts';
import { startLedger, type TestLedger } from '../../../support/ledger-table.ts';

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await startLedger();
});
afterAll(() => ledger.close());
beforeEach(async () => {
  for await (const entry of ledger.outbox.owedBefore(NOW * 2)) {
    const record = await ledger.outbox.readOwed(entry);
    if (record !== null) await ledger.outbox.markPublished([record]);
  }
});

const LATER = NOW + 1000;

async function claimOne(output = anOutput(), now = NOW) {
  const [claim] = await ledger.at(now).recoveries.claim(output, [aFile()], aLease(`at ${now}`, now + 99));
  if (claim?.outcome !== 'claimed') throw new Error(`expected a claim, got ${claim?.outcome}`);
  return claim.record;
}

async function settleLost(output = anOutput(), now = NOW) {
  const settlement = { state: 'lost', error: anError({ category: 'lost' }) } as const;
  const record = await claimOne(output, now);
  const [settled] = await ledger.at(now).recoveries.settle([{ record, settlement }]);
  if (settled?.outcome !== 'done') throw new Error('not settled');
  return settled.record;
}

async function recordFailure(now = NOW) {
  const [failure] = await ledger.at(now).failures.record(aFailuresMessage());
  if (failure === undefined) throw new Error('not recorded');
  return failure.record;
}

describe('an event', () => {
  it('is owed from the write of a primary failure on', async () => {
    const failure = await recordFailure();
    expect(failure.eventOwedAt).toBe(NOW);
    expect(await ledger.outbox.countOwedBefore(LATER)).toBe(1);
    expect(await ledger.outbox.readOwed(failureItemKey(failure))).toEqual(failure);
  });

  it('is owed from the write of a settlement on, and not before', async () => {
    const output = anOutput();
    await claimOne(output, NOW - 1000);
    expect(await ledger.outbox.countOwedBefore(LATER)).toBe(0);
    const settled = await settleLost(output);
    expect(settled.eventOwedAt).toBe(NOW);
    expect(await ledger.outbox.readOwed(recoveryItemKey(settled))).toEqual(settled);
  });

  it('is no longer owed once it is published', async () => {
    const records = [await recordFailure(), await settleLost()];
    await ledger.outbox.markPublished(records);
    expect(await ledger.outbox.countOwedBefore(LATER)).toBe(0);
    for (const key of records.map((each) =>
      'fileId' in each ? recoveryItemKey(each) : failureItemKey(each),
    )) {
      expect(await ledger.outbox.readOwed(key)).toBeNull();
    }
  });

  it('is no longer owed when its recovery is reopened, since it would be false', async () => {
    const settled = await settleLost();
    await ledger.at(NOW + 1).recoveries.reopen(settled);
    expect(await ledger.outbox.countOwedBefore(LATER)).toBe(0);
    expect(await ledger.outbox.readOwed(recoveryItemKey(settled))).toBeNull();
  });

  it('stays owed when an earlier one was published, even of the same millisecond', async () => {
    const output = anOutput();
    const first = await settleLost(output);
    await ledger.recoveries.reopen(first);
    const second = await settleLost(output);
    await ledger.outbox.markPublished([first]);
    expect(await ledger.outbox.readOwed(recoveryItemKey(second))).toEqual(second);
  });
});

describe('owed events', () => {
  it('are listed oldest first across kinds and jobs, up to a given time', async () => {
    const made = [
      await recordFailure(NOW + 30),
      await settleLost(anOutput(), NOW + 10),
      await recordFailure(NOW + 20),
      await settleLost(anOutput(), NOW + 40),
    ];
    const found = await Array.fromAsync(ledger.outbox.owedBefore(NOW + 40));
    expect(found.map(({ owedAt }) => owedAt - NOW)).toEqual([10, 20, 30]);
    expect(found.map(({ pk }) => pk)).toEqual([1, 2, 0].map((index) => `JOB#${made[index]?.jobId}`));
  });

  it('are two for an output with two failures', async () => {
    const failures = [aFailure(), aFailure({ role: 'thumbnail' })];
    await ledger.failures.record(aFailuresMessage({ failures }));
    expect(await ledger.outbox.countOwedBefore(LATER)).toBe(2);
  });
});
