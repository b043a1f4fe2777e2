import { TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ClaimedRecovery, Lease } from '../../../../lambda/shared/ledger/records.ts';
import { HOUR_MS, MINUTE_MS } from '../../../../lambda/shared/runtime/durations.ts';
import {
  aFile,
  aLease,
  anError,
  anOutput,
  asRecovered,
  NOW,
  thumbnails,
} from '../../../support/ledger-data.ts';
import { startLedger, type TestLedger } from '../../../support/ledger-table.ts';
import { openRecoveries } from '../../../support/open-recoveries.ts';

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await startLedger();
});
afterAll(() => ledger.close());

async function claimOne(output = anOutput(), lease: Lease = aLease('first')): Promise<ClaimedRecovery> {
  const [claim] = await ledger.recoveries.claim(output, [aFile()], lease);
  if (claim?.outcome !== 'claimed') throw new Error(`expected a claim, got ${claim?.outcome}`);
  return claim.record;
}

describe('claim of a new file', () => {
  it('creates its recovery with the lease in one write, without its signature', async () => {
    const record = await claimOne();
    expect(record).toMatchObject({
      state: 'copying',
      attempts: 1,
      lease: { owner: 'first', until: NOW + HOUR_MS },
      source: 's3://zencoder-temp-storage-us-east-1/o/20260315/video.mp4',
      label: 'hd',
      expectedSize: 1000,
      expectedMd5: null,
    });
    expect(await ledger.queries.readRecovery(record)).toEqual(record);
    expect(JSON.stringify(record)).not.toContain('secret');
  });

  it('returns one claim with the later deadline for a file that a message names twice', async () => {
    const files = [aFile(), aFile({ deadline: NOW + 30 * HOUR_MS }), aFile({ role: 'thumbnail' })];
    const claims = await ledger.recoveries.claim(anOutput(), files, aLease('first'));
    expect(claims.map(({ record }) => [record.role, record.deadline - NOW])).toEqual([
      ['media', 30 * HOUR_MS],
      ['thumbnail', 24 * HOUR_MS],
    ]);
  });
});

