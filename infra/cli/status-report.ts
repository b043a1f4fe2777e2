import type { SNSClient } from '@aws-sdk/client-sns';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { BoundedCount } from '../../lambda/shared/ledger/counts.ts';
import type { Latest } from '../../lambda/shared/ledger/latest.ts';
import type { Ledger, LedgerWithUnreadable } from '../../lambda/shared/ledger/ledger.ts';
import type { RecoveryRecord } from '../../lambda/shared/ledger/records.ts';
import { OWED_GRACE_MS } from '../../lambda/shared/ledger/records.ts';
import type { RefusalCount } from '../../lambda/shared/ledger/refusals.ts';
import { unreadableLine } from '../../lambda/shared/ledger/unreadable-reports.ts';
import { requiresAction } from '../../lambda/shared/reporting/attention.ts';
import { counted, duration, timeLeft, utcSeconds } from '../../lambda/shared/reporting/format.ts';
import { recoveryJson } from '../../lambda/shared/reporting/json.ts';
import { whatToDoAbout } from '../../lambda/shared/reporting/statistics.ts';
import { DAY_MS } from '../../lambda/shared/runtime/durations.ts';
import {
  type AlarmSubscriptions,
  readAlarmSubscriptions,
  subscriptionsText,
  unconfirmedSentences,
} from './lib/alarm-subscriptions.ts';
import { latestJson, latestRows } from './lib/latest.ts';
import { deadLetterReasons, type QueueDepth, queueDepth } from './lib/queues.ts';
import { COLUMNS, type Column, writeTable } from './lib/table.ts';
import { sanitize, type Terminal } from './lib/terminal.ts';

/** How a stack is doing. */
export interface StackStatus {
  readonly open: {
    readonly total: number;
    /** Near their deadline. */
    readonly atRisk: number;
    /** Past their deadline: about to be settled. */
    readonly overdue: number;
    /** The nearest deadline first, up to the limit. */
    readonly next: readonly RecoveryRecord[];
  };
  /** In the last 24 hours. */
  readonly settled: Readonly<Record<'recovered' | 'lost' | 'failed', BoundedCount>>;
  /** Events that the topic has not accepted. */
  readonly eventsOwed: number;
  /** Notifications that were refused in the last 24 hours, by status code. */
  readonly refused: readonly RefusalCount[];
  readonly latest: Latest;
  readonly queue: QueueDepth;
  readonly deadLetters: { readonly count: number; readonly reasons: ReadonlyMap<string, number> };
  /** Null when the operator may not ask. */
  readonly alarms: AlarmSubscriptions | null;
}

/** What a status is read from. */
export interface StatusSources {
  readonly ledger: Ledger;
  readonly sqs: SQSClient;
  readonly queueUrl: string;
  readonly deadLetterQueueUrl: string;
  readonly sns: SNSClient;
  readonly alarmTopicArn: string;
  /** The setting, where it is set. */
  readonly alarmEmail: string | undefined;
}

/**
 * Asks ledger, queues and the topic of alarms, all at once.
 *
 * @param atRisk milliseconds: an open recovery with less time left, but some, counts as at risk.
 */
export async function readStatus(
  { ledger, sqs, queueUrl, deadLetterQueueUrl, sns, alarmTopicArn, alarmEmail }: StatusSources,
  { atRisk, limit, now }: { readonly atRisk: number; readonly limit: number; readonly now: number },
): Promise<StackStatus> {
  const lastDay = { since: now - DAY_MS, until: now + DAY_MS };
  const [
    total,
    inDanger,
    overdue,
    next,
    recovered,
    lost,
    failed,
    refused,
    latest,
    eventsOwed,
    queue,
    dead,
    alarms,
  ] = await Promise.all([
    ledger.queries.countOpenRecoveries(),
    ledger.queries.countOpenRecoveries({ deadlineFrom: now, deadlineBefore: now + atRisk }),
    ledger.queries.countOpenRecoveries({ deadlineBefore: now }),
    firstOf(ledger.queries.openRecoveriesByDeadline({ expected: limit }), limit),
    ledger.queries.countRecoveries('RECOVERED', lastDay),
    ledger.queries.countRecoveries('LOST', lastDay),
    ledger.queries.countRecoveries('FAILED', lastDay),
    ledger.refusals.readSince(now - DAY_MS),
    ledger.latest.read(),
    ledger.outbox.countOwedBefore(now - OWED_GRACE_MS),
    queueDepth(sqs, queueUrl),
    queueDepth(sqs, deadLetterQueueUrl),
    readAlarmSubscriptions(sns, alarmTopicArn, alarmEmail),
  ]);
  const count = dead.waiting + dead.hidden + dead.delayed;
  const reasons = count === 0 ? new Map<string, number>() : await deadLetterReasons(sqs, deadLetterQueueUrl);
  return {
    open: { total, atRisk: inDanger, overdue, next },
    settled: { recovered, lost, failed },
    eventsOwed,
    refused,
    latest,
    queue,
    deadLetters: { count, reasons },
    alarms,
  };
}

