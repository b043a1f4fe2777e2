import { describe, expect, it } from 'vitest';
import type { RecoveryRecord } from '../../../../lambda/shared/ledger/records.ts';
import { canBeRetried, progressOf, summarize } from '../../../../lambda/shared/reporting/job.ts';
import { aRecovery } from '../../../support/recoveries.ts';

describe('summarize', () => {
  it.each([
    [['recovered', 'recovered'], 'recovered'],
    [['recovered', 'pending'], 'pending'],
    [['pending', 'copying'], 'copying'],
    [['copying', 'failed'], 'failed'],
    [['failed', 'lost', 'recovered'], 'lost'],
  ] as const)('%j together are %s', (states, expected) => {
    expect(summarize(states.map((state) => aRecovery({ state }))).state).toBe(expected);
  });

  it('returns none without files', () => {
    expect(summarize([])).toMatchObject({ state: null, files: 0, deadline: null });
  });

  it('returns the earliest deadline of open recoveries', () => {
    const files = [
      aRecovery({ state: 'pending', deadline: 300 }),
      aRecovery({ state: 'copying', deadline: 200 }),
      aRecovery({ state: 'recovered', deadline: 100 }),
    ];
    expect(summarize(files).deadline).toBe(200);
  });
});

describe('progressOf', () => {
  it('counts bytes when every size is known', () => {
    const files = [
      aRecovery({ state: 'recovered', size: 100 }),
      aRecovery({ state: 'copying', expectedSize: 300, bytesDone: 150, bytesTotal: 300 }),
    ];
    expect(progressOf(files)).toEqual({ unit: 'bytes', done: 250, total: 400 });
  });

  it('counts files when a size is unknown', () => {
    const files = [aRecovery({ state: 'recovered', size: 100 }), aRecovery({ expectedSize: null })];
    expect(progressOf(files)).toEqual({ unit: 'files', done: 1, total: 2 });
  });

  it('never exceeds the total, and never completes with a lost file', () => {
    const beyond = aRecovery({ state: 'copying', expectedSize: 10, bytesDone: 20 });
    const lost = aRecovery({ state: 'lost', expectedSize: 10, bytesDone: 4 });
    expect(progressOf([beyond])).toEqual({ unit: 'bytes', done: 10, total: 10 });
    expect(progressOf([lost])).toEqual({ unit: 'bytes', done: 4, total: 10 });
    expect(progressOf([])).toBeNull();
  });
});

describe('canBeRetried', () => {
  const states: RecoveryRecord['state'][] = ['pending', 'copying', 'recovered', 'lost', 'failed'];

  it('is true for recoveries that are neither recovered nor in progress', () => {
    expect(states.filter((state) => canBeRetried({ state }, true))).toEqual(['pending', 'lost', 'failed']);
  });

  it('is true only for pending recoveries without an API key', () => {
    expect(states.filter((state) => canBeRetried({ state }, false))).toEqual(['pending']);
  });
});
