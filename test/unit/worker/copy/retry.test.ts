import { describe, expect, it } from 'vitest';
import {
  ChecksumMismatch,
  DestinationBusy,
  DestinationDenied,
  DestinationUnproven,
  SourceNotFound,
  SourceStalled,
  SourceUnavailable,
  UnexpectedSourceResponse,
} from '../../../../lambda/worker/copy/errors.ts';
import { retryPassing } from '../../../../lambda/worker/copy/retry.ts';

const POLICY = { attempts: 3, firstMs: 1, maxMs: 100 };
const CONTEXT = { policy: POLICY, random: () => 0 };

/** Fails with each of the errors in turn, then succeeds. */
function failing(errors: Error[]) {
  const state = { calls: 0 };
  const action = async () => {
    const error = errors[state.calls++];
    if (error !== undefined) throw error;
    return 'done';
  };
  return { state, action };
}

describe('retryPassing', () => {
  it.each([
    new SourceUnavailable('x'),
    new SourceStalled('x'),
    new DestinationBusy('x', { retryAfterMs: 5 }),
    new ChecksumMismatch('x'),
    new DestinationUnproven('x'),
  ])('tries again after $name, which passes', async (error) => {
    const { state, action } = failing([error, error]);
    expect(await retryPassing(CONTEXT, action)).toBe('done');
    expect(state.calls).toBe(3);
  });

  it('throws the last error after its attempts', async () => {
    const last = new DestinationBusy('third');
    const { action } = failing([new DestinationBusy('first'), new DestinationBusy('second'), last]);
    await expect(retryPassing(CONTEXT, action)).rejects.toBe(last);
  });

  it.each([
    new SourceNotFound('x'),
    new DestinationDenied('x'),
    new UnexpectedSourceResponse('x'),
    new TypeError('a bug'),
  ])('throws $name at once, which does not pass', async (error) => {
    const { state, action } = failing([error]);
    await expect(retryPassing(CONTEXT, action)).rejects.toBe(error);
    expect(state.calls).toBe(1);
  });

  it('does not wait for a Retry-After above its maximum', async () => {
    const { state, action } = failing([new SourceUnavailable('x', { retryAfterMs: 101 })]);
    await expect(retryPassing(CONTEXT, action)).rejects.toMatchObject({ retryAfterMs: 101 });
    expect(state.calls).toBe(1);
  });

  it('ends its wait when the signal is aborted', async () => {
    const stop = new AbortController();
    const policy = { attempts: 3, firstMs: 1_000_000, maxMs: 1_000_000 };
    const waiting = retryPassing({ policy, random: () => 1, signal: stop.signal }, async () => {
      queueMicrotask(() => stop.abort(new Error('told to')));
      throw new SourceStalled('x');
    });
    await expect(waiting).rejects.toThrow('told to');
  });
});
