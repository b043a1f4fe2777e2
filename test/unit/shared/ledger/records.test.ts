import { describe, expect, it } from 'vitest';
import { isAmong, MAX_EVIDENCE, withEvidence } from '../../../../lambda/shared/ledger/records.ts';

const evidence = (count: number) => Array.from({ length: count }, (_, index) => `message ${index}`);

describe('the evidence of a recovery', () => {
  it('holds what was added, each once', () => {
    const two = withEvidence(withEvidence(undefined, 'one'), 'two');

    expect(two).toEqual(['one', 'two']);
    expect(withEvidence(two, 'one')).toEqual(two);
    expect(isAmong(two, 'two')).toBe(true);
    expect(isAmong(two, 'three')).toBe(false);
    expect(isAmong(undefined, 'one')).toBe(false);
  });

  it('stays as it is without an id', () => {
    expect(withEvidence(undefined, undefined)).toEqual([]);
    expect(withEvidence(['one'], undefined)).toEqual(['one']);
  });

  it('is bounded in number, and then any other counts as a part of it', () => {
    const fewer = evidence(MAX_EVIDENCE - 1);
    const all = withEvidence(fewer, 'last');

    expect(isAmong(fewer, 'another')).toBe(false);
    expect(all).toHaveLength(MAX_EVIDENCE);
    expect(isAmong(all, 'another')).toBe(true);
    expect(withEvidence(all, 'another')).toEqual(all);
  });
});
