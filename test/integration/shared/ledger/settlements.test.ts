import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OutputOfJob } from '../../../../lambda/shared/ledger/new-recoveries.ts';
import type { ClaimedRecovery } from '../../../../lambda/shared/ledger/records.ts';
import { HOUR_MS } from '../../../../lambda/shared/runtime/durations.ts';
import { aFile, aLease, anError, anOutput, aPlan, asRecovered, NOW } from '../../../support/ledger-data.ts';
import { startLedger, type TestLedger } from '../../../support/ledger-table.ts';

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await startLedger();
});
afterAll(() => ledger.close());

async function claimOne(output: OutputOfJob, owner = 'first', now = NOW): Promise<ClaimedRecovery> {
  const [claim] = await ledger.at(now).recoveries.claim(output, [aFile()], aLease(owner, now + HOUR_MS));
  if (claim?.outcome !== 'claimed') throw new Error(`expected a claim, got ${claim?.outcome}`);
  return claim.record;
}

describe('settle', () => {
  it('stores the location and verification of a recovered file', async () => {
    const claimed = await claimOne(anOutput());
    const [settled] = await ledger.at(NOW + 5).recoveries.settle([asRecovered(claimed)]);
    expect(settled).toMatchObject({
      outcome: 'done',
      record: {
        state: 'recovered',
        settledAt: NOW + 5,
        settledBy: 'first',
        bucket: 'recovered-files',
        verifiedBy: ['size', 'crc32'],
        bytesDone: 1000,
      },
    });
    expect(settled?.record.lease).toBeUndefined();
    expect(await ledger.queries.readRecovery(claimed)).toEqual(settled?.record);
  });

  it('stores the error and progress of a lost file', async () => {
    const claimed = await claimOne(anOutput());
    await ledger.recoveries.saveProgress(claimed, { bytesDone: 400, bytesTotal: 1000 });
    const error = anError({ errorClass: 'SourceGone', category: 'lost', message: 'x'.repeat(5000) });
    await ledger.recoveries.settle([{ record: claimed, settlement: { state: 'lost', error } }]);
    const record = await ledger.queries.readRecovery(claimed);
    expect(record).toMatchObject({
      state: 'lost',
      lastError: { errorClass: 'SourceGone', category: 'lost' },
      history: [{ errorClass: 'SourceGone' }],
      bytesDone: 400,
    });
    expect(record?.lastError?.message).toHaveLength(1000);
  });

  it('returns done to a repeated call of the same invocation, and writes nothing', async () => {
    const claimed = await claimOne(anOutput());
    const [first] = await ledger.recoveries.settle([asRecovered(claimed)]);
    const [again] = await ledger.at(NOW + 1).recoveries.settle([asRecovered(claimed)]);
    expect(again).toEqual(first);
  });

  it('is rejected when another invocation has taken over the recovery', async () => {
    const output = anOutput();
    const zombie = await claimOne(output);
    const next = await claimOne(output, 'next', NOW + HOUR_MS + 1);
    const [late] = await ledger.at(NOW + HOUR_MS + 2).recoveries.settle([asRecovered(zombie)]);
    expect(late).toEqual({ outcome: 'lease-lost', record: next });
    await ledger.at(NOW + HOUR_MS + 3).recoveries.settle([asRecovered(next)]);
    const [later] = await ledger.at(NOW + HOUR_MS + 4).recoveries.settle([asRecovered(zombie)]);
    expect(later).toMatchObject({ outcome: 'lease-lost', record: { settledBy: 'next' } });
  });

  it('returns done only to the invocation that settled the recovery', async () => {
    const claimed = await claimOne(anOutput());
    await ledger.recoveries.settle([asRecovered(claimed)]);
    const other = { ...claimed, lease: aLease('other') };
    const [late] = await ledger.at(NOW + 1).recoveries.settle([asRecovered(other)]);
    expect(late).toMatchObject({ outcome: 'lease-lost', record: { settledBy: 'first', settledAt: NOW } });
  });

  it('sets the expiry of a record to the configured days after settlement', async () => {
    const kept = ledger.with({ recordTtlDays: 10 });
    const [claim] = await kept.recoveries.claim(anOutput(), [aFile()], aLease('first'));
    if (claim?.outcome !== 'claimed') throw new Error('not claimed');
    const days = () => ledger.ttlOf(claim.record).then((ttl) => ((ttl ?? 0) * 1000 - NOW) / (24 * HOUR_MS));
    expect(await days()).toBe(11);
    await kept.recoveries.settle([asRecovered(claim.record)]);
    expect(await days()).toBe(10);
  });
});