describe('claim of a known file', () => {
  it('returns leased while another lease is valid', async () => {
    const output = anOutput();
    const record = await claimOne(output);
    const claims = await ledger.at(NOW + HOUR_MS).recoveries.claim(output, [aFile()], aLease('second'));
    expect(claims).toMatchObject([{ outcome: 'leased', record }]);
  });

  it('takes over an expired lease', async () => {
    const output = anOutput();
    await claimOne(output);
    const lease = aLease('second', NOW + 2 * HOUR_MS + 1);
    const [claim] = await ledger.at(NOW + HOUR_MS + 1).recoveries.claim(output, [aFile()], lease);
    expect(claim).toMatchObject({ outcome: 'claimed', record: { attempts: 2, lease } });
    expect(claim && (await ledger.queries.readRecovery(claim.record))).toEqual(claim?.record);
  });

  it('returns settled once the recovery is settled', async () => {
    const output = anOutput();
    await ledger.recoveries.settle([asRecovered(await claimOne(output))]);
    const [claim] = await ledger.recoveries.claim(output, [aFile()], aLease('second'));
    expect(claim).toMatchObject({ outcome: 'settled', record: { state: 'recovered' } });
  });

  it('succeeds after a release, with the history and without the next attempt', async () => {
    const output = anOutput();
    const record = await claimOne(output);
    const nextAttemptMessage = { messageId: 'first message', receiptHandle: 'handle' };
    const release = { record, error: anError(), nextAttemptAt: NOW + MINUTE_MS, nextAttemptMessage };
    await ledger.recoveries.release([release]);
    const [claim] = await ledger.at(NOW + MINUTE_MS).recoveries.claim(output, [aFile()], aLease('second'));
    expect(claim).toMatchObject({
      outcome: 'claimed',
      record: {
        state: 'copying',
        attempts: 2,
        lastError: anError(),
        history: [{ message: 'no s3:PutObject' }],
      },
    });
    expect(claim?.record).not.toHaveProperty('nextAttemptAt');
    expect(claim?.record).not.toHaveProperty('nextAttemptMessage');
  });

  it('returns waiting until a second before the next attempt', async () => {
    const output = anOutput();
    const record = await claimOne(output);
    const nextAttemptMessage = { messageId: 'first message', receiptHandle: 'handle' };
    await ledger.recoveries.release([{ record, nextAttemptAt: NOW + MINUTE_MS, nextAttemptMessage }]);
    const claimAt = async (time: number) => {
      const [claim] = await ledger.at(time).recoveries.claim(output, [aFile()], aLease('second'));
      return claim;
    };
    expect(await claimAt(NOW + 58_999)).toMatchObject({
      outcome: 'waiting',
      record: { attempts: 1, nextAttemptAt: NOW + MINUTE_MS, nextAttemptMessage },
    });
    expect(await claimAt(NOW + 59_000)).toMatchObject({ outcome: 'claimed', record: { attempts: 2 } });
  });

  it('succeeds once the recovery is scheduled for now, which takes its latest version', async () => {
    const output = anOutput();
    const record = await claimOne(output);
    expect(await ledger.at(NOW + 1).recoveries.scheduleNow(record)).toBe(false);
    await ledger.recoveries.release([{ record, nextAttemptAt: NOW + MINUTE_MS }]);
    const seen = await ledger.queries.readRecovery(record);
    if (seen === undefined) throw new Error('expected a record');
    expect(await ledger.at(NOW + 1).recoveries.scheduleNow(seen)).toBe(true);
    expect(await ledger.at(NOW + 2).recoveries.scheduleNow(seen)).toBe(false);
    const [claim] = await ledger.at(NOW + 3).recoveries.claim(output, [aFile()], aLease('second'));
    expect(claim?.outcome).toBe('claimed');
  });

  it('ignores the time of the next attempt in claimExisting', async () => {
    const record = await claimOne();
    await ledger.recoveries.release([{ record, nextAttemptAt: NOW + MINUTE_MS }]);
    const seen = await ledger.queries.readRecovery(record);
    if (seen === undefined) throw new Error('expected a record');
    const [claim] = await ledger.recoveries.claimExisting([seen], aLease('second'));
    expect(claim?.outcome).toBe('claimed');
  });

  it('stores the message of the lease', async () => {
    const output = anOutput();
    const lease = { ...aLease('first'), messageId: 'first message' };
    await claimOne(output, lease);
    const [claim] = await ledger.recoveries.claim(output, [aFile()], aLease('second'));
    expect(claim).toMatchObject({ outcome: 'leased', record: { lease } });
  });

  it('stores the deadline of a fresh URL only when it is later', async () => {
    const output = anOutput();
    const record = await claimOne(output);
    await ledger.recoveries.release([{ record }]);
    const fresh = aFile({ deadline: NOW + 40 * HOUR_MS });
    const [later] = await ledger.recoveries.claim(output, [fresh], aLease('second', NOW + 1));
    const [older] = await ledger.at(NOW + 2).recoveries.claim(output, [aFile()], aLease('third'));
    expect([later?.record.deadline, older?.record.deadline]).toEqual([
      NOW + 40 * HOUR_MS,
      NOW + 40 * HOUR_MS,
    ]);
  });

  it('returns the same result to a repeated call with the same lease', async () => {
    const output = anOutput();
    const record = await claimOne(output);
    const [again] = await ledger.recoveries.claim(output, [aFile()], aLease('first'));
    expect(again).toMatchObject({ outcome: 'claimed', record });
  });

  it('accepts a record that was read before, unless it is outdated', async () => {
    const { lease: _, ...seen } = await claimOne(anOutput(), aLease('dead', NOW - 1));
    const [one] = await ledger.recoveries.claimExisting([seen], aLease('first'));
    const [other] = await ledger.recoveries.claimExisting([seen], aLease('second'));
    expect([one?.outcome, other?.outcome]).toEqual(['claimed', 'leased']);
  });
});

describe('claim of a record that was read before', () => {
  it('uses the current record when another attempt has ended since', async () => {
    const output = anOutput();
    const [opened] = await openRecoveries(ledger, output, [aFile()], NOW);
    if (opened === undefined) throw new Error('expected a record');
    const record = await claimOne(output);
    await ledger.recoveries.release([{ record, error: anError() }]);
    const [claim] = await ledger.recoveries.claimExisting([opened], aLease('second'));
    expect(claim).toMatchObject({ outcome: 'claimed', record: { attempts: 2, history: [{}] } });
    expect(claim && (await ledger.queries.readRecovery(claim.record))).toEqual(claim?.record);
  });
});

