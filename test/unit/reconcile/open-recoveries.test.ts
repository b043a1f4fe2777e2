import { describe, expect, it } from 'vitest';
import { isStalled, patienceMs } from '../../../lambda/reconcile/open-recoveries.ts';
import type { RecoveryRecord, SegmentRecord } from '../../../lambda/shared/ledger/records.ts';

const NOW = Date.parse('2026-03-15T12:00:00Z');
const MINUTE = 60_000;
const patience = patienceMs(990);
const times = { now: NOW, patience };
const LONG_AGO = NOW - 3 * 60 * MINUTE;

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
  deadline: NOW + 60 * MINUTE,
  expectedSize: null,
  expectedMd5: null,
  failedAt: LONG_AGO,
  createdAt: LONG_AGO,
  updatedAt: LONG_AGO,
  attempts: 1,
  history: [],
};

const segment: SegmentRecord = { ...record, segment: 0, uploadId: 'u', bytesDone: 0 };

describe('an open recovery', () => {
  it('stands still when nothing is known to happen any more', () => {
    expect(isStalled(record, [], times)).toBe(true);
  });

  it.each([
    ['was written to', { updatedAt: NOW - patience }],
    ['made progress', { progressAt: NOW - patience }],
    ['was to be tried', { nextAttemptAt: NOW - patience }],
    ['is to be tried', { nextAttemptAt: NOW + 15 * MINUTE }],
    ['was leased', { lease: { owner: 'dead', until: NOW - patience } }],
  ])('does not when it %s as long ago as a message may take to come back', (_, given) => {
    expect(isStalled({ ...record, ...given }, [], times)).toBe(false);
  });

  it('does not while one of its segments is at work', () => {
    expect(isStalled(record, [segment], times)).toBe(true);
    const working = { ...segment, progressAt: NOW - MINUTE };
    expect(isStalled(record, [segment, working], times)).toBe(false);
    const leased = { ...segment, lease: { owner: 'alive', until: NOW + MINUTE } };
    expect(isStalled(record, [leased], times)).toBe(false);
  });

  it('is given some minutes more than the queue hides a message', () => {
    expect(patience).toBeGreaterThan(990_000 + MINUTE);
  });
});
