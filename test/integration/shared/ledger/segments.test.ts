import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ClaimedRecovery } from '../../../../lambda/shared/ledger/records.ts';
import type { SegmentRef } from '../../../../lambda/shared/ledger/segments.ts';
import { HOUR_MS, MINUTE_MS } from '../../../../lambda/shared/runtime/durations.ts';
import { aFile, aLease, anError, anOutput, aPlan, asRecovered, NOW } from '../../../support/ledger-data.ts';
import { startLedger, type TestLedger } from '../../../support/ledger-table.ts';

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await startLedger();
});
afterAll(() => ledger.close());

async function claimOne(output = anOutput()): Promise<ClaimedRecovery> {
  const [claim] = await ledger.recoveries.claim(output, [aFile()], aLease('planner'));
  if (claim?.outcome !== 'claimed') throw new Error(`expected a claim, got ${claim?.outcome}`);
  return claim.record;
}

async function planned(
  segments = 3,
): Promise<{ record: ClaimedRecovery; ref: (segment: number) => SegmentRef }> {
  const record = await claimOne();
  await ledger.uploads.savePlan(record, aPlan({ segments, size: segments * 1000 }));
  await ledger.uploads.releaseLease(record);
  return { record, ref: (segment) => ({ key: record, uploadId: 'upload-1', segment }) };
}

const finish = (ref: SegmentRef, owner = 'any') => ledger.uploads.finishSegment(ref, owner, 1000);

/** When segment 1 is due again, and by which message. */
const next = {
  nextAttemptAt: NOW + MINUTE_MS,
  nextAttemptMessage: { messageId: 'of segment 1', receiptHandle: 'handle' },
};

describe('an upload plan', () => {
  it('is stored once; later callers receive the first', async () => {
    const record = await claimOne();
    const saved = await ledger.uploads.savePlan(record, aPlan());
    const other = await ledger.uploads.savePlan(record, aPlan({ uploadId: 'upload-2' }));
    expect(saved).toMatchObject({ outcome: 'saved', record: { upload: { ...aPlan(), segmentsDone: [] } } });
    expect(other).toMatchObject({ outcome: 'exists', record: { upload: { uploadId: 'upload-1' } } });
    expect(await ledger.uploads.savePlan(record, aPlan())).toMatchObject({ outcome: 'saved' });
  });

  it('is rejected without the lease', async () => {
    const record = await claimOne();
    await ledger.recoveries.release([{ record }]);
    expect(await ledger.uploads.savePlan(record, aPlan())).toMatchObject({ outcome: 'lease-lost' });
  });

  it('is deleted with its progress, and only for its upload id', async () => {
    const { record, ref } = await planned();
    await finish(ref(0));
    expect(await ledger.uploads.dropPlan(record, 'upload-2')).toBe(false);
    expect(await ledger.uploads.dropPlan(record, 'upload-1')).toBe(true);
    const left = await ledger.queries.readRecovery(record);
    expect(left).not.toHaveProperty('upload');
    expect(left).not.toHaveProperty('bytesDone');
    expect(await finish(ref(1))).toMatchObject({ outcome: 'stale' });
  });
});

