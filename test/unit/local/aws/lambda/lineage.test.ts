import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nextLineage } from '../../../../../infra/local/aws/lambda/lineage.ts';

describe('nextLineage', () => {
  it('counts the invocations of each function in a chain, and keeps the root', () => {
    const first = nextLineage(undefined, 'arn:a');
    const between = nextLineage(first.trace, 'arn:b');
    const second = nextLineage(between.trace, 'arn:a');
    expect([first.invocation, between.invocation, second.invocation]).toEqual([1, 1, 2]);
    const root = (trace: string) => /^Root=(1-[0-9a-f]{8}-[0-9a-f]{24});/.exec(trace)?.[1];
    expect(root(first.trace)).toBeDefined();
    expect(root(second.trace)).toBe(root(first.trace));
  });

  it('begins a chain of its own for an event that no function caused', () => {
    const [one, two] = [nextLineage(undefined, 'arn:a'), nextLineage('Root=1-2-3;Sampled=1', 'arn:a')];
    expect([one.invocation, two.invocation]).toEqual([1, 1]);
    expect(two.trace).toMatch(/^Root=1-2-3;/);
  });

  it('reads any header, and what it wrote itself exactly', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 1, max: 30 }), (header, times) => {
        let next = nextLineage(header, 'arn:a');
        const start = next.invocation;
        for (let count = 1; count < times; count++) next = nextLineage(next.trace, 'arn:a');
        expect(next.invocation).toBe(start + times - 1);
      }),
    );
  });
});
