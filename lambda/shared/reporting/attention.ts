import type { Ledger } from '../ledger/ledger.ts';
import type { RecoveryRecord } from '../ledger/records.ts';
import { DAY_MS } from '../runtime/durations.ts';
import { isAtRisk } from '../zencoder/signed-url.ts';
import { isOpen } from './job.ts';

/** How long lost and failed files are shown among what needs attention. */
export const SHOWN_DAYS = 7;
/** Open recoveries that are read, the nearest deadline first. */
export const MAX_OPEN = 500;
/** Lost, and as many failed, recoveries that are read, the newest first. */
export const MAX_SETTLED = 200;

/** Why attention is needed, the most pressing first. */
export const REASONS = ['action-required', 'failed', 'at-risk', 'lost'] as const;
export type Reason = (typeof REASONS)[number];

/** When an open recovery is at risk: with less than `atRiskMs` left at `now`, both milliseconds. */
export interface Risk {
  readonly now: number;
  readonly atRiskMs: number;
}

/** Files of one output that need attention for the same reason. */
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

/** What needs attention now. */
export interface Attention {
  /** Sorted by time left; settled ones last, the newest first. */
  readonly items: readonly AttentionItem[];
  /** True when only some of the recoveries were read. */
  readonly isTruncated: boolean;
}

/**
 * Why a recovery needs attention; null when it does not.
 *
 * @example
 * attentionReason(recovery, { now: Date.now(), atRiskMs: 6 * HOUR_MS }); // 'action-required'
 */
export function attentionReason(
  { state, deadline, lastError }: Pick<RecoveryRecord, 'state' | 'deadline' | 'lastError'>,
  risk: Risk,
): Reason | null {
  if (state === 'lost' || state === 'failed') return state;
  if (requiresAction({ state, lastError })) return 'action-required';
  return isOpen({ state }) && isAtRisk(deadline, risk) ? 'at-risk' : null;
}

/** Whether an open recovery is retried in vain until the customer fixes something, such as the bucket's policy. */
export function requiresAction({
  state,
  lastError,
}: {
  readonly state: RecoveryRecord['state'];
  readonly lastError?: RecoveryRecord['lastError'] | undefined;
}): boolean {
  return isOpen({ state }) && lastError?.category === 'action-required';
}

/**
 * What needs attention: recoveries that require an action of the customer, that failed, whose deadline is near but
 * not over, or that were lost within the last {@link SHOWN_DAYS} days.
 *
 * Reads at most {@link MAX_OPEN} open, {@link MAX_SETTLED} failed and as many lost recoveries.
 */
export async function findNeedsAttention(ledger: Ledger, risk: Risk): Promise<Attention> {
  const { now } = risk;
  const span = { now, since: now - SHOWN_DAYS * DAY_MS, expected: MAX_SETTLED };
  const [open, failed, lost] = await Promise.all([
    atMost(MAX_OPEN, ledger.queries.openRecoveriesByDeadline({ expected: MAX_OPEN })),
    atMost(MAX_SETTLED, ledger.queries.recoveriesByState('failed', span)),
    atMost(MAX_SETTLED, ledger.queries.recoveriesByState('lost', span)),
  ]);
  const all = [...open, ...failed, ...lost];
  const concerned = all.flatMap((recovery) => {
    const reason = attentionReason(recovery, risk);
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

async function atMost<T>(max: number, records: AsyncIterable<T>): Promise<T[]> {
  const taken: T[] = [];
  for await (const record of records) {
    taken.push(record);
    if (taken.length >= max) break;
  }
  return taken;
}
