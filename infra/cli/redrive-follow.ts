import { setTimeout as sleep } from 'node:timers/promises';
import type { Ledger } from '../../lambda/shared/ledger/ledger.ts';
import type { RecoveryRecord } from '../../lambda/shared/ledger/records.ts';

const EVERY_MS = 1000;
const READS_AT_ONCE = 25;

/** How redriven recoveries ended. */
export interface Ending {
  readonly recovered: readonly RecoveryRecord[];
  /** Lost or failed again. */
  readonly notRecovered: readonly RecoveryRecord[];
  /** Not settled when the time was up. */
  readonly open: readonly RecoveryRecord[];
}

/**
 * Follows recoveries until each is settled again: touched since it was redriven, and in a settled state.
 *
 * @param timeout milliseconds.
 */
export async function waitForSettled(
  ledger: Ledger,
  redriven: readonly RecoveryRecord[],
  timeout: number,
  onLook: (settled: number) => Promise<void>,
): Promise<Ending> {
  const until = performance.now() + timeout;
  const settled: RecoveryRecord[] = [];
  let open = [...redriven];
  for (;;) {
    const still: RecoveryRecord[] = [];
    for (let start = 0; start < open.length; start += READS_AT_ONCE) {
      const group = open.slice(start, start + READS_AT_ONCE);
      const now = await Promise.all(group.map((before) => ledger.queries.readRecovery(before)));
      for (const [index, before] of group.entries()) {
        const after = now[index];
        if (after?.settledAt !== undefined && after.updatedAt > before.updatedAt) settled.push(after);
        else still.push(before);
      }
    }
    open = still;
    await onLook(settled.length);
    if (open.length === 0 || performance.now() >= until) break;
    await sleep(EVERY_MS);
  }
  return {
    recovered: settled.filter(({ state }) => state === 'recovered'),
    notRecovered: settled.filter(({ state }) => state !== 'recovered'),
    open,
  };
}
