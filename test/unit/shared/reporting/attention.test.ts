import { describe, expect, it } from 'vitest';
import { attentionReason, requiresAction } from '../../../../lambda/shared/reporting/attention.ts';
import { HOUR_MS } from '../../../../lambda/shared/runtime/durations.ts';
import type { ErrorCategory } from '../../../../lambda/shared/runtime/errors.ts';
import type { RecoveryState } from '../../../../lambda/shared/zencoder/model.ts';

const NOW = Date.parse('2026-03-15T12:00:00Z');
const risk = { now: NOW, atRiskMs: 6 * HOUR_MS };

const recovery = (state: RecoveryState, hoursLeft: number, category?: ErrorCategory) => ({
  state,
  deadline: NOW + hoursLeft * HOUR_MS,
  ...(category !== undefined && { lastError: { at: NOW, errorClass: 'E', message: 'm', category } }),
});

describe('attentionReason', () => {
  it.each([
    ['lost', 1, undefined, 'lost'],
    ['failed', 1, 'action-required', 'failed'],
    ['pending', 1, 'action-required', 'action-required'],
    ['copying', 20, 'action-required', 'action-required'],
    ['pending', 1, 'transient', 'at-risk'],
    ['copying', 5.9, undefined, 'at-risk'],
    ['pending', 6, undefined, null],
    ['pending', 0, undefined, null],
    ['recovered', 1, 'action-required', null],
  ] as const)('is for %s with %d hours left and a last error of %s: %s', (state, hours, category, reason) => {
    expect(attentionReason(recovery(state, hours, category), risk)).toBe(reason);
  });
});

describe('requiresAction', () => {
  it('is true for open recoveries only', () => {
    const states = ['pending', 'copying', 'recovered', 'lost', 'failed'] as const;
    expect(states.filter((state) => requiresAction(recovery(state, 1, 'action-required')))).toEqual([
      'pending',
      'copying',
    ]);
  });
});
