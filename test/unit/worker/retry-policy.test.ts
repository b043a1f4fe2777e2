import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../../lambda/shared/runtime/durations.ts';
import { summarizeError } from '../../../lambda/shared/runtime/error-summary.ts';
import {
  DestinationBusy,
  DestinationConflict,
  DestinationDenied,
  DestinationKeyDenied,
  SourceNotFound,
  SourceRefused,
  SourceTooLarge,
  SourceUnavailable,
} from '../../../lambda/worker/copy/errors.ts';
import {
  decideRetry,
  MAX_DELAY_MS,
  nextAttemptTimeBeforeDeadline,
} from '../../../lambda/worker/retry-policy.ts';

const denied = new DestinationDenied('s3:PutObject is denied');

describe('nextAttemptTimeBeforeDeadline', () => {
  const input = { attempts: 1, now: 0, deadline: DAY_MS, jitter: 0 };

  it.each([
    [1, 10_000],
    [2, 20_000],
    [5, 160_000],
    [8, MAX_DELAY_MS],
    [500, MAX_DELAY_MS],
  ])('after attempt %i waits for the upper half of %i ms', (attempts, step) => {
    expect(nextAttemptTimeBeforeDeadline({ ...input, attempts, jitter: 0 })).toBe(step / 2);
    expect(nextAttemptTimeBeforeDeadline({ ...input, attempts, jitter: 1 })).toBe(step);
  });

  it('waits as long as Retry-After asks, up to MAX_DELAY_MS', () => {
    expect(nextAttemptTimeBeforeDeadline({ ...input, retryAfterMs: 5 * MINUTE_MS })).toBe(5 * MINUTE_MS);
    expect(nextAttemptTimeBeforeDeadline({ ...input, retryAfterMs: 5 * HOUR_MS })).toBe(MAX_DELAY_MS);
  });

  it('moves an attempt forward once, to a minute before the deadline', () => {
    const late = { ...input, attempts: 20, jitter: 1 };

    expect(nextAttemptTimeBeforeDeadline({ ...late, now: DAY_MS - 10 * MINUTE_MS })).toBe(DAY_MS - MINUTE_MS);
    expect(nextAttemptTimeBeforeDeadline({ ...late, now: DAY_MS - MINUTE_MS })).toBe(DAY_MS);
  });

  it('returns null from the deadline on', () => {
    expect(nextAttemptTimeBeforeDeadline({ ...input, now: 5, deadline: 5 })).toBeNull();
  });

  it('always returns a time after now and never after the deadline, so that retrying ends', () => {
    fc.assert(
      fc.property(
        fc.record({
          attempts: fc.integer({ min: 1, max: 10_000 }),
          now: fc.nat(2 * DAY_MS),
          deadline: fc.nat(2 * DAY_MS),
          jitter: fc.double({ min: 0, max: 1, noNaN: true }),
          retryAfterMs: fc.option(fc.nat(HOUR_MS), { nil: undefined }),
        }),
        (anyQuestion) => {
          const at = nextAttemptTimeBeforeDeadline(anyQuestion);

          if (anyQuestion.now >= anyQuestion.deadline) expect(at).toBeNull();
          else {
            expect(at).toBeGreaterThan(anyQuestion.now);
            expect(at).toBeLessThanOrEqual(anyQuestion.deadline);
          }
        },
      ),
    );
  });
});

describe('decideRetry', () => {
  const input = { attempts: 1, now: 0, deadline: HOUR_MS, jitter: 1 };

  it.each([
    ['a transient error', new SourceUnavailable('the source responded 503')],
    ['a denied write, which the customer can allow', denied],
    ['a disabled KMS key, which the customer can enable', new DestinationKeyDenied('the key is disabled')],
    ['an unexpected error', new TypeError('undefined is not a function')],
  ])('retries after %s', (_, error) => {
    expect(decideRetry({ ...input, error })).toEqual({
      kind: 'retry',
      at: 10_000,
      error: { ...summarizeError(error), since: 0 },
    });
  });

  it.each([
    ['a file too large for S3', new SourceTooLarge('60 TB'), 'lost'],
    ['a URL that is refused', new SourceRefused('403'), 'lost'],
    ['an object that another writer stored', new DestinationConflict('the key is taken'), 'failed'],
  ])('settles the recovery at once after %s', (_, error, state) => {
    expect(decideRetry({ ...input, error })).toMatchObject({ kind: 'settle', state });
  });

  it('waits as long as the Retry-After of the error asks', () => {
    const error = new DestinationBusy('503 SlowDown', { retryAfterMs: 5 * MINUTE_MS });

    expect(decideRetry({ ...input, error })).toMatchObject({ kind: 'retry', at: 5 * MINUTE_MS });
  });

  it('settles as lost from the deadline on, and keeps the last error in the message', () => {
    expect(decideRetry({ ...input, error: denied, now: input.deadline })).toMatchObject({
      kind: 'settle',
      state: 'lost',
      error: {
        errorClass: 'DeadlinePassed',
        message: expect.stringContaining('DestinationDenied: s3:PutObject'),
      },
    });
  });

  it('retries after any number of attempts before the deadline', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10_000 }),
        fc.integer({ min: 1, max: HOUR_MS }),
        (attempts, left) => {
          expect(decideRetry({ ...input, error: denied, attempts, deadline: left })).toMatchObject({
            kind: 'retry',
          });
        },
      ),
    );
  });

  it('reports the earlier error of a refused URL only where the deadline has passed', () => {
    const lastError = { errorClass: 'DestinationDenied', message: 's3:PutObject is denied' };
    const error = new SourceRefused('403');
    const after = decideRetry({ ...input, error, now: input.deadline, lastError });
    const before = decideRetry({ ...input, error, lastError });

    expect(after).toMatchObject({
      state: 'lost',
      error: { errorClass: 'DeadlinePassed', message: expect.stringContaining('DestinationDenied') },
    });
    expect(before).toMatchObject({ state: 'lost', error: { errorClass: 'SourceRefused' } });
  });

  describe('for a file that is not found', () => {
    const notFound = { ...input, error: new SourceNotFound('404'), deadline: DAY_MS };
    const decideAt = (now: number, since: number) => {
      const lastError = { errorClass: 'SourceNotFound', message: '404', since };
      return decideRetry({ ...notFound, now, lastError });
    };

    it('retries, and keeps the time since which the file is not found', () => {
      expect(decideRetry({ ...notFound, now: 5 })).toMatchObject({
        kind: 'retry',
        error: { errorClass: 'SourceNotFound', since: 5 },
      });
      expect(decideAt(HOUR_MS, 0)).toMatchObject({ kind: 'retry', error: { since: 0 } });
    });

    it('settles as lost after a twelfth of the time that was left at first: two hours of a day', () => {
      expect(decideAt(2 * HOUR_MS - 1, 0)).toMatchObject({ kind: 'retry' });
      expect(decideAt(2 * HOUR_MS, 0)).toMatchObject({ kind: 'settle', state: 'lost' });
      expect(decideAt(DAY_MS - 110 * MINUTE_MS, DAY_MS - 2 * HOUR_MS)).toMatchObject({
        kind: 'settle',
        state: 'lost',
      });
    });

    it('starts the wait anew after another error', () => {
      const lastError = { errorClass: 'DestinationDenied', message: 'denied', since: 0 };

      expect(decideRetry({ ...notFound, now: 5 * HOUR_MS, lastError })).toMatchObject({
        kind: 'retry',
        error: { since: 5 * HOUR_MS },
      });
    });
  });
});
