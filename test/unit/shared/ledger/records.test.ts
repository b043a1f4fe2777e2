import { describe, expect, it } from 'vitest';
import { isAmong, MAX_MESSAGES, withMessage } from '../../../../lambda/shared/ledger/records.ts';

const messages = (count: number) => Array.from({ length: count }, (_, index) => `message ${index}`);

describe('the messages of a recovery', () => {
  it('hold those that were added, each once', () => {
    const two = withMessage(withMessage(undefined, 'one'), 'two');

    expect(two).toEqual(['one', 'two']);
    expect(withMessage(two, 'one')).toEqual(two);
    expect(isAmong(two, 'two')).toBe(true);
    expect(isAmong(two, 'three')).toBe(false);
    expect(isAmong(undefined, 'one')).toBe(false);
  });

  it('stay as they are without an id', () => {
    expect(withMessage(undefined, undefined)).toEqual([]);
    expect(withMessage(['one'], undefined)).toEqual(['one']);
  });

  it('are so many at most, and then any other message counts as one of them', () => {
    const fewer = messages(MAX_MESSAGES - 1);
    const all = withMessage(fewer, 'last');

    expect(isAmong(fewer, 'another')).toBe(false);
    expect(all).toHaveLength(MAX_MESSAGES);
    expect(isAmong(all, 'another')).toBe(true);
    expect(withMessage(all, 'another')).toEqual(all);
  });
});
