import { describe, expect, it } from 'vitest';
import { isStalled, stalledAfterMs } from '../../../lambda/reconcile/open-recoveries.ts';
import type { SegmentRecord } from '../../../lambda/shared/ledger/records.ts';
import { HOUR_MS, MINUTE_MS } from '../../../lambda/shared/runtime/durations.ts';
import { NOW } from '../../support/ledger-data.ts';
import { aRecovery } from '../../support/recoveries.ts';

const stalledAfter = stalledAfterMs(990);
const times = { now: NOW, stalledAfter };
const LONG_AGO = NOW - 3 * HOUR_MS;

const record = aRecovery({
  deadline: NOW + HOUR_MS,
  ...{ failedAt: LONG_AGO, createdAt: LONG_AGO, updatedAt: LONG_AGO, attempts: 1 },
});
const segment: SegmentRecord = { ...record, segment: 0, uploadId: 'u', bytesDone: 0 };

describe('isStalled', () => {
  it('is true of a recovery without a lease, progress or a next attempt', () => {
    expect(isStalled(record, [], times)).toBe(true);
  });

  it.each([
    ['was written to', { updatedAt: NOW - stalledAfter }],
    ['made progress', { progressAt: NOW - stalledAfter }],
    ['was due for an attempt', { nextAttemptAt: NOW - stalledAfter }],
    ['is due for its next attempt', { nextAttemptAt: NOW + 15 * MINUTE_MS }],
    ['had a lease', { lease: { owner: 'dead', until: NOW - stalledAfter } }],
  ])('is false of a recovery that %s within the time that a message takes to be redelivered', (_, given) => {
    expect(isStalled({ ...record, ...given }, [], times)).toBe(false);
  });

  it('is false of a recovery of which a segment has a lease or made progress', () => {
    expect(isStalled(record, [segment], times)).toBe(true);
    const working = { ...segment, progressAt: NOW - MINUTE_MS };
    expect(isStalled(record, [segment, working], times)).toBe(false);
    const leased = { ...segment, lease: { owner: 'alive', until: NOW + MINUTE_MS } };
    expect(isStalled(record, [leased], times)).toBe(false);
  });
});

describe('stalledAfterMs', () => {
  it('adds at least a minute to the visibility timeout of the queue', () => {
    expect(stalledAfter).toBeGreaterThan(990_000 + MINUTE_MS);
  });
});
