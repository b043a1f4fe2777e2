import { describe, expect, it } from 'vitest';
import { HOUR_MS, MINUTE_MS } from '../../../lambda/shared/runtime/durations.ts';
import { createPace, createProgress, type TooSlow } from '../../../lambda/worker/transfer-monitor.ts';

/** A clock that stands until it is advanced. */
function createClock() {
  let time = 1_000_000;
  const advance = (ms: number) => {
    time += ms;
  };
  return { now: () => time, advance };
}

describe('createPace', () => {
  /** A pace with its time limit from now on; `report` takes the bytes and the time since the last report. */
  function watch(total: number, limit: number) {
    const { now, advance } = createClock();
    const warnings: TooSlow[] = [];
    const pace = createPace({
      total,
      deadline: now() + limit,
      now,
      onTooSlow: (slow) => warnings.push(slow),
    });
    const report = (bytesDone: number, after: number) => {
      advance(after);
      pace(bytesDone);
    };
    return { report, warnings };
  }

  it('warns once when the rest takes longer than the time that is left', () => {
    const { report, warnings } = watch(1_000_000_000, HOUR_MS);
    report(0, 0);
    report(100_000, MINUTE_MS);
    report(200_000, MINUTE_MS);
    expect(warnings).toEqual([{ bytesPerSecond: 1667, bytesLeft: 999_900_000, secondsLeft: 3540 }]);
  });

  it('does not warn while the rate suffices', () => {
    const { report, warnings } = watch(1_000_000, HOUR_MS);
    report(0, 0);
    for (let minute = 1; minute <= 50; minute++) report(minute * 20_000, MINUTE_MS);
    expect(warnings).toEqual([]);
  });

  it('warns when the rate drops', () => {
    const { report, warnings } = watch(1_000_000, HOUR_MS);
    report(0, 0);
    report(500_000, MINUTE_MS);
    report(500_001, 40 * MINUTE_MS);
    expect(warnings).toHaveLength(1);
  });

  it('measures for half a minute, without the bytes that earlier attempts copied', () => {
    const { report, warnings } = watch(1_000_000, HOUR_MS);
    report(900_000, 0);
    report(900_000, 29_000);
    expect(warnings).toEqual([]);
    report(900_000, 2_000);
    expect(warnings).toMatchObject([{ bytesPerSecond: 0, bytesLeft: 100_000 }]);
  });

  it('does not warn when all bytes are copied, even after the deadline', () => {
    const { report, warnings } = watch(1000, 40_000);
    report(0, 0);
    report(1000, MINUTE_MS);
    expect(warnings).toEqual([]);
  });
});

describe('createProgress', () => {
  function createReporter() {
    const { now, advance } = createClock();
    const saved: number[] = [];
    const writes: PromiseWithResolvers<void>[] = [];
    const progress = createProgress({
      save: (bytes) => {
        saved.push(bytes);
        const write = Promise.withResolvers<void>();
        writes.push(write);
        return write.promise;
      },
      now,
    });
    return { progress, saved, writes, advance };
  }

  it('writes at most once in three seconds', async () => {
    const { progress, saved, writes, advance } = createReporter();

    for (let part = 1; part <= 100; part += 1) {
      advance(100);
      progress.report(part);
      for (const write of writes.splice(0)) write.resolve();
      await progress.settled();
    }

    expect(saved).toEqual([30, 60, 90]);
  });

  it('starts no write while another one is under way', () => {
    const { progress, saved, advance } = createReporter();

    for (const bytes of [1, 2, 3]) {
      advance(5_000);
      progress.report(bytes);
    }

    expect(saved).toEqual([1]);
  });

  it('continues after a write that failed', async () => {
    const { progress, saved, writes, advance } = createReporter();

    advance(5_000);
    progress.report(1);
    writes[0]?.reject(new Error('throttled'));
    await progress.settled();
    advance(5_000);
    progress.report(2);

    expect(saved).toEqual([1, 2]);
  });
});