describe('a segment', () => {
  it('is claimed by one of ten duplicate messages, with the plan', async () => {
    const { ref } = await planned();
    const claims = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        ledger.uploads.claimSegment(ref(0), aLease(`invocation ${index}`)),
      ),
    );
    const won = claims.filter(({ outcome }) => outcome === 'claimed');
    expect(won).toMatchObject([{ record: { upload: { uploadId: 'upload-1', segments: 3 } } }]);
    expect(claims.filter(({ outcome }) => outcome === 'leased')).toHaveLength(9);
  });

  it('is taken over when its lease has expired or was released', async () => {
    const { ref } = await planned();
    await ledger.uploads.claimSegment(ref(0), aLease('dead', NOW + 10));
    expect(await ledger.at(NOW + 10).uploads.claimSegment(ref(0), aLease('next'))).toEqual({
      outcome: 'leased',
      lease: { owner: 'dead', until: NOW + 10 },
    });
    expect((await ledger.at(NOW + 11).uploads.claimSegment(ref(0), aLease('next'))).outcome).toBe('claimed');
    await ledger.uploads.releaseSegment(ref(0), 'next');
    expect((await ledger.uploads.claimSegment(ref(0), aLease('next'))).outcome).toBe('claimed');
  });

  it('is done for every later message, and its item is deleted', async () => {
    const { record, ref } = await planned();
    await ledger.uploads.claimSegment(ref(0), aLease('one'));
    await finish(ref(0), 'one');
    const claim = await ledger.uploads.claimSegment(ref(0), aLease('two'));
    expect(claim).toMatchObject({ outcome: 'done', allDone: false });
    expect(await ledger.queries.readSegments(record)).toEqual([]);
  });

  it('is stale when its upload was restarted or its recovery is settled', async () => {
    const { record, ref } = await planned();
    const other = { ...ref(0), uploadId: 'upload-0' };
    expect((await ledger.uploads.claimSegment(other, aLease('late'))).outcome).toBe('stale');
    await Promise.all([0, 1, 2].map((segment) => finish(ref(segment))));
    const claim = await ledger.uploads.claimCompletion(record, 'upload-1', aLease('one'));
    if (claim.outcome !== 'claimed') throw new Error(claim.outcome);
    await ledger.recoveries.settle([asRecovered(claim.record)]);
    expect((await ledger.uploads.claimSegment(ref(0), aLease('late'))).outcome).toBe('stale');
    expect(await ledger.queries.readSegments(record)).toEqual([]);
  });

  it('stores its error in the recovery when it is released', async () => {
    const { record, ref } = await planned();
    await ledger.uploads.claimSegment(ref(1), aLease('one'));
    await ledger.uploads.releaseSegment(ref(1), 'one', anError(), next);
    expect(await ledger.queries.readRecovery(record)).toMatchObject(next);
    expect(await ledger.queries.readRecovery(record)).toMatchObject({
      state: 'copying',
      lastError: anError(),
      history: [{ errorClass: 'BucketAccessDenied' }],
    });
  });

  it('clears the next attempt of its recovery when it is finished', async () => {
    const { record, ref } = await planned();
    await ledger.uploads.claimSegment(ref(1), aLease('one'));
    await ledger.uploads.releaseSegment(ref(1), 'one', anError(), next);
    expect(await ledger.queries.readRecovery(record)).toMatchObject(next);

    await finish(ref(0));

    const left = await ledger.queries.readRecovery(record);
    expect(left).toMatchObject({ state: 'copying', lastError: anError() });
    expect(left).not.toHaveProperty('nextAttemptAt');
    expect(left).not.toHaveProperty('nextAttemptMessage');
  });
});

describe('progress of segments', () => {
  it('is the sum of finished and running segments, nothing counted twice', async () => {
    const { record, ref } = await planned();
    const bytes = async () => (await ledger.queries.readJob(record.jobId)).recoveries[0]?.bytesDone;
    const progress = (segment: number, owner: string, bytesDone: number) =>
      ledger.uploads.saveSegmentProgress(ref(segment), owner, bytesDone);
    await ledger.uploads.claimSegment(ref(0), aLease('one', NOW + 1));
    await ledger.uploads.claimSegment(ref(1), aLease('two'));
    expect(await bytes()).toBe(0);
    await progress(0, 'one', 600);
    await progress(1, 'two', 300);
    expect(await bytes()).toBe(900);
    await ledger.at(NOW + 2).uploads.claimSegment(ref(0), aLease('next'));
    expect(await progress(0, 'one', 700)).toBe(false);
    await progress(0, 'next', 650);
    expect(await bytes()).toBe(950);
    await finish(ref(0), 'next');
    await finish(ref(0), 'one');
    expect(await bytes()).toBe(1300);
  });

  it('starts at zero under a new plan', async () => {
    const { record, ref } = await planned();
    await ledger.uploads.claimSegment(ref(0), aLease('one'));
    await ledger.uploads.saveSegmentProgress(ref(0), 'one', 600);
    await ledger.uploads.dropPlan(record, 'upload-1');
    const [claim] = await ledger.recoveries.claim(
      { ...anOutput({ jobId: record.jobId, outputId: record.outputId }) },
      [aFile()],
      aLease('planner 2'),
    );
    if (claim?.outcome !== 'claimed') throw new Error('not claimed');
    await ledger.uploads.savePlan(claim.record, aPlan({ uploadId: 'upload-2' }));
    await ledger.uploads.claimSegment({ ...ref(0), uploadId: 'upload-2' }, aLease('two'));
    const { recoveries } = await ledger.queries.readJob(record.jobId);
    expect(recoveries).toMatchObject([{ bytesDone: 0, bytesTotal: 3000 }]);
  });
});

