import { beforeEach, describe, expect, it } from 'vitest';
import { createPace, createProgress, type TooSlow } from '../../../lambda/worker/transfer-monitor.ts';

const HOUR = 3_600_000;
let now: number;
let told: TooSlow[];

beforeEach(() => {
  now = 1_000_000;
  told = [];
});

function watch(total: number, deadline: number) {
  const pace = createPace({ total, deadline, now: () => now, onTooSlow: (slow) => told.push(slow) });
  return (bytesDone: number, after: number) => {
    now += after;
    pace(bytesDone);
  };
}

describe('the pace of a copy', () => {
  it('is told once when what is left takes longer than there is time', () => {
    const report = watch(1_000_000_000, now + HOUR);
    report(0, 0);
    report(100_000, 60_000);
    report(200_000, 60_000);
    expect(told).toEqual([{ bytesPerSecond: 1667, bytesLeft: 999_900_000, secondsLeft: 3540 }]);
  });

  it('is not told while it will do', () => {
    const report = watch(1_000_000, now + HOUR);
    report(0, 0);
    for (let minute = 1; minute <= 50; minute++) report(minute * 20_000, 60_000);
    expect(told).toEqual([]);
  });

  it('is told when it drops', () => {
    const report = watch(1_000_000, now + HOUR);
    report(0, 0);
    report(500_000, 60_000);
    report(500_001, 40 * 60_000);
    expect(told).toHaveLength(1);
  });

  it('is measured for half a minute, and without what earlier attempts had copied', () => {
    const report = watch(1_000_000, now + HOUR);
    report(900_000, 0);
    report(900_000, 29_000);
    expect(told).toEqual([]);
    report(900_000, 2_000);
    expect(told).toMatchObject([{ bytesPerSecond: 0, bytesLeft: 100_000 }]);
  });

  it('is in time when everything is there, even at the last moment', () => {
    const report = watch(1000, now + 40_000);
    report(0, 0);
    report(1000, 60_000);
    expect(told).toEqual([]);
  });
});

function reporting() {
  const saved: number[] = [];
  const writes: PromiseWithResolvers<void>[] = [];
  let time = 0;
  const progress = createProgress({
    save: (bytes) => {
      saved.push(bytes);
      const write = Promise.withResolvers<void>();
      writes.push(write);
      return write.promise;
    },
    now: () => time,
  });
  const advance = (ms: number) => {
    time += ms;
  };
  return { progress, saved, writes, advance };
}

it('writes at most once in three seconds, however often it is told', async () => {
  const { progress, saved, writes, advance } = reporting();

  for (let part = 1; part <= 100; part += 1) {
    advance(100);
    progress.report(part);
    for (const write of writes.splice(0)) write.resolve();
    await progress.settled();
  }

  expect(saved).toEqual([30, 60, 90]);
});

it('never has two writes under way', () => {
  const { progress, saved, advance } = reporting();

  for (const bytes of [1, 2, 3]) {
    advance(5_000);
    progress.report(bytes);
  }

  expect(saved).toEqual([1]);
});

it('goes on after a write that failed', async () => {
  const { progress, saved, writes, advance } = reporting();

  advance(5_000);
  progress.report(1);
  writes[0]?.reject(new Error('throttled'));
  await progress.settled();
  advance(5_000);
  progress.report(2);

  expect(saved).toEqual([1, 2]);
});
