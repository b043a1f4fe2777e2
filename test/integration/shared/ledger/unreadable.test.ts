import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  failureItemKey,
  type ItemKey,
  recoveryItemKey,
  segmentItemKey,
} from '../../../../lambda/shared/ledger/table.ts';
import { HOUR_MS } from '../../../../lambda/shared/runtime/durations.ts';
import { aFailure, aFile, aLease, anOutput, aPlan, asRecovered, NOW } from '../../../support/ledger-data.ts';
import { startLedger, type TestLedger } from '../../../support/ledger-table.ts';

const FILES = [aFile({ name: 'a.mp4' }), aFile({ name: 'b.mp4' }), aFile({ name: 'c.mp4' })];

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await startLedger();
});
afterAll(() => ledger.close());
beforeEach(() => void ledger.unreadable.splice(0));

const left = (): ItemKey[] => ledger.unreadable.map(({ key }) => key);

/** Three files of one output, claimed. */
async function claimed() {
  const output = anOutput();
  const claims = await ledger.recoveries.claim(output, FILES, aLease('first'));
  return {
    output,
    records: claims.flatMap((claim) => (claim.outcome === 'claimed' ? [claim.record] : [])),
  };
}

describe('an unreadable failure', () => {
  it.each([
    ['time', () => ledger.queries.failuresByTime()],
    ['error class', () => ledger.queries.failuresByClass('UnreadableError')],
    ['host', () => ledger.queries.failuresByHost('unreadable.example')],
  ])('is omitted from failures by %s, and reported', async (_, list) => {
    const failures = [aFailure({ errorClass: 'UnreadableError', destinationHost: 'unreadable.example' })];
    const [bad, good] = [anOutput({ failedAt: NOW - HOUR_MS }), anOutput({ failedAt: NOW - HOUR_MS })];
    for (const output of [bad, good]) await ledger.failures.record({ ...output, failures });
    const key = failureItemKey({ jobId: bad.job.id, outputId: bad.output.id, role: 'media' });
    await ledger.edit(key, 'role', 'caption');
    const found = await Array.fromAsync(list(), ({ jobId }) => jobId);
    expect(found).toContain(good.job.id);
    expect(found).not.toContain(bad.job.id);
    expect(left()).toContainEqual(key);
  });

  it('is omitted from the counts of the chart, and reported', async () => {
    const [bad, good] = [
      anOutput({ failedAt: NOW - 400 * HOUR_MS }),
      anOutput({ failedAt: NOW - 400 * HOUR_MS }),
    ];
    for (const output of [bad, good]) {
      await ledger.failures.record({ ...output, failures: [aFailure()] });
    }
    // A number would be no key of the index by class; of the day's index it is part all the same.
    const key = failureItemKey({ jobId: bad.job.id, outputId: bad.output.id, role: 'media' });
    await ledger.edit(key, 'errorClass', 404);
    const seen: string[] = [];
    const span = { since: NOW - 401 * HOUR_MS, until: NOW - 399 * HOUR_MS };
    const tally = await ledger.queries.countFailures(span, ({ errorClass }) => void seen.push(errorClass));
    expect(tally.isComplete).toBe(true);
    expect(seen).toEqual(['UploadAccessDeniedError']);
    expect(left()).toEqual([key]);
  });

  it('is not overwritten, and does not prevent recording of other failures of the output', async () => {
    const output = anOutput();
    await ledger.failures.record({ ...output, failures: [aFailure()] });
    const key = failureItemKey({ jobId: output.job.id, outputId: output.output.id, role: 'media' });
    await ledger.edit(key, 'failedAt', 'yesterday');
    const failures = [aFailure(), aFailure({ role: 'thumbnail' })];
    const recorded = await ledger.failures.record({ ...output, failures });
    expect(recorded).toMatchObject([{ record: { role: 'thumbnail' }, isNew: true }]);
    expect(left()).toEqual([key]);
  });
});

