import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { claimFiles } from '../../../../lambda/shared/ledger/claims.ts';
import { readJob, readRecovery, readSegments } from '../../../../lambda/shared/ledger/reads.ts';
import type { ClaimedRecovery } from '../../../../lambda/shared/ledger/records.ts';
import {
  claimSegment,
  finishSegment,
  releaseSegment,
  type SegmentRef,
  saveSegmentProgress,
} from '../../../../lambda/shared/ledger/segments.ts';
import { releaseRecoveries, settleRecoveries } from '../../../../lambda/shared/ledger/settlements.ts';
import {
  claimCompletion,
  dropPlan,
  releaseLease,
  reopenSegments,
  savePlan,
} from '../../../../lambda/shared/ledger/upload-plans.ts';
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

async function claimOne(output = anOutput()): Promise<ClaimedRecovery> {
  const [claim] = await claimFiles(ledger.table, output, [aFile()], aLease('planner'), NOW);
  if (claim?.outcome !== 'claimed') throw new Error(`expected a claim, got ${claim?.outcome}`);
  return claim.record;
}

async function planned(
  segments = 3,
): Promise<{ record: ClaimedRecovery; ref: (segment: number) => SegmentRef }> {
  const record = await claimOne();
  await savePlan(ledger.table, record, aPlan({ segments, size: segments * 1000 }), NOW);
  await releaseLease(ledger.table, record, NOW);
  return { record, ref: (segment) => ({ key: record, uploadId: 'upload-1', segment }) };
}

const finish = (ref: SegmentRef, owner = 'any') => finishSegment(ledger.table, ref, owner, 1000, NOW);

describe('a plan', () => {
  it('is kept once; a later planner is given the first', async () => {
    const record = await claimOne();
    const saved = await savePlan(ledger.table, record, aPlan(), NOW);
    const other = await savePlan(ledger.table, record, aPlan({ uploadId: 'upload-2' }), NOW);
    expect(saved).toMatchObject({ outcome: 'saved', record: { upload: { ...aPlan(), segmentsDone: [] } } });
    expect(other).toMatchObject({ outcome: 'exists', record: { upload: { uploadId: 'upload-1' } } });
    expect(await savePlan(ledger.table, record, aPlan(), NOW)).toMatchObject({ outcome: 'saved' });
  });

  it('is refused to a planner whose lease is gone', async () => {
    const record = await claimOne();
    await releaseRecoveries(ledger.table, [{ record }], NOW);
    expect(await savePlan(ledger.table, record, aPlan(), NOW)).toMatchObject({ outcome: 'lease-lost' });
  });

  it('goes with its progress when it is dropped, and only by its upload', async () => {
    const { record, ref } = await planned();
    await finish(ref(0));
    expect(await dropPlan(ledger.table, record, 'upload-2', NOW)).toBe(false);
    expect(await dropPlan(ledger.table, record, 'upload-1', NOW)).toBe(true);
    const left = await readRecovery(ledger.table, record);
    expect(left).not.toHaveProperty('upload');
    expect(left).not.toHaveProperty('bytesDone');
    expect(await finish(ref(1))).toMatchObject({ outcome: 'stale' });
  });
});

