import type { Ledger } from '../ledger/ledger.ts';
import type { RecoveryRecord } from '../ledger/records.ts';
import { DAY_MS } from '../runtime/durations.ts';
import { isAtRisk } from '../zencoder/signed-url.ts';

/** How long lost and failed files are shown among what needs a person. */
export const SHOWN_DAYS = 7;
/** Open recoveries that are looked at, the nearest deadline first. */
export const MAX_OPEN = 500;
/** Lost, and as many failed, recoveries that are looked at, the newest first. */
export const MAX_SETTLED = 200;

/** Why a person is needed, the most pressing first. */
export const REASONS = ['action-required', 'failed', 'at-risk', 'lost'] as const;
export type Reason = (typeof REASONS)[number];

/** Files of one output that need a person for the same reason. */
export interface AttentionItem {
  readonly reason: Reason;
  readonly jobId: string;
  readonly outputId: string;
  readonly label: string | null;
  readonly test: boolean;
  readonly files: number;
  /** Nearest deadline, epoch milliseconds; it may have passed. */
  readonly deadline: number;
  /** Of one of the files: the last error, already redacted. */
  readonly message: string | null;
}

/** What needs a person now. */
export interface Attention {
  /** Sorted by time left; what is over comes last, the newest first. */
  readonly items: readonly AttentionItem[];
  /** True when there may be more than was looked at. */
  readonly isTruncated: boolean;
}

/**
 * What needs a person: recoveries that the customer must repair something for, that failed, whose deadline is near but
 * not over, or that were lost within the last {@link SHOWN_DAYS} days.
 *
 * Reads at most {@link MAX_OPEN} open, {@link MAX_SETTLED} failed and as many lost recoveries.
 */
export async function findNeedsAttention(
  ledger: Ledger,
  risk: { readonly now: number; readonly atRiskMs: number },
): Promise<Attention> {
  const { now } = risk;
  const span = { now, since: now - SHOWN_DAYS * DAY_MS, expected: MAX_SETTLED };
  const [open, failed, lost] = await Promise.all([
    atMost(MAX_OPEN, ledger.queries.openRecoveriesByDeadline({ expected: MAX_OPEN })),
    atMost(MAX_SETTLED, ledger.queries.recoveriesByState('failed', span)),
    atMost(MAX_SETTLED, ledger.queries.recoveriesByState('lost', span)),
  ]);
  const all = [...open, ...failed, ...lost];
  const concerned = all.flatMap((recovery) => {
    const reason = reasonOf(recovery, risk);
    return reason === null ? [] : [{ recovery, reason }];
  });
  const groups = Map.groupBy(
    concerned,
    ({ recovery, reason }) => `${recovery.jobId} ${recovery.outputId} ${reason}`,
  );
  const items = [...groups.values()].flatMap((group) => itemOf(group));
  return {
    items: items.toSorted((a, b) => byTimeLeft(a.deadline, b.deadline, now)),
    isTruncated: open.length >= MAX_OPEN || failed.length >= MAX_SETTLED || lost.length >= MAX_SETTLED,
  };
}

function reasonOf(
  { state, deadline, lastError }: RecoveryRecord,
  risk: Parameters<typeof isAtRisk>[1],
): Reason | null {
  if (state === 'lost' || state === 'failed') return state;
  if (lastError?.category === 'action-required') return 'action-required';
  return isAtRisk(deadline, risk) ? 'at-risk' : null;
}

function itemOf(group: readonly { recovery: RecoveryRecord; reason: Reason }[]): AttentionItem[] {
  const [first] = group;
  if (first === undefined) return [];
  const { reason, recovery } = first;
  const { jobId, outputId, label, test } = recovery;
  const deadline = Math.min(...group.map((entry) => entry.recovery.deadline));
  const message = recovery.lastError?.message ?? null;
  return [{ reason, jobId, outputId, label, test, files: group.length, deadline, message }];
}

function byTimeLeft(a: number, b: number, now: number): number {
  const [aOver, bOver] = [a <= now, b <= now];
  if (aOver !== bOver) return aOver ? 1 : -1;
  return aOver ? b - a : a - b;
}

async function atMost<T>(most: number, records: AsyncIterable<T>): Promise<T[]> {
  const taken: T[] = [];
  for await (const record of records) {
    taken.push(record);
    if (taken.length >= most) break;
  }
  return taken;
}
