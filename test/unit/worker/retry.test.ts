import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_DELAY_MS, nextAttemptAt } from '../../../lambda/worker/retry.ts';

const minute = 60_000;
const hour = 60 * minute;

describe('the time of the next attempt', () => {
  it.each([
    [1, 10_000],
    [2, 20_000],
    [5, 160_000],
    [8, MAX_DELAY_MS],
    [500, MAX_DELAY_MS],
  ])('after attempt %i lies within the upper half of %i ms', (attempts, step) => {
    const question = { attempts, now: 0, deadline: 24 * hour };

    expect(nextAttemptAt({ ...question, spread: 0 })).toBe(step / 2);
    expect(nextAttemptAt({ ...question, spread: 1 })).toBe(step);
  });

  it('respects what the other side asks for', () => {
    const question = { attempts: 1, now: 0, deadline: 24 * hour, spread: 0 };

    expect(nextAttemptAt({ ...question, retryAfterMs: 5 * minute })).toBe(5 * minute);
    expect(nextAttemptAt({ ...question, retryAfterMs: 5 * hour })).toBe(MAX_DELAY_MS);
  });

  it('is drawn forward to a minute before the deadline, once', () => {
    const question = { attempts: 20, deadline: 24 * hour, spread: 1 };

    expect(nextAttemptAt({ ...question, now: 24 * hour - 10 * minute })).toBe(24 * hour - minute);
    expect(nextAttemptAt({ ...question, now: 24 * hour - minute })).toBe(24 * hour);
  });

  it('is never, from the deadline on', () => {
    expect(nextAttemptAt({ attempts: 1, now: 5, deadline: 5, spread: 0 })).toBeNull();
  });

  it('always lies after now and never after the deadline, so that retrying ends', () => {
    fc.assert(
      fc.property(
        fc.record({
          attempts: fc.integer({ min: 1, max: 10_000 }),
          now: fc.nat(48 * hour),
          deadline: fc.nat(48 * hour),
          spread: fc.double({ min: 0, max: 1, noNaN: true }),
          retryAfterMs: fc.option(fc.nat(hour), { nil: undefined }),
        }),
        (question) => {
          const at = nextAttemptAt(question);

          if (question.now >= question.deadline) expect(at).toBeNull();
          else {
            expect(at).toBeGreaterThan(question.now);
            expect(at).toBeLessThanOrEqual(question.deadline);
          }
        },
      ),
    );
  });
});
