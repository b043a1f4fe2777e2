import type { RecoveryRecord } from '../../../lambda/shared/ledger/records.ts';
import type { RefusalCount } from '../../../lambda/shared/ledger/refusals.ts';
import type { BoundedCount } from '../../../lambda/shared/ledger/tallies.ts';
import { type Cell, type Column, writeTable } from '../table.ts';
import { harmless, type Terminal } from '../terminal.ts';
import { roughly, timeLeft, utc } from '../time.ts';
import type { StackStatus } from './read.ts';

const COLUMNS: readonly Column[] = [
  { title: 'time left', most: 26 },
  { title: 'job', most: 20 },
  { title: 'output', most: 30 },
  { title: 'file', most: 40 },
  { title: 'state', most: 8 },
  { title: 'attempts', most: 8 },
  { title: 'next attempt', most: 14 },
  { title: 'last error', most: 80 },
];

/** How the present is shown. */
export interface StatusView {
  /** E.g. `stack ZencoderRecovery`. */
  readonly name: string;
  /** Milliseconds. */
  readonly atRisk: number;
  readonly now: number;
}

/** The status for people. */
export async function writeStatus(out: Terminal, status: StackStatus, view: StatusView): Promise<void> {
  const { open, settled, refused, eventsOwed, queue, deadLetters } = status;
  const { name, atRisk, now } = view;
  const rows: [string, string][] = [
    [
      'Open recoveries',
      `${open.total}, ${open.atRisk} at risk (less than ${roughly(atRisk)} left), ${open.overdue} past their deadline`,
    ],
    [
      'Last 24 hours',
      `${shown(settled.recovered)} recovered, ${shown(settled.lost)} lost, ${shown(settled.failed)} failed`,
    ],
    ...refusalRows(refused),
    [
      'Queue',
      `${queue.waiting} waiting, ${queue.hidden} being worked on or until their next attempt, ${queue.delayed} delayed`,
    ],
    ...(eventsOwed > 0 ? [['Events', `${eventsOwed} not delivered`] satisfies [string, string]] : []),
    ['Dead letters', `${deadLetters.count}`],
    ...[...deadLetters.reasons].map(([reason, count]): [string, string] => [
      '',
      `${count} x ${harmless(reason)}`,
    ]),
  ];
  await out.write(`${out.paint('bold', `${name}, ${utc(now)} UTC`)}\n\n`);
  for (const [title, text] of rows) await out.write(`${title.padEnd(18)}${text}\n`);
  if (open.next.length === 0) return;
  await out.write('\n');
  const deadlineAtRisk = now + atRisk;
  await writeTable(out, COLUMNS, toAsync(open.next.map((recovery) => rowOf(recovery, deadlineAtRisk, now))));
  if (open.total > open.next.length)
    await out.write(`… and ${open.total - open.next.length} more (--limit)\n`);
}

/** Nothing while there are none. */
function refusalRows(refused: readonly RefusalCount[]): [string, string][] {
  if (refused.length === 0) return [];
  const texts = refused.map(({ status, count }) => `${count} x ${status}`);
  return [['Notifications', `${texts.join(', ')} refused in the last 24 hours`]];
}

function rowOf(recovery: RecoveryRecord, deadlineAtRisk: number, now: number): Cell[] {
  const { deadline, jobId, outputId, label, filename, state, attempts, nextAttemptAt, lastError, test } =
    recovery;
  const colour = deadline < now ? 'red' : deadline < deadlineAtRisk ? 'yellow' : undefined;
  return [
    { text: timeLeft(deadline, now), colour },
    { text: test ? `${jobId} (test)` : jobId },
    { text: label === null || label === '' ? outputId : `${outputId} ${label}` },
    { text: filename },
    { text: state },
    { text: String(attempts) },
    {
      text:
        nextAttemptAt === undefined
          ? '-'
          : nextAttemptAt <= now
            ? 'due'
            : `in ${roughly(nextAttemptAt - now)}`,
    },
    { text: lastError === undefined ? '-' : `${lastError.errorClass}: ${lastError.message}` },
  ];
}

/** The status as a JSON object of stable shape. */
export function statusJson(status: StackStatus, attention: readonly string[], now: number): object {
  const { open, settled, refused, eventsOwed, queue, deadLetters } = status;
  return {
    at: new Date(now).toISOString(),
    open: {
      total: open.total,
      atRisk: open.atRisk,
      overdue: open.overdue,
      next: open.next.map((recovery) => recoveryJson(recovery, now)),
    },
    lastDay: {
      recovered: settled.recovered.count,
      lost: settled.lost.count,
      failed: settled.failed.count,
    },
    eventsOwed,
    refusedNotifications: refused,
    queue,
    deadLetters: {
      count: deadLetters.count,
      reasons: [...deadLetters.reasons].map(([reason, count]) => ({ reason, count })),
    },
    attention,
  };
}

function recoveryJson(recovery: RecoveryRecord, now: number): object {
  const {
    jobId,
    outputId,
    role,
    fileId,
    label,
    filename,
    state,
    deadline,
    attempts,
    lastError,
    nextAttemptAt,
  } = recovery;
  return {
    ...{ jobId, outputId, role, fileId, label, filename, state },
    deadline: new Date(deadline).toISOString(),
    secondsLeft: Math.round((deadline - now) / 1000),
    attempts,
    nextAttemptAt: nextAttemptAt === undefined ? null : new Date(nextAttemptAt).toISOString(),
    lastError: lastError === undefined ? null : { ...lastError, at: new Date(lastError.at).toISOString() },
  };
}

function shown({ count, isComplete }: BoundedCount): string {
  return isComplete ? String(count) : `more than ${count}`;
}

async function* toAsync<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}
