import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { AsyncQueue } from '../../../../../infra/local/aws/lambda/async-queue.ts';
import {
  FunctionError,
  FunctionThrottled,
  RecursionStopped,
} from '../../../../../infra/local/aws/lambda/protocol.ts';
import type { Clock } from '../../../../../infra/local/clock.ts';

const FAILED = new FunctionError('f', { errorType: 'Error', errorMessage: 'no' });
const THROTTLED = new FunctionThrottled('f', 'ConcurrentInvocationLimitExceeded');

/** A clock that only the test moves. */
function stoppedClock(): Clock {
  let time = 0;
  const listeners = new Set<() => void>();
  return {
    offset: new SharedArrayBuffer(8),
    now: () => time,
    advance(milliseconds) {
      time += milliseconds;
      for (const listener of listeners) listener();
    },
    onAdvance(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

/** Lets time go on in steps of a second; gives the seconds of each attempt and of the end. */
async function run(errors: (attempt: number) => Error | undefined, settings = {}, hours = 7) {
  const clock = stoppedClock();
  const seconds = () => clock.now() / 1000;
  const attempts: number[] = [];
  const dropped: [number, string][] = [];
  const invoke = async () => {
    const error = errors(attempts.push(seconds()));
    if (error !== undefined) throw error;
  };
  const queue = new AsyncQueue(clock, invoke, (reason) => void dropped.push([seconds(), reason]));
  queue.settings = { ...queue.settings, ...settings };
  queue.add('{}', undefined);
  for (let second = 0; second < hours * 3600; second++) {
    await setImmediate();
    clock.advance(1000);
  }
  return { attempts, dropped };
}

describe('AsyncQueue', () => {
  it('tries an event again one and then two minutes after the function failed', async () => {
    const { attempts, dropped } = await run(() => FAILED, {}, 1);
    expect(attempts).toEqual([0, 60, 180]);
    expect(dropped).toEqual([[180, 'f: Error: no']]);
  });

  it('ends with the first attempt that succeeds', async () => {
    const { attempts, dropped } = await run((attempt) => (attempt === 1 ? FAILED : undefined), {}, 1);
    expect([attempts, dropped]).toEqual([[0, 60], []]);
  });

  it.each([
    [0, [0]],
    [1, [0, 60]],
  ])('tries %i times again where the settings say so', async (retryAttempts, expected) => {
    expect((await run(() => FAILED, { retryAttempts }, 1)).attempts).toEqual(expected);
  });

  it('keeps the event of a throttled function for six hours, at longer and longer intervals', async () => {
    const { attempts, dropped } = await run(() => THROTTLED);
    expect(attempts.slice(0, 11)).toEqual([0, 1, 3, 7, 15, 31, 63, 127, 255, 511, 811]);
    expect(attempts.at(-1)).toBeGreaterThan(6 * 3600 - 301);
    expect(dropped).toEqual([[attempts.at(-1), 'f: Rate Exceeded.']]);
  });

  it('gives up an event that is older than the settings allow', async () => {
    const { attempts } = await run(() => FAILED, { maxAgeSeconds: 179 }, 1);
    expect(attempts).toEqual([0, 60]);
  });

  it('does not try a stopped recursion again', async () => {
    const { attempts, dropped } = await run(() => new RecursionStopped('f'), {}, 1);
    expect(attempts).toEqual([0]);
    expect(dropped).toHaveLength(1);
  });
});
