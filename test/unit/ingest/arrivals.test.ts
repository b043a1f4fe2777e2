import { describe, expect, it } from 'vitest';
import { arrivalNotes } from '../../../lambda/ingest/arrivals.ts';

/** Notes on a clock that the test sets, and the times at which they were written. */
function notesAt(write: () => Promise<void> = async () => undefined) {
  const clock = { now: 0 };
  const written: number[] = [];
  const errors: unknown[] = [];
  const note = arrivalNotes({
    write: async () => {
      written.push(clock.now);
      await write();
    },
    onError: (error) => errors.push(error),
    now: () => clock.now,
  });
  return { clock, written, errors, note };
}

describe('arrivalNotes', () => {
  it('writes at most once a minute', async () => {
    const { clock, written, note } = notesAt();
    for (clock.now = 1_000; clock.now <= 130_000; clock.now += 1_000) await note();
    expect(written).toEqual([1_000, 61_000, 121_000]);
  });

  it('writes once for many at the same time', async () => {
    const { clock, written, note } = notesAt();
    clock.now = 1_000;
    await Promise.all(Array.from({ length: 50 }, note));
    expect(written).toEqual([1_000]);
  });

  it('reports an error, throws nothing, and waits a minute after it too', async () => {
    const { clock, written, errors, note } = notesAt(() => Promise.reject(new Error('throttled')));
    for (clock.now = 1_000; clock.now <= 61_000; clock.now += 30_000) await note();
    expect(written).toEqual([1_000, 61_000]);
    expect(errors).toEqual([new Error('throttled'), new Error('throttled')]);
  });

  it('waits no longer than half a second for a write that hangs', { timeout: 5_000 }, async () => {
    const { clock, errors, note } = notesAt(() => new Promise<never>(() => undefined));
    clock.now = 1_000;
    await note();
    expect(errors).toEqual([]);
  });
});
