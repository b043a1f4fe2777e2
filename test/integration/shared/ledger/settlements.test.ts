import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { claimFiles } from '../../../../lambda/shared/ledger/claims.ts';
import type { OutputContext } from '../../../../lambda/shared/ledger/fresh-recoveries.ts';
import { readRecovery } from '../../../../lambda/shared/ledger/reads.ts';
import type { ClaimedRecovery } from '../../../../lambda/shared/ledger/records.ts';
import { noteError, reopenRecovery } from '../../../../lambda/shared/ledger/reopenings.ts';
import {
  releaseRecoveries,
  saveProgress,
  settleRecoveries,
} from '../../../../lambda/shared/ledger/settlements.ts';
import { savePlan } from '../../../../lambda/shared/ledger/upload-plans.ts';
import {
  aFile,
  aLease,
  anError,
  anOutput,
  aPlan,
  asRecovered,
  HOUR,
  NOW,
} from '../../../support/ledger-data.ts';
import { startLedger, type TestLedger } from '../../../support/ledger-table.ts';

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await startLedger();
});
afterAll(() => ledger.close());

async function claimOne(output: OutputContext, owner = 'first', now = NOW): Promise<ClaimedRecovery> {
  const [claim] = await claimFiles(ledger.table, output, [aFile()], aLease(owner, now + HOUR), now);
  if (claim?.outcome !== 'claimed') throw new Error(`expected a claim, got ${claim?.outcome}`);
  return claim.record;
}

describe('settling', () => {
  it('ends a recovery with where the file is and how it was verified', async () => {
    const claimed = await claimOne(anOutput());
    const [settled] = await settleRecoveries(ledger.table, [asRecovered(claimed)], NOW + 5);
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
    expect(await readRecovery(ledger.table, claimed)).toEqual(settled?.record);
  });

  it('ends a lost one with the reason, and how far it had come', async () => {
    const claimed = await claimOne(anOutput());
    await saveProgress(ledger.table, claimed, { bytesDone: 400, bytesTotal: 1000, at: NOW });
    const error = anError({ errorClass: 'SourceGone', category: 'lost', message: 'x'.repeat(5000) });
    await settleRecoveries(ledger.table, [{ record: claimed, settlement: { state: 'lost', error } }], NOW);
    const record = await readRecovery(ledger.table, claimed);
    expect(record).toMatchObject({
      state: 'lost',
      lastError: { errorClass: 'SourceGone', category: 'lost' },
      history: [{ errorClass: 'SourceGone' }],
      bytesDone: 400,
    });
    expect(record?.lastError?.message).toHaveLength(1000);
  });

  it('answers done to the same invocation again, and writes nothing', async () => {
    const claimed = await claimOne(anOutput());
    const [first] = await settleRecoveries(ledger.table, [asRecovered(claimed)], NOW);
    const [again] = await settleRecoveries(ledger.table, [asRecovered(claimed)], NOW + 1);
    expect(again).toEqual(first);
  });

  it('is refused to an invocation whose recovery somebody else has taken over', async () => {
    const output = anOutput();
    const zombie = await claimOne(output);
    const heir = await claimOne(output, 'heir', NOW + HOUR + 1);
    const [late] = await settleRecoveries(ledger.table, [asRecovered(zombie)], NOW + HOUR + 2);
    expect(late).toEqual({ outcome: 'lease-lost', record: heir });
    await settleRecoveries(ledger.table, [asRecovered(heir)], NOW + HOUR + 3);
    const [later] = await settleRecoveries(ledger.table, [asRecovered(zombie)], NOW + HOUR + 4);
    expect(later).toMatchObject({ outcome: 'lease-lost', record: { settledBy: 'heir' } });
  });

  it('is done for the invocation alone that settled it, whatever another one knows of the record', async () => {
    const claimed = await claimOne(anOutput());
    await settleRecoveries(ledger.table, [asRecovered(claimed)], NOW);
    const other = { ...claimed, lease: aLease('other') };
    const [late] = await settleRecoveries(ledger.table, [asRecovered(other)], NOW + 1);
    expect(late).toMatchObject({ outcome: 'lease-lost', record: { settledBy: 'first', settledAt: NOW } });
  });

  it('lets a record go after the days that the stack says, counted from its end', async () => {
    const table = { ...ledger.table, recordTtlDays: 10 };
    const [claim] = await claimFiles(table, anOutput(), [aFile()], aLease('first'), NOW);
    if (claim?.outcome !== 'claimed') throw new Error('not claimed');
    const days = () => ledger.ttlOf(claim.record).then((ttl) => ((ttl ?? 0) * 1000 - NOW) / (24 * HOUR));
    expect(await days()).toBe(11);
    await settleRecoveries(table, [asRecovered(claim.record)], NOW);
    expect(await days()).toBe(10);
  });
});

