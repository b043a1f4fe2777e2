import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  dayOf,
  failedAtKey,
  failureItemKey,
  isoTime,
  recoveriesPrefix,
  recoveryItemKey,
  SHARDS,
  segmentItemKey,
  segmentsPrefix,
  shardOf,
  shardPartition,
  shardPartitions,
  startOfDay,
  stateIndexKeys,
} from '../../../../lambda/shared/ledger/table.ts';

const id = fc.stringMatching(/^[0-9]{1,20}$/);
const role = fc.constantFrom('media' as const, 'thumbnail' as const);
const fileId = fc.stringMatching(/^[0-9a-f]{16}$/);
const time = fc.integer({ min: 0, max: Date.UTC(9999, 11, 31) });

describe('keys of the table', () => {
  it('have a readable format', () => {
    const key = { jobId: '1', outputId: '2', role: 'media', fileId: '0123456789abcdef' } as const;
    expect(failureItemKey(key)).toEqual({ pk: 'JOB#1', sk: 'OUTPUT#2#FAILURE#media' });
    expect(recoveryItemKey(key)).toEqual({ pk: 'JOB#1', sk: 'OUTPUT#2#RECOVERY#media#0123456789abcdef' });
    expect(segmentItemKey(key, 7).sk).toBe('OUTPUT#2#RECOVERY#media#0123456789abcdef#SEGMENT#00007');
  });

  it('are unique to a record, and start with its prefix', () => {
    const recovery = fc.record({ jobId: id, outputId: id, role, fileId });
    fc.assert(
      fc.property(recovery, recovery, (one, other) => {
        const same = JSON.stringify(recoveryItemKey(one)) === JSON.stringify(recoveryItemKey(other));
        expect(same).toBe(
          JSON.stringify([one.jobId, one.outputId, one.role, one.fileId]) ===
            JSON.stringify([other.jobId, other.outputId, other.role, other.fileId]),
        );
        expect(recoveryItemKey(one).sk.startsWith(recoveriesPrefix(one))).toBe(true);
        expect(segmentItemKey(one, 1).sk.startsWith(segmentsPrefix(one))).toBe(true);
      }),
    );
  });
});

describe('index keys', () => {
  it('sort by time', () => {
    const failure = fc.record({ failedAt: time, jobId: id, outputId: id, role });
    fc.assert(
      fc.property(failure, failure, (one, other) => {
        fc.pre(one.failedAt < other.failedAt);
        expect(failedAtKey(one) < failedAtKey(other)).toBe(true);
      }),
    );
  });

  it('assign a failure to the day that a query of its time reads', () => {
    fc.assert(
      fc.property(time, (failedAt) => {
        expect(dayOf(failedAt)).toBe(isoTime(failedAt).slice(0, 10));
        expect(isoTime(startOfDay(failedAt))).toBe(`${dayOf(failedAt)}T00:00:00.000Z`);
      }),
    );
  });

  it('distribute jobs evenly over the shards', () => {
    const counts = new Map<number, number>();
    for (let job = 0; job < 8000; job++) {
      const shard = shardOf(String(270_000_000 + job));
      counts.set(shard, (counts.get(shard) ?? 0) + 1);
    }
    expect(counts.size).toBe(SHARDS);
    expect(Math.min(...counts.values())).toBeGreaterThan(850);
    expect(shardPartitions('2026-03-15')).toContain('2026-03-15#7');
  });

  it('truncate names that are too long, never within a character', () => {
    expect(shardPartition(`${'a'.repeat(499)}😀`, 3)).toBe(`${'a'.repeat(499)}#3`);
    expect(shardPartition('a'.repeat(501), 3)).toBe(`${'a'.repeat(500)}#3`);
  });

  it('accept times outside the calendar', () => {
    expect(isoTime(-1)).toBe('1970-01-01T00:00:00.000Z');
    expect(isoTime(Number.MAX_SAFE_INTEGER)).toBe('9999-12-31T23:59:59.999Z');
  });

  it('order open recoveries by deadline and settled ones by settlement', () => {
    const key = { jobId: '1', outputId: '2', role: 'media', fileId: 'f' } as const;
    const times = { deadline: 1000, settledAt: 2000 };
    const ofState = (state: 'copying' | 'lost') => stateIndexKeys({ ...key, ...times, state });
    expect(ofState('copying')).toEqual({
      stateShard: `OPEN#${shardOf('1')}`,
      stateKey: '1970-01-01T00:00:01.000Z#1#2#media#f',
    });
    expect(ofState('lost').stateKey).toBe('1970-01-01T00:00:02.000Z#1#2#media#f');
  });
});
