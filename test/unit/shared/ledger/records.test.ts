import { describe, expect, it } from 'vitest';
import { isAmong, MAX_EVIDENCE, withEvidence } from '../../../../lambda/shared/ledger/records.ts';

const evidence = (count: number) => Array.from({ length: count }, (_, index) => `message ${index}`);

describe('withEvidence', () => {
  it('adds each id once', () => {
    const two = withEvidence(withEvidence(undefined, 'one'), 'two');

    expect(two).toEqual(['one', 'two']);
    expect(withEvidence(two, 'one')).toEqual(two);
    expect(isAmong(two, 'two')).toBe(true);
    expect(isAmong(two, 'three')).toBe(false);
    expect(isAmong(undefined, 'one')).toBe(false);
  });

  it('leaves the evidence unchanged without an id', () => {
    expect(withEvidence(undefined, undefined)).toEqual([]);
    expect(withEvidence(['one'], undefined)).toEqual(['one']);
  });

  it('stops at the maximum, from where every other id counts as included', () => {
    const fewer = evidence(MAX_EVIDENCE - 1);
    const all = withEvidence(fewer, 'last');

    expect(isAmong(fewer, 'another')).toBe(false);
    expect(all).toHaveLength(MAX_EVIDENCE);
    expect(isAmong(all, 'another')).toBe(true);
    expect(withEvidence(all, 'another')).toEqual(all);
  });
});