describe('releasing', () => {
  it('makes it pending with its error and next attempt, and keeps the plan', async () => {
    const claimed = await claimOne(anOutput());
    await savePlan(ledger.table, claimed, aPlan(), NOW);
    const [released] = await releaseRecoveries(
      ledger.table,
      [{ record: claimed, error: anError(), nextAttemptAt: NOW + 10_000 }],
      NOW,
    );
    expect(released?.outcome).toBe('done');
    const record = await readRecovery(ledger.table, claimed);
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
      await releaseRecoveries(ledger.table, [{ record, error }], NOW);
    }
    const record = await claimOne(output);
    expect(record.attempts).toBe(13);
    expect(record.history.map(({ message }) => message)).toEqual(
      Array.from({ length: 10 }, (_, index) => `attempt ${index + 3}`),
    );
  });

  it('is refused to an invocation that has lost its lease', async () => {
    const output = anOutput();
    const zombie = await claimOne(output);
    await claimOne(output, 'heir', NOW + HOUR + 1);
    const [late] = await releaseRecoveries(ledger.table, [{ record: zombie, error: anError() }], NOW);
    expect(late).toMatchObject({ outcome: 'lease-lost', record: { lease: { owner: 'heir' }, history: [] } });
  });

  it('is refused to it also when the heir has given it back in turn', async () => {
    const output = anOutput();
    const zombie = await claimOne(output);
    const heir = await claimOne(output, 'heir', NOW + HOUR + 1);
    await releaseRecoveries(ledger.table, [{ record: heir, error: anError() }], NOW + HOUR + 2);
    const [late] = await releaseRecoveries(ledger.table, [{ record: zombie }], NOW + HOUR + 3);
    expect(late).toMatchObject({ outcome: 'lease-lost', record: { attempts: 2, lastError: anError() } });
  });
});

describe('progress', () => {
  it('is noted for the holder of the lease only', async () => {
    const output = anOutput();
    const zombie = await claimOne(output);
    const progress = { bytesDone: 10, bytesTotal: 1000, at: NOW + 1 };
    expect(await saveProgress(ledger.table, zombie, progress)).toBe(true);
    await claimOne(output, 'heir', NOW + HOUR + 1);
    expect(await saveProgress(ledger.table, zombie, { ...progress, bytesDone: 20 })).toBe(false);
    const record = await readRecovery(ledger.table, zombie);
    expect(record).toMatchObject({ bytesDone: 10, bytesTotal: 1000, progressAt: NOW + 1 });
  });
});

describe('reopening', () => {
  it('makes a settled recovery pending with its history, and forgets what it had come to', async () => {
    const output = anOutput();
    const error = anError({ category: 'lost' });
    const claimed = await claimOne(output);
    await settleRecoveries(ledger.table, [{ record: claimed, settlement: { state: 'lost', error } }], NOW);
    const reopened = await reopenRecovery(ledger.table, claimed, NOW + 9);
    expect(reopened).toMatchObject({ outcome: 'reopened', record: { state: 'pending', attempts: 1 } });
    expect(reopened?.record.history).toHaveLength(1);
    expect(reopened?.record.redrives).toBe(1);
    expect(reopened?.record.settledAt).toBeUndefined();
    expect(await readRecovery(ledger.table, claimed)).toEqual(reopened?.record);
    const again = await claimOne(output, 'second');
    const settlement = { state: 'failed', bucket: 'acme', key: 'a.mp4', error } as const;
    await settleRecoveries(ledger.table, [{ record: again, settlement }], NOW);
    const twice = await reopenRecovery(ledger.table, claimed, NOW + 10);
    expect(twice?.record.redrives).toBe(2);
    expect(twice?.record).not.toHaveProperty('bucket');
    expect(twice?.record).not.toHaveProperty('bytesDone');
  });

  it('leaves a recovered one as it is', async () => {
    const claimed = await claimOne(anOutput());
    await settleRecoveries(ledger.table, [asRecovered(claimed)], NOW);
    const recovered = await readRecovery(ledger.table, claimed);
    expect(await reopenRecovery(ledger.table, claimed, NOW + 1)).toEqual({
      outcome: 'recovered',
      record: recovered,
    });
    expect(await readRecovery(ledger.table, claimed)).toEqual(recovered);
  });

  it('leaves open and unknown ones alone', async () => {
    const claimed = await claimOne(anOutput());
    expect(await reopenRecovery(ledger.table, claimed, NOW)).toEqual({ outcome: 'open', record: claimed });
    expect(await reopenRecovery(ledger.table, { ...claimed, jobId: '1' }, NOW)).toBeUndefined();
  });
});

describe('noting why a recovery cannot go on', () => {
  it('is for those that nobody works on', async () => {
    const claimed = await claimOne(anOutput());
    const error = anError({ errorClass: 'NoFreshUrl', at: NOW + 1 });
    expect(await noteError(ledger.table, claimed, error)).toBe(false);
    await releaseRecoveries(ledger.table, [{ record: claimed }], NOW);
    const seen = await readRecovery(ledger.table, claimed);
    expect(seen && (await noteError(ledger.table, seen, error))).toBe(true);
    expect(await readRecovery(ledger.table, claimed)).toMatchObject({
      state: 'pending',
      lastError: error,
      updatedAt: NOW,
    });
  });
});
