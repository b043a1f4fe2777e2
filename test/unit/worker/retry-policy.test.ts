import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RecoveryError } from '../../../lambda/shared/runtime/errors.ts';
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
  nextAttemptAt,
  summarizeError,
} from '../../../lambda/worker/retry-policy.ts';

const MINUTE_MS = 60_000;
const hour = 60 * MINUTE_MS;

describe('the time of the next attempt', () => {
  it.each([
    [1, 10_000],
    [2, 20_000],
    [5, 160_000],
    [8, MAX_DELAY_MS],
    [500, MAX_DELAY_MS],
  ])('after attempt %i lies within the upper half of %i ms', (attempts, step) => {
    const question = { attempts, now: 0, deadline: 24 * hour };

    expect(nextAttemptAt({ ...question, jitter: 0 })).toBe(step / 2);
    expect(nextAttemptAt({ ...question, jitter: 1 })).toBe(step);
  });

  it('respects what the other side asks for', () => {
    const question = { attempts: 1, now: 0, deadline: 24 * hour, jitter: 0 };

    expect(nextAttemptAt({ ...question, retryAfterMs: 5 * MINUTE_MS })).toBe(5 * MINUTE_MS);
    expect(nextAttemptAt({ ...question, retryAfterMs: 5 * hour })).toBe(MAX_DELAY_MS);
  });

  it('is drawn forward to a minute before the deadline, once', () => {
    const question = { attempts: 20, deadline: 24 * hour, jitter: 1 };

    expect(nextAttemptAt({ ...question, now: 24 * hour - 10 * MINUTE_MS })).toBe(24 * hour - MINUTE_MS);
    expect(nextAttemptAt({ ...question, now: 24 * hour - MINUTE_MS })).toBe(24 * hour);
  });

  it('is never, from the deadline on', () => {
    expect(nextAttemptAt({ attempts: 1, now: 5, deadline: 5, jitter: 0 })).toBeNull();
  });

  it('always lies after now and never after the deadline, so that retrying ends', () => {
    fc.assert(
      fc.property(
        fc.record({
          attempts: fc.integer({ min: 1, max: 10_000 }),
          now: fc.nat(48 * hour),
          deadline: fc.nat(48 * hour),
          jitter: fc.double({ min: 0, max: 1, noNaN: true }),
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

const minute = 60_000;
const question = { attempts: 1, now: 0, deadline: 60 * minute, jitter: 1 };

describe('a fault', () => {
  it.each([
    ['that passes', new SourceUnavailable('the source answered 503')],
    ['that the customer can mend', new DestinationDenied('s3:PutObject is denied')],
    ['of a key that the customer can mend', new DestinationKeyDenied('the key is disabled')],
    ['that nobody foresaw', new TypeError('undefined is not a function')],
  ])('%s is tried again', (_, error) => {
    expect(decideRetry({ ...question, error })).toEqual({
      kind: 'again',
      at: 10_000,
      fault: { ...summarizeError(error), since: 0 },
    });
  });

  it.each([
    ['a file too large for S3', new SourceTooLarge('60 TB'), 'lost'],
    ['a URL that is refused', new SourceRefused('403'), 'lost'],
    ['an object of somebody else', new DestinationConflict('the key is taken'), 'failed'],
  ])('%s settles the recovery at once', (_, error, state) => {
    expect(decideRetry({ ...question, error })).toMatchObject({ kind: 'settled', state });
  });

  it('waits as long as the other side asks', () => {
    const error = new DestinationBusy('503 SlowDown', { retryAfterMs: 5 * minute });

    expect(decideRetry({ ...question, error })).toMatchObject({ kind: 'again', at: 5 * minute });
  });

  it('from the deadline on means lost, and the last fault is not forgotten', () => {
    const error = new DestinationDenied('s3:PutObject is denied');

    expect(decideRetry({ ...question, error, now: question.deadline })).toMatchObject({
      kind: 'settled',
      state: 'lost',
      fault: {
        errorClass: 'DeadlinePassed',
        message: expect.stringContaining('DestinationDenied: s3:PutObject'),
      },
    });
  });
});

describe('a file that is not found', () => {
  const error = new SourceNotFound('404');
  const day = 24 * 60 * minute;
  const at = (now: number, since: number) => {
    const lastError = { errorClass: 'SourceNotFound', message: '404', since };
    return decideRetry({ ...question, error, now, deadline: day, lastError });
  };

  it('is tried again, with the time since which it has not been found', () => {
    expect(decideRetry({ ...question, error, now: 5, deadline: day })).toMatchObject({
      kind: 'again',
      fault: { errorClass: 'SourceNotFound', since: 5 },
    });
    expect(at(60 * minute, 0)).toMatchObject({ kind: 'again', fault: { since: 0 } });
  });

  it('is lost after a twelfth of what was left when it was first not found: two hours of a day', () => {
    expect(at(120 * minute - 1, 0)).toMatchObject({ kind: 'again' });
    expect(at(120 * minute, 0)).toMatchObject({ kind: 'settled', state: 'lost' });
    expect(at(day - 110 * minute, day - 120 * minute)).toMatchObject({ kind: 'settled', state: 'lost' });
  });

  it('begins to wait anew after another fault', () => {
    const lastError = { errorClass: 'DestinationDenied', message: 'denied', since: 0 };
    expect(decideRetry({ ...question, error, now: 300 * minute, deadline: day, lastError })).toMatchObject({
      kind: 'again',
      fault: { since: 300 * minute },
    });
  });
});

describe('a URL that is refused', () => {
  const lastError = { errorClass: 'DestinationDenied', message: 's3:PutObject is denied' };
  const error = new SourceRefused('403');

  it('is told by what stood in the way before, when only its time was up', () => {
    const over = decideRetry({ ...question, error, now: question.deadline, lastError });
    const early = decideRetry({ ...question, error, lastError });

    expect(over).toMatchObject({
      state: 'lost',
      fault: { errorClass: 'DeadlinePassed', message: expect.stringContaining('DestinationDenied') },
    });
    expect(early).toMatchObject({ state: 'lost', fault: { errorClass: 'SourceRefused' } });
  });
});

describe('while there is time', () => {
  it('no number of attempts is too many', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10_000 }),
        fc.integer({ min: 1, max: 60 * minute }),
        (attempts, left) => {
          const error = new DestinationDenied('s3:PutObject is denied');
          expect(decideRetry({ ...question, error, attempts, deadline: left })).toMatchObject({
            kind: 'again',
          });
        },
      ),
    );
  });
});

describe('the note of a fault', () => {
  it('holds no signature and no password, whatever the message holds', () => {
    class Chatty extends RecoveryError {
      override readonly name = 'Chatty';
      override readonly category = 'transient';
    }
    const note = summarizeError(new Chatty('GET https://u:pw1secret@host/o/1.mp4?Signature=c2VjcmV0 failed'));

    expect(note).toMatchObject({ errorClass: 'Chatty', category: 'transient' });
    expect(note.message).not.toMatch(/c2VjcmV0|pw1secret/);
  });

  it('is made of anything that was thrown', () => {
    expect(summarizeError('just text')).toEqual({
      errorClass: 'UnknownFault',
      category: 'transient',
      message: 'just text',
    });
  });
});