describe('completion', () => {
  it('is claimed by exactly one of many concurrent segments', async () => {
    const { record, ref } = await planned(12);
    const finished = await Promise.all(
      Array.from({ length: 12 }, async (_, segment) => {
        const result = await finish(ref(segment));
        if (result.outcome !== 'finished' || !result.allDone) return 'not the last';
        const lease = aLease(`finisher ${segment}`);
        return (await ledger.uploads.claimCompletion(record, 'upload-1', lease)).outcome;
      }),
    );
    expect(finished.filter((outcome) => outcome === 'claimed')).toHaveLength(1);
    expect(await ledger.queries.readRecovery(record)).toMatchObject({
      bytesDone: 12_000,
      upload: { segmentsDone: Array.from({ length: 12 }, (_, segment) => segment) },
    });
  });

  it('is offered to every caller from the last segment on, and claimed by one', async () => {
    const { record, ref } = await planned(1);
    expect(await finish(ref(0))).toMatchObject({ outcome: 'finished', allDone: true });
    expect(await finish(ref(0))).toMatchObject({ outcome: 'finished', allDone: true });
    const again = await ledger.uploads.claimSegment(ref(0), aLease('again'));
    expect(again).toMatchObject({ outcome: 'done', allDone: true });
    const outcomes = await Promise.all(
      ['a', 'b', 'c', 'd'].map((owner) => ledger.uploads.claimCompletion(record, 'upload-1', aLease(owner))),
    );
    expect(outcomes.map(({ outcome }) => outcome).sort()).toEqual(['claimed', 'leased', 'leased', 'leased']);
  });

  it('is taken over when its lease has expired, and is unavailable once settled', async () => {
    const { record, ref } = await planned(1);
    await finish(ref(0));
    await ledger.uploads.claimCompletion(record, 'upload-1', aLease('dead', NOW + 5));
    const next = await ledger.at(NOW + 6).uploads.claimCompletion(record, 'upload-1', aLease('next'));
    if (next.outcome !== 'claimed') throw new Error(next.outcome);
    const [settled] = await ledger.at(NOW + 7).recoveries.settle([asRecovered(next.record)]);
    expect(settled?.record).not.toHaveProperty('upload');
    const late = await ledger.at(NOW + HOUR_MS).uploads.claimCompletion(record, 'upload-1', aLease('late'));
    expect(late).toMatchObject({ outcome: 'settled', record: { settledBy: 'next' } });
  });

  it('waits for unfinished segments and for those whose parts were lost', async () => {
    const { record, ref } = await planned(2);
    await finish(ref(0));
    const early = await ledger.uploads.claimCompletion(record, 'upload-1', aLease('one'));
    expect(early.outcome).toBe('stale');
    await finish(ref(1));
    const claim = await ledger.uploads.claimCompletion(record, 'upload-1', aLease('one'));
    if (claim.outcome !== 'claimed' || claim.record.upload === undefined) throw new Error(claim.outcome);
    const completing = { ...claim.record, upload: claim.record.upload };
    expect(await ledger.uploads.reopenSegments(completing, [1], 1000)).toBe(true);
    expect(await ledger.queries.readRecovery(record)).toMatchObject({
      bytesDone: 1000,
      upload: { segmentsDone: [0] },
    });
  });

  it('can be claimed again after a release with an error', async () => {
    const { record, ref } = await planned(1);
    await finish(ref(0));
    const first = await ledger.uploads.claimCompletion(record, 'upload-1', aLease('one'));
    if (first.outcome !== 'claimed') throw new Error(first.outcome);
    await ledger.recoveries.release([{ record: first.record, error: anError() }]);
    const again = await ledger.uploads.claimSegment(ref(0), aLease('two'));
    expect(again).toMatchObject({ outcome: 'done', allDone: true });
    const second = await ledger.uploads.claimCompletion(record, 'upload-1', aLease('two'));
    expect(second).toMatchObject({ outcome: 'claimed', record: { state: 'copying', history: [{}] } });
  });

  it('clears the next attempt once it is claimed', async () => {
    const { record, ref } = await planned(1);
    await finish(ref(0));
    const first = await ledger.uploads.claimCompletion(record, 'upload-1', aLease('one'));
    if (first.outcome !== 'claimed') throw new Error(first.outcome);
    const next = {
      nextAttemptAt: NOW + MINUTE_MS,
      nextAttemptMessage: { messageId: 'of segment 0', receiptHandle: 'handle' },
    };
    await ledger.recoveries.release([{ record: first.record, error: anError(), ...next }]);
    expect(await ledger.queries.readRecovery(record)).toMatchObject({ state: 'pending', ...next });

    await ledger.at(NOW + MINUTE_MS).uploads.claimCompletion(record, 'upload-1', aLease('two'));

    const claimed = await ledger.queries.readRecovery(record);
    expect(claimed).toMatchObject({ state: 'copying', attempts: 3, lease: { owner: 'two' } });
    expect(claimed).not.toHaveProperty('nextAttemptAt');
    expect(claimed).not.toHaveProperty('nextAttemptMessage');
  });
});
