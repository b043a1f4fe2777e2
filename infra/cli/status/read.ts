import type { SQSClient } from '@aws-sdk/client-sqs';
import type { LedgerTable } from '../../../lambda/shared/ledger/ledger-table.ts';
import { countOwedEvents, OWED_GRACE_MS } from '../../../lambda/shared/ledger/outbox.ts';
import { countOpenRecoveries, openRecoveriesByDeadline } from '../../../lambda/shared/ledger/queries.ts';
import type { RecoveryRecord } from '../../../lambda/shared/ledger/records.ts';
import { type RefusalCount, readRefusals, whatToDoAbout } from '../../../lambda/shared/ledger/refusals.ts';
import { type BoundedCount, countRecoveries } from '../../../lambda/shared/ledger/tallies.ts';
import { type NotedTable, unreadableLine } from '../../../lambda/shared/ledger/unreadable.ts';
import { deadLetterReasons, type QueueDepth, queueDepth } from '../queue-depth.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

/** How a stack is doing. */
export interface StackStatus {
  readonly open: {
    readonly total: number;
    /** Near their deadline. */
    readonly atRisk: number;
    /** Past their deadline: about to be settled. */
    readonly overdue: number;
    /** The nearest deadline first, as many as were asked for. */
    readonly next: readonly RecoveryRecord[];
  };
  /** In the last 24 hours. */
  readonly settled: Readonly<Record<'recovered' | 'lost' | 'failed', BoundedCount>>;
  /** Events that the topic has not taken. */
  readonly eventsOwed: number;
  /** Notifications that were refused in the last 24 hours, by status code. */
  readonly refused: readonly RefusalCount[];
  readonly queue: QueueDepth;
  readonly deadLetters: { readonly count: number; readonly reasons: ReadonlyMap<string, number> };
}

/** What a status is read from. */
export interface StatusSources {
  readonly table: LedgerTable;
  readonly sqs: SQSClient;
  readonly queueUrl: string;
  readonly deadLetterQueueUrl: string;
}

/**
 * Asks ledger and queues, all at once.
 *
 * @param atRisk milliseconds: an open recovery with less time left, but some, counts as at risk.
 */
export async function readStatus(
  { table, sqs, queueUrl, deadLetterQueueUrl }: StatusSources,
  { atRisk, limit, now }: { readonly atRisk: number; readonly limit: number; readonly now: number },
): Promise<StackStatus> {
  const lastDay = { since: now - DAY_MS, until: now + DAY_MS };
  const [total, inDanger, overdue, next, recovered, lost, failed, refused, eventsOwed, queue, dead] =
    await Promise.all([
      countOpenRecoveries(table),
      countOpenRecoveries(table, { deadlineFrom: now, deadlineBefore: now + atRisk }),
      countOpenRecoveries(table, { deadlineBefore: now }),
      firstOf(openRecoveriesByDeadline(table, { expected: limit }), limit),
      countRecoveries(table, 'RECOVERED', lastDay),
      countRecoveries(table, 'LOST', lastDay),
      countRecoveries(table, 'FAILED', lastDay),
      readRefusals(table, now - DAY_MS, now),
      countOwedEvents(table, now - OWED_GRACE_MS),
      queueDepth(sqs, queueUrl),
      queueDepth(sqs, deadLetterQueueUrl),
    ]);
  const count = dead.waiting + dead.hidden + dead.delayed;
  const reasons = count === 0 ? new Map<string, number>() : await deadLetterReasons(sqs, deadLetterQueueUrl);
  return {
    open: { total, atRisk: inDanger, overdue, next },
    settled: { recovered, lost, failed },
    eventsOwed,
    refused,
    queue,
    deadLetters: { count, reasons },
  };
}

/** Sentences for a person, one for each thing to be done; none when all is well. */
export function attentionFor(
  { open, settled, refused, eventsOwed, deadLetters }: StackStatus,
  unreadable: NotedTable['unreadable'] = new Map(),
): string[] {
  const leftOut = unreadableLine(unreadable);
  const cause = open.next.find(({ lastError }) => lastError?.meaning === 'customer-must-act')?.lastError;
  return [
    ...(leftOut === null ? [] : [leftOut]),
    ...(open.atRisk > 0
      ? [`${counted(open.atRisk, 'recovery', 'recoveries')} at risk of being lost: see the last errors`]
      : []),
    ...(cause !== undefined
      ? [`the bucket refuses (${cause.errorClass}): npm run preflight says what to change`]
      : []),
    ...(settled.failed.count > 0
      ? [
          `${counted(settled.failed.count, 'recovery', 'recoveries')} failed and will not be tried again: npm run failures -- --state failed`,
        ]
      : []),
    ...(eventsOwed > 0
      ? [
          `${counted(eventsOwed, 'event is', 'events are')} not delivered: let worker and reconcile publish on the events topic (its key, its policy)`,
        ]
      : []),
    ...refused.map(
      ({ status, count }) =>
        `${counted(count, 'notification', 'notifications')} refused with ${status}: ${whatToDoAbout(status)}`,
    ),
    ...(deadLetters.count > 0
      ? [
          `${counted(deadLetters.count, 'dead letter', 'dead letters')}: correct the reason, then npm run redrive -- --dead-letters`,
        ]
      : []),
  ];
}

function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}

async function firstOf<T>(records: AsyncIterable<T>, limit: number): Promise<T[]> {
  const first: T[] = [];
  if (limit === 0) return first;
  for await (const record of records) {
    first.push(record);
    if (first.length === limit) break;
  }
  return first;
}
