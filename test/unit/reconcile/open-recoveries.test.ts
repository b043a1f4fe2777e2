import { describe, expect, it } from 'vitest';
import { isStalled, stalledAfterMs } from '../../../lambda/reconcile/open-recoveries.ts';
import type { RecoveryRecord, SegmentRecord } from '../../../lambda/shared/ledger/records.ts';
import { HOUR_MS, MINUTE_MS } from '../../../lambda/shared/runtime/durations.ts';

const NOW = Date.parse('2026-03-15T12:00:00Z');
const stalledAfter = stalledAfterMs(990);
const times = { now: NOW, stalledAfter };
const LONG_AGO = NOW - 3 * HOUR_MS;

const record: RecoveryRecord = {
  jobId: '1',
  outputId: '2',
  role: 'media',
  fileId: '0123456789abcdef',
  label: null,
  outputType: null,
  passThrough: null,
  test: false,
  filename: 'a.mp4',
  thumbnailLabel: null,
  source: 'host/a.mp4',
  state: 'pending',
  deadline: NOW + HOUR_MS,
  expectedSize: null,
  expectedMd5: null,
  failedAt: LONG_AGO,
  createdAt: LONG_AGO,
  updatedAt: LONG_AGO,
  attempts: 1,
  history: [],
};

const segment: SegmentRecord = { ...record, segment: 0, uploadId: 'u', bytesDone: 0 };

describe('isStalled', () => {
  it('reports a recovery that has no lease, no progress and no attempt to come', () => {
    expect(isStalled(record, [], times)).toBe(true);
  });

  it.each([
    ['was written to', { updatedAt: NOW - stalledAfter }],
    ['made progress', { progressAt: NOW - stalledAfter }],
    ['was due for an attempt', { nextAttemptAt: NOW - stalledAfter }],
    ['is due for its next attempt', { nextAttemptAt: NOW + 15 * MINUTE_MS }],
    ['had a lease', { lease: { owner: 'dead', until: NOW - stalledAfter } }],
  ])('accepts a recovery that %s within the time that a message takes to be redelivered', (_, given) => {
    expect(isStalled({ ...record, ...given }, [], times)).toBe(false);
  });

  it('accepts a recovery of which a segment has a lease or made progress', () => {
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
