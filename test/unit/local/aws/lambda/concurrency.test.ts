import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AccountConcurrency, ReservationRefused } from '../../../../../infra/local/aws/lambda/concurrency.ts';

describe('AccountConcurrency', () => {
  it('gives functions without a reservation what is not reserved, all together', () => {
    const account = new AccountConcurrency(102);
    account.reserve('kept', 2);
    const taken = Array.from({ length: 100 }, (_, index) => account.take(`f${index % 3}`));
    expect(() => account.take('f9')).toThrow('Rate Exceeded');
    taken[0]?.();
    expect(() => account.take('f9')).not.toThrow();
    expect(account.limits).toEqual({ concurrentExecutions: 102, unreserved: 100 });
  });

  it('keeps a reservation free, and its function within it', () => {
    const account = new AccountConcurrency(101);
    account.reserve('kept', 1);
    for (let count = 0; count < 100; count++) account.take('other');
    const end = account.take('kept');
    expect(() => account.take('kept')).toThrow('Rate Exceeded');
    end();
    expect(() => account.take('kept')).not.toThrow();
  });

  it.each([
    [10, 1, 10],
    [100, 1, 100],
    [1000, 901, 100],
  ])('refuses, in an account of %i, a reservation of %i with the minimum %i', (limit, wanted, minimum) => {
    const account = new AccountConcurrency(limit);
    expect(() => account.reserve('f', wanted)).toThrow(ReservationRefused);
    expect(() => account.reserve('f', wanted)).toThrow(`below its minimum value of [${minimum}].`);
    if (wanted > 1) expect(() => account.reserve('f', wanted - 1)).not.toThrow();
  });

  it('turns a function off by a reservation of 0', () => {
    const account = new AccountConcurrency(10);
    account.reserve('off', 0);
    expect(() => account.take('off')).toThrow('Rate Exceeded');
  });

  it('never runs more than the account has, whatever is taken and ended', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 8 }),
        fc.array(fc.record({ name: fc.constantFrom('a', 'b', 'c'), ends: fc.boolean() })),
        (limit, steps) => {
          const account = new AccountConcurrency(limit);
          const running: (() => void)[] = [];
          for (const { name, ends } of steps) {
            if (ends) running.shift()?.();
            else if (running.length < limit) running.push(account.take(name));
            else expect(() => account.take(name)).toThrow('Rate Exceeded');
          }
        },
      ),
    );
  });
});