describe('concurrent claims', () => {
  it('let exactly one of ten win', async () => {
    const output = anOutput();
    const claims = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        ledger.recoveries.claim(output, [aFile()], aLease(`invocation ${index}`)),
      ),
    );
    const outcomes = claims.flat().map(({ outcome }) => outcome);
    expect(outcomes.filter((outcome) => outcome === 'claimed')).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome === 'leased')).toHaveLength(9);
  });

  it('let exactly one of ten take over each of sixty files with expired leases', async () => {
    const output = anOutput();
    const files = thumbnails(60);
    await ledger.at(NOW - HOUR_MS).recoveries.claim(output, files, aLease('dead', NOW - 1));
    const claims = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        ledger.recoveries.claim(output, files, aLease(`invocation ${index}`)),
      ),
    );
    const won = claims.flat().filter(({ outcome }) => outcome === 'claimed');
    expect(new Set(won.map(({ record }) => record.fileId)).size).toBe(60);
    expect(won).toHaveLength(60);
    const { recoveries } = await ledger.queries.readJob(output.job.id);
    expect(recoveries.every(({ attempts }) => attempts === 2)).toBe(true);
  });

  it('claim and settle 250 new thumbnails in three calls each', async () => {
    const calls: string[] = [];
    const client = ledger.client;
    client.middlewareStack.add(
      (next, { commandName }) =>
        (args) => {
          calls.push(String(commandName));
          return next(args);
        },
      { step: 'initialize', name: 'count' },
    );
    const claims = await ledger.recoveries.claim(anOutput(), thumbnails(250), aLease('first'));
    const claimed = claims.flatMap((claim) => (claim.outcome === 'claimed' ? [claim.record] : []));
    const settled = await ledger.recoveries.settle(claimed.map(asRecovered));
    client.middlewareStack.remove('count');
    expect(claimed).toHaveLength(250);
    expect(settled.every(({ outcome }) => outcome === 'done')).toBe(true);
    expect(calls).toEqual(Array.from({ length: 6 }, () => 'TransactWriteItemsCommand'));
  });

  it('skip settled and leased files and claim the rest, with results in order', async () => {
    const output = anOutput();
    const files = thumbnails(120);
    const first = await ledger.recoveries.claim(output, files.slice(0, 80), aLease('first'));
    const records = first.flatMap((claim) => (claim.outcome === 'claimed' ? [claim.record] : []));
    await ledger.recoveries.settle(records.slice(0, 40).map(asRecovered));
    await ledger.recoveries.release(records.slice(40, 60).map((record) => ({ record })));
    const claims = await ledger.recoveries.claim(output, files, aLease('second'));
    expect(claims.map(({ file }) => file)).toEqual(files);
    expect(claims.map(({ outcome }) => outcome)).toEqual([
      ...Array.from({ length: 40 }, () => 'settled'),
      ...Array.from({ length: 20 }, () => 'claimed'),
      ...Array.from({ length: 20 }, () => 'leased'),
      ...Array.from({ length: 40 }, () => 'claimed'),
    ]);
    expect(claims.every(({ file, record }) => record.filename === file.filename)).toBe(true);
  });

  it('retry when transactions of others conflict on the same items', async () => {
    let conflicts = 0;
    ledger.client.middlewareStack.add(
      (next, { commandName }) =>
        (args) => {
          if (commandName !== 'TransactWriteItemsCommand' || conflicts >= 3) return next(args);
          conflicts++;
          const reasons = [{ Code: 'TransactionConflict' }, { Code: 'None' }];
          throw new TransactionCanceledException({
            message: 'conflict',
            $metadata: {},
            CancellationReasons: reasons,
          });
        },
      { step: 'initialize', name: 'conflict' },
    );
    const claims = await ledger.recoveries.claim(anOutput(), thumbnails(2), aLease('first'));
    ledger.client.middlewareStack.remove('conflict');
    expect(conflicts).toBe(3);
    expect(claims.map(({ outcome }) => outcome)).toEqual(['claimed', 'claimed']);
  });
});
