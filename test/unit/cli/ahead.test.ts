import { describe, expect, it } from 'vitest';
import { mapAhead } from '../../../infra/cli/ahead.ts';

async function* numbers(count: number) {
  for (let n = 0; n < count; n++) yield n;
}

describe('mapAhead', () => {
  it('keeps the order and never has more under way than it may', async () => {
    let underWay = 0;
    let most = 0;
    const results = await Array.fromAsync(
      mapAhead(numbers(20), 4, async (n) => {
        most = Math.max(most, ++underWay);
        await new Promise(setImmediate);
        underWay--;
        return n * 2;
      }),
    );
    expect(results).toEqual(Array.from({ length: 20 }, (_, n) => n * 2));
    expect(most).toBe(4);
  });

  it('fails with the first failure in order, after what came before it', async () => {
    const seen: number[] = [];
    const work = async (n: number) => {
      if (n === 3) throw new Error('third');
      return n;
    };
    const read = async () => {
      for await (const n of mapAhead(numbers(6), 2, work)) seen.push(n);
    };
    await expect(read()).rejects.toThrow('third');
    expect(seen).toEqual([0, 1, 2]);
  });
});
