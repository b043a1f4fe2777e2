import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkConcurrency } from '../../../infra/cli/lib/concurrency.ts';

const NEW_ACCOUNT = { limit: 10, unreserved: 10 };
const DEFAULTS = { workers: 5, ingestReserved: undefined, hasDashboard: true };

const stacks = fc.record({
  workers: fc.integer({ min: 2, max: 1000 }),
  ingestReserved: fc.option(fc.integer({ min: 2, max: 1000 }), { nil: undefined }),
  hasDashboard: fc.boolean(),
});
const accounts = fc
  .tuple(fc.integer({ min: 10, max: 5000 }), fc.integer({ min: 0, max: 4000 }))
  .map(([limit, reserved]) => ({ limit, unreserved: Math.max(Math.min(limit, 100), limit - reserved) }));

describe('checkConcurrency', () => {
  it('lets the defaults into a new account', () => {
    expect(checkConcurrency(NEW_ACCOUNT, DEFAULTS)).toEqual({
      ...{ limit: 10, unreserved: 10, needed: 9 },
      ...{ fits: true, advice: null },
    });
  });

  it('refuses ten workers in a new account, and names the setting and the quota', () => {
    const { fits, advice } = checkConcurrency(NEW_ACCOUNT, { ...DEFAULTS, workers: 10 });
    expect(fits).toBe(false);
    expect(advice).toBe(
      'the stack needs 14 concurrent executions (10 for workers, 2 for ingest, 1 for the dashboard, 1 for reconcile), ' +
        'and the account has 10 that no function has reserved: set maxConcurrency to 6, or raise the quota ' +
        '"Concurrent executions" of Lambda: aws service-quotas request-service-quota-increase --service-code lambda ' +
        '--quota-code L-B99A9384 --desired-value 1000',
    );
  });

  it('proposes to reserve for ingest where Lambda allows it, and not where it is reserved already', () => {
    const usual = { limit: 1000, unreserved: 1000 };
    expect(checkConcurrency(usual, DEFAULTS).advice).toContain('to 10 (at most 900)');
    expect(checkConcurrency({ limit: 1000, unreserved: 109 }, DEFAULTS).advice).toBeNull();
    expect(checkConcurrency(usual, { ...DEFAULTS, ingestReserved: 10 }).advice).toBeNull();
  });

  it('proposes no reservation that the workers leave no room for', () => {
    const stack = { ...DEFAULTS, workers: 150 };
    const { fits, advice } = checkConcurrency({ limit: 1000, unreserved: 165 }, stack);
    expect(fits).toBe(true);
    expect(advice).toContain('(at most 13)');
    const reserved = { ...stack, ingestReserved: 13 };
    expect(checkConcurrency({ limit: 1000, unreserved: 165 - 13 }, reserved).fits).toBe(true);
    expect(checkConcurrency({ limit: 1000, unreserved: 160 }, stack).advice).toBeNull();
  });

  it('leaves the quota alone as the only way when not even two workers fit', () => {
    const { advice } = checkConcurrency({ limit: 10, unreserved: 4 }, { ...DEFAULTS, workers: 2 });
    expect(advice).not.toContain('maxConcurrency');
    expect(advice).toContain('L-B99A9384');
  });

  it('always proposes what then fits', () => {
    fc.assert(
      fc.property(accounts, stacks, (account, stack) => {
        const { fits, advice } = checkConcurrency(account, stack);
        const proposed = (pattern: RegExp) => Number(pattern.exec(advice ?? '')?.[1]);
        if (fits) return;
        const workers = proposed(/set maxConcurrency to (\d+)/);
        if (!Number.isNaN(workers)) {
          expect(workers).toBeGreaterThanOrEqual(2);
          expect(checkConcurrency(account, { ...stack, workers }).fits).toBe(true);
          expect(checkConcurrency(account, { ...stack, workers: workers + 1 }).fits).toBe(false);
        }
        const raised = proposed(/--desired-value (\d+)/) - account.limit;
        expect(raised).toBeGreaterThan(0);
        const after = { limit: account.limit + raised, unreserved: account.unreserved + raised };
        expect(checkConcurrency(after, stack).fits).toBe(true);
      }),
    );
  });
});
