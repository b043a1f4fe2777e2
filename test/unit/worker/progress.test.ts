import { expect, it } from 'vitest';
import { createProgress } from '../../../lambda/worker/progress.ts';

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
