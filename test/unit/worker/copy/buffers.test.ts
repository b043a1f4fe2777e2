import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Block, BufferPool } from '../../../../lambda/worker/copy/buffers.ts';

const PAGE = 4096;

/** The value of a promise, if it has one by now. */
async function now<T>(promise: Promise<T>): Promise<T | 'waiting'> {
  await new Promise((resolve) => setImmediate(resolve));
  return Promise.race([promise, Promise.resolve('waiting' as const)]);
}

interface Step {
  /** Else the oldest block is released. */
  readonly acquire: boolean;
  readonly bytes: number;
}

const steps = fc.array(
  fc.record<Step>({ acquire: fc.boolean(), bytes: fc.integer({ min: 1, max: 6 * PAGE }) }),
  { maxLength: 60 },
);

async function holdsItsBound(plan: readonly Step[]): Promise<void> {
  const pool = new BufferPool(16 * PAGE);
  const held: { block: Block; mark: number }[] = [];
  let mark = 0;
  for (const { acquire, bytes } of plan) {
    if (acquire) {
      const give = new AbortController();
      const asked = pool.acquire(bytes, give.signal);
      const block = await now(asked);
      if (block === 'waiting') {
        give.abort(new Error('full'));
        await expect(asked).rejects.toThrow('full');
        continue;
      }
      expect(block.bytes.length).toBe(bytes);
      mark = (mark + 1) % 256;
      block.bytes.fill(mark);
      held.push({ block, mark });
    } else {
      held.shift()?.block.release();
    }
    for (const { block, mark: expected } of held)
      expect(block.bytes.every((byte) => byte === expected)).toBe(true);
  }
  for (const { block } of held) block.release();
  expect(pool.freeBytes).toBe(16 * PAGE);
}

describe('BufferPool', () => {
  it('hands out blocks that never overlap and never exceed its bound, whatever the order', async () => {
    await fc.assert(fc.asyncProperty(steps, holdsItsBound), { numRuns: 50 });
  });

  it('serves waiting requests in order, a large one before a later small one', async () => {
    const pool = new BufferPool(4 * PAGE);
    const first = await pool.acquire(3 * PAGE);
    const large = pool.acquire(4 * PAGE);
    const small = pool.acquire(PAGE);

    expect(await now(small)).toBe('waiting');
    first.release();
    const block = await large;
    expect(await now(small)).toBe('waiting');
    block.release();
    expect((await small).bytes.length).toBe(PAGE);
  });

  it('serves the next waiting request when the first one is aborted', async () => {
    const pool = new BufferPool(4 * PAGE);
    await pool.acquire(3 * PAGE);
    const give = new AbortController();
    const large = pool.acquire(4 * PAGE, give.signal);
    const small = pool.acquire(PAGE);

    give.abort(new Error('enough'));

    await expect(large).rejects.toThrow('enough');
    expect((await small).bytes.length).toBe(PAGE);
  });

  it('keeps the content of a block until its memory is needed', async () => {
    const pool = new BufferPool(4 * PAGE);
    const block = await pool.acquire(2 * PAGE);
    block.bytes.fill(7);
    const kept = pool.keep(block);
    const other = await pool.acquire(2 * PAGE);
    other.release();

    const taken = kept.take();
    expect(taken?.bytes.every((byte) => byte === 7)).toBe(true);
    expect(kept.take()).toBeNull();

    const keptAgain = pool.keep(block);
    await pool.acquire(4 * PAGE);
    expect(keptAgain.take()).toBeNull();
  });

  it('throws for more bytes than it has, and releases a block once', async () => {
    const pool = new BufferPool(4 * PAGE + 1);
    expect(pool.maxBytes).toBe(4 * PAGE);
    await expect(pool.acquire(4 * PAGE + 1)).rejects.toThrow(RangeError);
    const block = await pool.acquire(PAGE);
    const other = await pool.acquire(3 * PAGE);
    block.release();
    block.release();
    other.release();
    expect(pool.freeBytes).toBe(4 * PAGE);
  });
});