describe('a segment', () => {
  it('is claimed by one of ten repeated messages, with the plan', async () => {
    const { ref } = await planned();
    const claims = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        claimSegment(ledger.table, ref(0), aLease(`invocation ${index}`), NOW),
      ),
    );
    const won = claims.filter(({ outcome }) => outcome === 'claimed');
    expect(won).toMatchObject([{ record: { upload: { uploadId: 'upload-1', segments: 3 } } }]);
    expect(claims.filter(({ outcome }) => outcome === 'leased')).toHaveLength(9);
  });

  it('is taken over when its lease has run out, or was given back', async () => {
    const { ref } = await planned();
    await claimSegment(ledger.table, ref(0), aLease('dead', NOW + 10), NOW);
    expect(await claimSegment(ledger.table, ref(0), aLease('heir'), NOW + 10)).toEqual({
      outcome: 'leased',
      lease: { owner: 'dead', until: NOW + 10 },
    });
    expect((await claimSegment(ledger.table, ref(0), aLease('heir'), NOW + 11)).outcome).toBe('claimed');
    await releaseSegment(ledger.table, ref(0), 'heir', NOW);
    expect((await claimSegment(ledger.table, ref(0), aLease('next'), NOW)).outcome).toBe('claimed');
  });

  it('is done for every later message, and leaves no item behind', async () => {
    const { record, ref } = await planned();
    await claimSegment(ledger.table, ref(0), aLease('one'), NOW);
    await finish(ref(0), 'one');
    const claim = await claimSegment(ledger.table, ref(0), aLease('two'), NOW);
    expect(claim).toMatchObject({ outcome: 'done', allDone: false });
    expect(await readSegments(ledger.table, record)).toEqual([]);
  });

  it('of an upload that was planned anew, or of a settled recovery, is stale', async () => {
    const { record, ref } = await planned();
    const other = { ...ref(0), uploadId: 'upload-0' };
    expect((await claimSegment(ledger.table, other, aLease('late'), NOW)).outcome).toBe('stale');
    await Promise.all([0, 1, 2].map((segment) => finish(ref(segment))));
    const claim = await claimCompletion(ledger.table, record, 'upload-1', aLease('one'), NOW);
    if (claim.outcome !== 'claimed') throw new Error(claim.outcome);
    await settleRecoveries(ledger.table, [asRecovered(claim.record)], NOW);
    expect((await claimSegment(ledger.table, ref(0), aLease('late'), NOW)).outcome).toBe('stale');
    expect(await readSegments(ledger.table, record)).toEqual([]);
  });

  it('notes its error with the recovery when it is given back', async () => {
    const { record, ref } = await planned();
    await claimSegment(ledger.table, ref(1), aLease('one'), NOW);
    const next = {
      nextAttemptAt: NOW + 60_000,
      nextAttemptMessage: { messageId: 'of segment 1', receiptHandle: 'handle' },
    };
    await releaseSegment(ledger.table, ref(1), 'one', NOW, anError(), next);
    expect(await readRecovery(ledger.table, record)).toMatchObject(next);
    expect(await readRecovery(ledger.table, record)).toMatchObject({
      state: 'copying',
      lastError: anError(),
      history: [{ errorClass: 'BucketAccessDenied' }],
    });
  });

  it('that ends is a sign of life: its recovery waits for no attempt of another one any more', async () => {
    const { record, ref } = await planned();
    await claimSegment(ledger.table, ref(1), aLease('one'), NOW);
    const next = {
      nextAttemptAt: NOW + 60_000,
      nextAttemptMessage: { messageId: 'of segment 1', receiptHandle: 'handle' },
    };
    await releaseSegment(ledger.table, ref(1), 'one', NOW, anError(), next);
    expect(await readRecovery(ledger.table, record)).toMatchObject(next);

    await finish(ref(0));

    const left = await readRecovery(ledger.table, record);
    expect(left).toMatchObject({ state: 'copying', lastError: anError() });
    expect(left).not.toHaveProperty('nextAttemptAt');
    expect(left).not.toHaveProperty('nextAttemptMessage');
  });
});

describe('progress of segments', () => {
  it('is the sum of what is finished and what is at work, nothing counted twice', async () => {
    const { record, ref } = await planned();
    const bytes = async () => (await readJob(ledger.table, record.jobId)).recoveries[0]?.bytesDone;
    const progress = (segment: number, owner: string, bytesDone: number) =>
      saveSegmentProgress(ledger.table, ref(segment), owner, { bytesDone, at: NOW });
    await claimSegment(ledger.table, ref(0), aLease('one', NOW + 1), NOW);
    await claimSegment(ledger.table, ref(1), aLease('two'), NOW);
    expect(await bytes()).toBe(0);
    await progress(0, 'one', 600);
    await progress(1, 'two', 300);
    expect(await bytes()).toBe(900);
    await claimSegment(ledger.table, ref(0), aLease('heir'), NOW + 2);
    expect(await progress(0, 'one', 700)).toBe(false);
    await progress(0, 'heir', 650);
    expect(await bytes()).toBe(950);
    await finish(ref(0), 'heir');
    await finish(ref(0), 'one');
    expect(await bytes()).toBe(1300);
  });

  it('begins at nothing under a new plan', async () => {
    const { record, ref } = await planned();
    await claimSegment(ledger.table, ref(0), aLease('one'), NOW);
    await saveSegmentProgress(ledger.table, ref(0), 'one', { bytesDone: 600, at: NOW });
    await dropPlan(ledger.table, record, 'upload-1', NOW);
    const [claim] = await claimFiles(
      ledger.table,
      { ...anOutput({ jobId: record.jobId, outputId: record.outputId }) },
      [aFile()],
      aLease('planner 2'),
      NOW,
    );
    if (claim?.outcome !== 'claimed') throw new Error('not claimed');
    await savePlan(ledger.table, claim.record, aPlan({ uploadId: 'upload-2' }), NOW);
    await claimSegment(ledger.table, { ...ref(0), uploadId: 'upload-2' }, aLease('two'), NOW);
    const { recoveries } = await readJob(ledger.table, record.jobId);
    expect(recoveries).toMatchObject([{ bytesDone: 0, bytesTotal: 3000 }]);
  });
});