describe('an unreadable recovery', () => {
  it.each(['role', 'state', 'kind', 'deadline', 'attempts'])(
    'is left out of lists and of its job, and named, when its %s is no such thing',
    async (attribute) => {
      const { output, records } = await claimed();
      const [bad, ...good] = records.map(recoveryItemKey);
      if (bad === undefined) throw new Error('expected three recoveries');
      await ledger.edit(bad, attribute, 'something new');
      const of = { jobId: output.job.id, outputId: output.output.id };
      const lists = [
        await Array.fromAsync(ledger.queries.openRecoveriesByDeadline()),
        await Array.fromAsync(ledger.queries.recoveriesByState('copying')),
        (await ledger.queries.readJob(of.jobId)).recoveries,
        await ledger.queries.readRecoveriesOf(of),
      ];
      for (const list of lists) {
        const own = list.filter(({ jobId }) => jobId === of.jobId).map(recoveryItemKey);
        expect(own.toSorted(bySortKey)).toEqual(good.toSorted(bySortKey));
      }
      expect(left().filter(({ sk }) => sk === bad.sk)).toHaveLength(4);
    },
  );

  it('is skipped by a claim, which claims the others', async () => {
    const output = anOutput();
    const [first] = await ledger.recoveries.claim(output, FILES.slice(0, 1), aLease('first', NOW - 1));
    if (first === undefined) throw new Error('expected a claim');
    await ledger.edit(recoveryItemKey(first.record), 'state', 'archived');
    const claims = await ledger.recoveries.claim(output, FILES, aLease('second'));
    expect(claims).toMatchObject([
      { outcome: 'unreadable', file: FILES[0], error: { key: recoveryItemKey(first.record) } },
      { outcome: 'claimed', file: FILES[1] },
      { outcome: 'claimed', file: FILES[2] },
    ]);
    expect(left()).toEqual([recoveryItemKey(first.record)]);
  });

  it('is skipped by a claim that conflicts with the change', async () => {
    const { records } = await claimed();
    const [bad] = records;
    if (bad === undefined) throw new Error('expected a recovery');
    await ledger.edit(recoveryItemKey(bad), 'state', 'archived');
    const later = NOW + 2 * HOUR_MS;
    const claims = await ledger
      .at(later)
      .recoveries.claimExisting(records, aLease('second', later + HOUR_MS));
    expect(claims.map(({ outcome }) => outcome)).toEqual(['unreadable', 'claimed', 'claimed']);
  });

  it('counts as taken over in settle, which settles the others', async () => {
    const { records } = await claimed();
    const [bad] = records;
    if (bad === undefined) throw new Error('expected a recovery');
    await ledger.edit(recoveryItemKey(bad), 'leaseOwner', 7);
    const settled = await ledger.recoveries.settle(records.map(asRecovered));
    expect(settled).toMatchObject([
      { outcome: 'lease-lost', record: bad },
      { outcome: 'done', record: { state: 'recovered' } },
      { outcome: 'done', record: { state: 'recovered' } },
    ]);
    expect(left()).toEqual([recoveryItemKey(bad)]);
  });
});

describe('an unreadable segment', () => {
  it('is omitted from the progress of its recovery', async () => {
    const { records } = await claimed();
    const [record] = records;
    if (record === undefined) throw new Error('expected a recovery');
    await ledger.uploads.savePlan(record, aPlan());
    for (const segment of [0, 1]) {
      await ledger.uploads.claimSegment({ key: record, uploadId: 'upload-1', segment }, aLease('w'));
    }
    await ledger.edit(segmentItemKey(record, 0), 'segment', 'first');
    expect(await ledger.queries.readSegments(record)).toMatchObject([{ segment: 1 }]);
    const { recoveries } = await ledger.queries.readJob(record.jobId);
    expect(recoveries).toHaveLength(3);
    expect(left()).toEqual([segmentItemKey(record, 0), segmentItemKey(record, 0)]);
  });
});

function bySortKey(a: ItemKey, b: ItemKey): number {
  return a.sk < b.sk ? -1 : 1;
}
