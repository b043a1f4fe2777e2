import { expect, it } from 'vitest';
import { invocationOf } from '../../../lambda/worker/invocation.ts';

it.each([
  ['a long invocation', 900_000, 10_000],
  ['a short invocation', 5_000, 1_000],
])('%s stops copying in time to settle', (_, remaining, windUp) => {
  const invocation = invocationOf('id', 1_000, remaining);

  expect(invocation.endsAt).toBe(1_000 + remaining);
  expect(invocation.endsAt - invocation.stopAt).toBe(windUp);
});

it('deals in whole milliseconds', () => {
  const { endsAt, stopAt } = invocationOf('id', 1_000, 4_321.5);

  expect([endsAt, stopAt].every(Number.isSafeInteger)).toBe(true);
});