describe('completion', () => {
  it('falls to exactly one of many concurrent finishers', async () => {
    const { record, ref } = await planned(12);
    const finished = await Promise.all(
      Array.from({ length: 12 }, async (_, segment) => {
        const result = await finish(ref(segment));
        if (result.outcome !== 'finished' || !result.allDone) return 'not the last';
        const lease = aLease(`finisher ${segment}`);
        return (await claimCompletion(ledger.table, record, 'upload-1', lease, NOW)).outcome;
      }),
    );
    expect(finished.filter((outcome) => outcome === 'claimed')).toHaveLength(1);
    expect(await readRecovery(ledger.table, record)).toMatchObject({
      bytesDone: 12_000,
      upload: { segmentsDone: Array.from({ length: 12 }, (_, segment) => segment) },
    });
  });

  it('is told to every caller from the last segment on, of whom one is let in', async () => {
    const { record, ref } = await planned(1);
    expect(await finish(ref(0))).toMatchObject({ outcome: 'finished', allDone: true });
    expect(await finish(ref(0))).toMatchObject({ outcome: 'finished', allDone: true });
    const again = await claimSegment(ledger.table, ref(0), aLease('again'), NOW);
    expect(again).toMatchObject({ outcome: 'done', allDone: true });
    const outcomes = await Promise.all(
      ['a', 'b', 'c', 'd'].map((owner) =>
        claimCompletion(ledger.table, record, 'upload-1', aLease(owner), NOW),
      ),
    );
    expect(outcomes.map(({ outcome }) => outcome).sort()).toEqual(['claimed', 'leased', 'leased', 'leased']);
  });

  it('passes to an heir when its invocation died, and is nothing to do once settled', async () => {
    const { record, ref } = await planned(1);
    await finish(ref(0));
    await claimCompletion(ledger.table, record, 'upload-1', aLease('dead', NOW + 5), NOW);
    const heir = await claimCompletion(ledger.table, record, 'upload-1', aLease('heir'), NOW + 6);
    if (heir.outcome !== 'claimed') throw new Error(heir.outcome);
    const [settled] = await settleRecoveries(ledger.table, [asRecovered(heir.record)], NOW + 7);
    expect(settled?.record).not.toHaveProperty('upload');
    const late = await claimCompletion(ledger.table, record, 'upload-1', aLease('late'), NOW + HOUR);
    expect(late).toMatchObject({ outcome: 'settled', record: { settledBy: 'heir' } });
  });

  it('waits for segments that are not done, or whose parts were lost', async () => {
    const { record, ref } = await planned(2);
    await finish(ref(0));
    const early = await claimCompletion(ledger.table, record, 'upload-1', aLease('one'), NOW);
    expect(early.outcome).toBe('stale');
    await finish(ref(1));
    const claim = await claimCompletion(ledger.table, record, 'upload-1', aLease('one'), NOW);
    if (claim.outcome !== 'claimed' || claim.record.upload === undefined) throw new Error(claim.outcome);
    const completing = { ...claim.record, upload: claim.record.upload };
    expect(await reopenSegments(ledger.table, completing, [1], 1000, NOW)).toBe(true);
    expect(await readRecovery(ledger.table, record)).toMatchObject({
      bytesDone: 1000,
      upload: { segmentsDone: [0] },
    });
  });

  it('can still be claimed after a completion was given back with an error', async () => {
    const { record, ref } = await planned(1);
    await finish(ref(0));
    const first = await claimCompletion(ledger.table, record, 'upload-1', aLease('one'), NOW);
    if (first.outcome !== 'claimed') throw new Error(first.outcome);
    await releaseRecoveries(ledger.table, [{ record: first.record, error: anError() }], NOW);
    const again = await claimSegment(ledger.table, ref(0), aLease('two'), NOW);
    expect(again).toMatchObject({ outcome: 'done', allDone: true });
    const second = await claimCompletion(ledger.table, record, 'upload-1', aLease('two'), NOW);
    expect(second).toMatchObject({ outcome: 'claimed', record: { state: 'copying', history: [{}] } });
  });

  it('waits no longer once it is claimed', async () => {
    const { record, ref } = await planned(1);
    await finish(ref(0));
    const first = await claimCompletion(ledger.table, record, 'upload-1', aLease('one'), NOW);
    if (first.outcome !== 'claimed') throw new Error(first.outcome);
    const next = {
      nextAttemptAt: NOW + 60_000,
      nextAttemptMessage: { messageId: 'of segment 0', receiptHandle: 'handle' },
    };
    await releaseRecoveries(ledger.table, [{ record: first.record, error: anError(), ...next }], NOW);
    expect(await readRecovery(ledger.table, record)).toMatchObject({ state: 'pending', ...next });

    await claimCompletion(ledger.table, record, 'upload-1', aLease('two'), NOW + 60_000);

    const claimed = await readRecovery(ledger.table, record);
    expect(claimed).toMatchObject({ state: 'copying', attempts: 3, lease: { owner: 'two' } });
    expect(claimed).not.toHaveProperty('nextAttemptAt');
    expect(claimed).not.toHaveProperty('nextAttemptMessage');
  });
});
