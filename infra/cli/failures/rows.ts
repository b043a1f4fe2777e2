import type { RecoveryRecord } from '../../../lambda/shared/ledger/records.ts';
import type { RecoveryState } from '../../../lambda/shared/model.ts';
import type { Cell, Column } from '../table.ts';
import type { Colour } from '../terminal.ts';
import { timeLeft, utc } from '../time.ts';
import type { FailureWithRecoveries } from './select.ts';

export const COLUMNS: readonly Column[] = [
  { title: 'failed at (UTC)', most: 19 },
  { title: 'job', most: 20 },
  { title: 'output', most: 36 },
  { title: 'role', most: 9 },
  { title: 'error class', most: 36 },
  { title: 'destination', most: 40 },
  { title: 'recovery', most: 60 },
];

/** What needs an eye comes first. */
const STATES = ['lost', 'failed', 'copying', 'pending', 'recovered'] as const satisfies RecoveryState[];

const COLOURS: Record<RecoveryState, Colour> = {
  lost: 'red',
  failed: 'red',
  copying: 'yellow',
  pending: 'yellow',
  recovered: 'green',
};

/** One failure as a row for people. */
export function rowOf({ failure, recoveries }: FailureWithRecoveries, now: number): Cell[] {
  const { failedAt, jobId, outputId, label, role, errorClass, destinationHost, test } = failure;
  return [
    { text: utc(failedAt) },
    { text: test ? `${jobId} (test)` : jobId },
    { text: label === null || label === '' ? outputId : `${outputId} ${label}` },
    { text: role },
    { text: errorClass },
    { text: destinationHost ?? '-' },
    recoveryCell(recoveries, now),
  ];
}

/**
 * The states of all files of a failure in one cell, e.g. `recovered`, `pending, 5h 12m left` or
 * `2 lost, 238 recovered`; the time is the nearest deadline of those that are open.
 */
export function recoveryCell(recoveries: readonly RecoveryRecord[], now: number): Cell {
  if (recoveries.length === 0) return { text: 'none', colour: 'dim' };
  const byState = Map.groupBy(recoveries, ({ state }) => state);
  const present = STATES.filter((state) => byState.has(state));
  const counts = present.map((state) =>
    recoveries.length === 1 ? state : `${byState.get(state)?.length ?? 0} ${state}`,
  );
  const open = recoveries.filter(({ state }) => state === 'pending' || state === 'copying');
  const deadline = Math.min(...open.map((recovery) => recovery.deadline));
  const parts = open.length === 0 ? counts : [...counts, timeLeft(deadline, now)];
  return { text: parts.join(', '), colour: COLOURS[present[0] ?? 'recovered'] };
}
