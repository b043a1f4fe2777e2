import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { createClock, waitUntil } from '../../../infra/local/clock.ts';
import { HOUR_MS } from '../../../lambda/shared/runtime/durations.ts';

describe('createClock', () => {
  it('returns the machine time plus its advances', () => {
    const clock = createClock();
    const before = Date.now();
    clock.advance(HOUR_MS);
    expect(clock.now() - before).toBeGreaterThanOrEqual(HOUR_MS);
    expect(clock.now() - Date.now()).toBe(HOUR_MS);
  });

  it('notifies listeners of each advance, until they are removed', () => {
    const clock = createClock();
    let calls = 0;
    const forget = clock.onAdvance(() => calls++);
    clock.advance(1);
    forget();
    clock.advance(1);
    expect(calls).toBe(1);
  });

  it.each([-1, Number.NaN, Number.POSITIVE_INFINITY])('rejects an advance of %s', (milliseconds) => {
    expect(() => createClock().advance(milliseconds)).toThrow(RangeError);
  });

  it('shifts every use of Date in a thread that installed it, and nothing else', async () => {
    const clock = createClock();
    clock.advance(HOUR_MS);
    const module = new URL('../../../infra/local/clock.ts', import.meta.url).href;
    const source = `
      const { parentPort, workerData } = require('node:worker_threads');
      import('${module}').then(({ installClock }) => {
        const real = Date.now();
        installClock(workerData);
        parentPort.postMessage({
          now: Date.now() - real,
          constructed: new Date().getTime() - real,
          called: Date.parse(Date()) - real,
          given: new Date(7).getTime(),
          parts: new Date(2026, 1, 2).getMonth(),
          utc: Date.UTC(1970, 0, 1),
          instance: new Date() instanceof Date,
          text: Object.prototype.toString.call(new Date()),
        });
      });`;
    const thread = new Worker(source, { eval: true, workerData: clock.offset, execArgv: [] });
    const [seen] = await once(thread, 'message');
    await thread.terminate();
    expect(seen).toMatchObject({ given: 7, parts: 1, utc: 0, instance: true, text: '[object Date]' });
    for (const moved of [seen.now, seen.constructed, seen.called + 1000]) {
      expect(moved).toBeGreaterThanOrEqual(HOUR_MS);
      expect(moved).toBeLessThan(2 * HOUR_MS);
    }
  });
});

describe('waitUntil', () => {
  it('resolves at once for a time that has passed, and on an advance to its time', async () => {
    const clock = createClock();
    const { signal } = new AbortController();
    await waitUntil(clock, clock.now(), signal);
    let isOver = false;
    const waiting = waitUntil(clock, clock.now() + HOUR_MS, signal).then(() => {
      isOver = true;
    });
    clock.advance(HOUR_MS - 10_000);
    await Promise.resolve();
    expect(isOver).toBe(false);
    clock.advance(10_000);
    await waiting;
  });

  it('resolves by itself', async () => {
    const clock = createClock();
    await waitUntil(clock, clock.now() + 5, new AbortController().signal);
  });

  it('rejects when it is aborted, before and while it waits', async () => {
    const clock = createClock();
    const abort = new AbortController();
    const waiting = waitUntil(clock, clock.now() + HOUR_MS, abort.signal);
    abort.abort();
    await expect(waiting).rejects.toThrow('the wait was ended');
    await expect(waitUntil(clock, clock.now() + HOUR_MS, abort.signal)).rejects.toThrow('the wait was ended');
  });
});