/** One sentence for each action required; none when all is well. */
export function attentionFor(
  { open, settled, refused, eventsOwed, deadLetters, alarms }: StackStatus,
  unreadable: LedgerWithUnreadable['unreadable'] = new Map(),
): string[] {
  const leftOut = unreadableLine(unreadable);
  const cause = open.next.find(requiresAction)?.lastError;
  return [
    ...(leftOut === null ? [] : [leftOut]),
    ...(open.atRisk > 0
      ? [`${counted(open.atRisk, 'recovery', 'recoveries')} at risk of being lost: see the last errors`]
      : []),
    ...(cause !== undefined
      ? [`the bucket denies access (${cause.errorClass}): npm run preflight says what to change`]
      : []),
    ...(settled.failed.count > 0
      ? [
          `${counted(settled.failed.count, 'recovery', 'recoveries')} failed and will not be tried again: npm run failures -- --state failed`,
        ]
      : []),
    ...(eventsOwed > 0
      ? [
          `${counted(eventsOwed, 'event is', 'events are')} not delivered: grant worker and reconcile sns:Publish on the events topic (its key, its policy)`,
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
    ...(alarms === null ? [] : unconfirmedSentences(alarms)),
  ];
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

/** How the present is shown. */
export interface StatusView {
  /** E.g. `stack ZencoderRecovery`. */
  readonly name: string;
  /** Milliseconds. */
  readonly atRisk: number;
  readonly now: number;
}

/** The status as text. */
export async function writeStatus(out: Terminal, status: StackStatus, view: StatusView): Promise<void> {
  const { open, settled, refused, latest, eventsOwed, queue, deadLetters, alarms } = status;
  const { name, atRisk, now } = view;
  const rows: [string, string][] = [
    [
      'Open recoveries',
      `${open.total}, ${open.atRisk} at risk (less than ${duration(atRisk)} left), ${open.overdue} past their deadline`,
    ],
    [
      'Last 24 hours',
      `${shown(settled.recovered)} recovered, ${shown(settled.lost)} lost, ${shown(settled.failed)} failed`,
    ],
    ...refusalRows(refused),
    [
      'Queue',
      `${queue.waiting} waiting, ${queue.hidden} in progress or waiting to retry, ${queue.delayed} delayed`,
    ],
    ...(eventsOwed > 0 ? [['Events', `${eventsOwed} not delivered`] satisfies [string, string]] : []),
    ['Dead letters', `${deadLetters.count}`],
    ...[...deadLetters.reasons].map(([reason, count]): [string, string] => [
      '',
      `${count} x ${sanitize(reason)}`,
    ]),
    ['Alarms', subscriptionsText(alarms)],
    ...latestRows(latest, now),
  ];
  await out.write(`${out.paint('bold', `${name}, ${utcSeconds(now)} UTC`)}\n\n`);
  for (const [title, text] of rows) await out.write(`${title.padEnd(18)}${text}\n`);
  if (open.next.length === 0) return;
  await out.write('\n');
  await writeTable(out, columnsAt(now, now + atRisk), open.next);
  if (open.total > open.next.length)
    await out.write(`… and ${open.total - open.next.length} more (--limit)\n`);
}

/** Nothing while there are none. */
function refusalRows(refused: readonly RefusalCount[]): [string, string][] {
  if (refused.length === 0) return [];
  const texts = refused.map(({ status, count }) => `${count} x ${status}`);
  return [['Notifications', `${texts.join(', ')} refused in the last 24 hours`]];
}

function columnsAt(now: number, deadlineAtRisk: number): Column<RecoveryRecord>[] {
  return [
    {
      title: 'time left',
      maxWidth: 26,
      cellOf: ({ deadline }) => ({
        text: timeLeft(deadline, now),
        colour: deadline < now ? 'red' : deadline < deadlineAtRisk ? 'yellow' : undefined,
      }),
    },
    COLUMNS.job,
    COLUMNS.output,
    COLUMNS.file,
    COLUMNS.state,
    { title: 'attempts', maxWidth: 8, cellOf: ({ attempts }) => ({ text: String(attempts) }) },
    {
      title: 'next attempt',
      maxWidth: 14,
      cellOf: ({ nextAttemptAt }) => ({
        text: nextAttemptAt === undefined ? '-' : dueIn(nextAttemptAt - now),
      }),
    },
    COLUMNS.lastError,
  ];
}

function dueIn(milliseconds: number): string {
  return milliseconds <= 0 ? 'due' : `in ${duration(milliseconds)}`;
}

/** The status as a JSON object of stable shape. */
export function statusJson(status: StackStatus, attention: readonly string[], now: number): object {
  const { open, settled, refused, latest, eventsOwed, queue, deadLetters, alarms } = status;
  return {
    at: new Date(now).toISOString(),
    open: {
      total: open.total,
      atRisk: open.atRisk,
      overdue: open.overdue,
      next: open.next.map((recovery) => ({
        ...recoveryJson(recovery),
        secondsLeft: Math.round((recovery.deadline - now) / 1000),
      })),
    },
    lastDay: {
      recovered: settled.recovered.count,
      lost: settled.lost.count,
      failed: settled.failed.count,
    },
    eventsOwed,
    refusedNotifications: refused,
    ...latestJson(latest),
    queue,
    deadLetters: {
      count: deadLetters.count,
      reasons: [...deadLetters.reasons].map(([reason, count]) => ({ reason, count })),
    },
    alarms: alarms === null ? null : { confirmed: alarms.confirmed, unconfirmed: alarms.unconfirmed },
    attention,
  };
}

function shown({ count, isComplete }: BoundedCount): string {
  return isComplete ? String(count) : `more than ${count}`;
}
