import type { LedgerTable } from '../../../lambda/shared/ledger/ledger-table.ts';
import { failuresByClass, recoveriesByState } from '../../../lambda/shared/ledger/queries.ts';
import { readJob, readRecoveriesOf } from '../../../lambda/shared/ledger/read-items.ts';
import type { RecoveryRecord } from '../../../lambda/shared/ledger/records.ts';
import { noting, unreadableLine } from '../../../lambda/shared/ledger/unreadable.ts';
import { mapAhead } from '../ahead.ts';
import type { Selection } from './options.ts';

const LOOK_UPS_AHEAD = 16;

/**
 * The recoveries that a selection means, at most its limit, found by the narrowest way there is: by job, else by error
 * class, else by state.
 *
 * @param now epoch milliseconds.
 * @returns in `leftOut` a line for a person about records that cannot be read; null when there are none.
 */
export async function selectRecoveries(
  ledger: LedgerTable,
  selection: Selection,
  now: number,
): Promise<{ recoveries: RecoveryRecord[]; isAll: boolean; leftOut: string | null }> {
  const { table, unreadable } = noting(ledger);
  const recoveries: RecoveryRecord[] = [];
  for await (const recovery of candidates(table, selection, now)) {
    if (!matches(recovery, selection)) continue;
    if (recoveries.length === selection.limit) {
      return { recoveries, isAll: false, leftOut: unreadableLine(unreadable) };
    }
    recoveries.push(recovery);
  }
  return { recoveries, isAll: true, leftOut: unreadableLine(unreadable) };
}

async function* candidates(
  table: LedgerTable,
  { jobId, errorClass, states, since }: Selection,
  now: number,
): AsyncGenerator<RecoveryRecord> {
  if (jobId !== undefined) {
    const { failures, recoveries } = await readJob(table, jobId);
    const ofClass = failures.filter(
      (failure) => errorClass === undefined || failure.errorClass === errorClass,
    );
    const roles = new Set(ofClass.map(({ outputId, role }) => `${outputId} ${role}`));
    for (const recovery of recoveries) {
      const isOfClass = roles.has(`${recovery.outputId} ${recovery.role}`);
      if (errorClass === undefined || isOfClass) yield recovery;
    }
  } else if (errorClass === undefined) {
    // Nothing is settled before it failed, so the span is wide enough for what `matches` looks at.
    for (const state of states) yield* recoveriesByState(table, state, { now, since });
  } else {
    const failures = failuresByClass(table, errorClass, { now, since });
    const found = mapAhead(failures, LOOK_UPS_AHEAD, (failure) => readRecoveriesOf(table, failure));
    for await (const recoveries of found) yield* recoveries;
  }
}

function matches(recovery: RecoveryRecord, { outputId, states, since }: Selection): boolean {
  if (outputId !== undefined && recovery.outputId !== outputId) return false;
  const isState = states.some((state) => state === recovery.state);
  return isState && (since === undefined || recovery.failedAt >= since);
}