describe('release', () => {
  it('makes a recovery pending with its error and next attempt, and keeps the plan', async () => {
    const claimed = await claimOne(anOutput());
    await ledger.uploads.savePlan(claimed, aPlan());
    const [released] = await ledger.recoveries.release([
      { record: claimed, error: anError(), nextAttemptAt: NOW + 10_000 },
    ]);
    expect(released?.outcome).toBe('done');
    const record = await ledger.queries.readRecovery(claimed);
    expect(record).toMatchObject({
      state: 'pending',
      lastError: anError(),
      nextAttemptAt: NOW + 10_000,
      upload: { uploadId: 'upload-1' },
    });
    expect(record?.lease).toBeUndefined();
  });

  it('keeps the last ten attempts', async () => {
    const output = anOutput();
    for (let attempt = 1; attempt <= 12; attempt++) {
      const record = await claimOne(output, `invocation ${attempt}`);
      const error = anError({ message: `attempt ${attempt}` });
      await ledger.recoveries.release([{ record, error }]);
    }
    const record = await claimOne(output);
    expect(record.attempts).toBe(13);
    expect(record.history.map(({ message }) => message)).toEqual(
      Array.from({ length: 10 }, (_, index) => `attempt ${index + 3}`),
    );
  });

  it('is rejected for an invocation without the lease', async () => {
    const output = anOutput();
    const zombie = await claimOne(output);
    await claimOne(output, 'next', NOW + HOUR_MS + 1);
    const [late] = await ledger.recoveries.release([{ record: zombie, error: anError() }]);
    expect(late).toMatchObject({ outcome: 'lease-lost', record: { lease: { owner: 'next' }, history: [] } });
  });

  it('is rejected for it also after the next holder has released the lease', async () => {
    const output = anOutput();
    const zombie = await claimOne(output);
    const next = await claimOne(output, 'next', NOW + HOUR_MS + 1);
    await ledger.at(NOW + HOUR_MS + 2).recoveries.release([{ record: next, error: anError() }]);
    const [late] = await ledger.at(NOW + HOUR_MS + 3).recoveries.release([{ record: zombie }]);
    expect(late).toMatchObject({ outcome: 'lease-lost', record: { attempts: 2, lastError: anError() } });
  });
});

describe('progress', () => {
  it('is stored for the holder of the lease only', async () => {
    const output = anOutput();
    const zombie = await claimOne(output);
    const progress = { bytesDone: 10, bytesTotal: 1000 };
    expect(await ledger.at(NOW + 1).recoveries.saveProgress(zombie, progress)).toBe(true);
    await claimOne(output, 'next', NOW + HOUR_MS + 1);
    expect(await ledger.recoveries.saveProgress(zombie, { ...progress, bytesDone: 20 })).toBe(false);
    const record = await ledger.queries.readRecovery(zombie);
    expect(record).toMatchObject({ bytesDone: 10, bytesTotal: 1000, progressAt: NOW + 1 });
  });
});

describe('reopen', () => {
  it('makes a settled recovery pending with its history, and clears its outcome', async () => {
    const output = anOutput();
    const error = anError({ category: 'lost' });
    const claimed = await claimOne(output);
    await ledger.recoveries.settle([{ record: claimed, settlement: { state: 'lost', error } }]);
    const reopened = await ledger.at(NOW + 9).recoveries.reopen(claimed);
    expect(reopened).toMatchObject({ outcome: 'reopened', record: { state: 'pending', attempts: 1 } });
    expect(reopened?.record.history).toHaveLength(1);
    expect(reopened?.record.redrives).toBe(1);
    expect(reopened?.record.settledAt).toBeUndefined();
    expect(await ledger.queries.readRecovery(claimed)).toEqual(reopened?.record);
    const again = await claimOne(output, 'second');
    const settlement = { state: 'failed', bucket: 'acme', key: 'a.mp4', error } as const;
    await ledger.recoveries.settle([{ record: again, settlement }]);
    const twice = await ledger.at(NOW + 10).recoveries.reopen(claimed);
    expect(twice?.record.redrives).toBe(2);
    expect(twice?.record).not.toHaveProperty('bucket');
    expect(twice?.record).not.toHaveProperty('bytesDone');
  });

  it('keeps a recovered one unchanged', async () => {
    const claimed = await claimOne(anOutput());
    await ledger.recoveries.settle([asRecovered(claimed)]);
    const recovered = await ledger.queries.readRecovery(claimed);
    expect(await ledger.at(NOW + 1).recoveries.reopen(claimed)).toEqual({
      outcome: 'recovered',
      record: recovered,
    });
    expect(await ledger.queries.readRecovery(claimed)).toEqual(recovered);
  });

  it('ignores open and unknown ones', async () => {
    const claimed = await claimOne(anOutput());
    expect(await ledger.recoveries.reopen(claimed)).toEqual({ outcome: 'open', record: claimed });
    expect(await ledger.recoveries.reopen({ ...claimed, jobId: '1' })).toBeUndefined();
  });
});

describe('recording why a recovery cannot continue', () => {
  it('requires that no invocation holds the lease', async () => {
    const claimed = await claimOne(anOutput());
    const error = anError({ errorClass: 'NoFreshUrl', at: NOW + 1 });
    expect(await ledger.recoveries.noteError(claimed, error)).toBe(false);
    await ledger.recoveries.release([{ record: claimed }]);
    const seen = await ledger.queries.readRecovery(claimed);
    expect(seen && (await ledger.recoveries.noteError(seen, error))).toBe(true);
    expect(await ledger.queries.readRecovery(claimed)).toMatchObject({
      state: 'pending',
      lastError: error,
      updatedAt: NOW,
    });
  });
});
