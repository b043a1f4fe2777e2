import { describe, expect, it } from 'vitest';
import { invocationOf } from '../../../lambda/worker/invocation.ts';

describe('invocationOf', () => {
  it.each([
    ['a long', 900_000, 10_000],
    ['a short', 5_000, 1_000],
  ])('stops copying before the end of %s invocation, in time to settle', (_, remaining, windUp) => {
    const invocation = invocationOf('id', 1_000, remaining);

    expect(invocation.endsAt).toBe(1_000 + remaining);
    expect(invocation.endsAt - invocation.stopAt).toBe(windUp);
  });

  it('returns whole milliseconds', () => {
    const { endsAt, stopAt } = invocationOf('id', 1_000, 4_321.5);

    expect([endsAt, stopAt].every(Number.isSafeInteger)).toBe(true);
  });
});
