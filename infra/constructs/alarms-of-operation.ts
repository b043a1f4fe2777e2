import { Duration } from 'aws-cdk-lib';
import { MathExpression, Stats, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import {
  type AlarmDefinition,
  type Commands,
  errorsOf,
  FIVE_MINUTES,
  MINUTE,
  QUARTER_HOUR,
  reaches,
  runPeriod,
  throttlesOf,
} from './alarm-definition.ts';
import type { RecoveryQueue } from './queue.ts';
import type { StackMetrics } from './stack-metrics.ts';

/** What runs: the queue and the functions. */
export interface OperatedParts {
  readonly queue: RecoveryQueue;
  readonly ingest: IFunction;
  readonly worker: IFunction;
  readonly reconcile: IFunction;
  /** @default - a stack without dashboard */
  readonly dashboard?: IFunction | undefined;
  /** Minutes between two runs of reconcile. */
  readonly reconcileMinutes: number;
}

/** Alarms on the queue and on every function. */
export function operationAlarms(
  parts: OperatedParts,
  metrics: StackMetrics,
  commands: Commands,
): AlarmDefinition[] {
  return [
    ...ofQueues(parts, commands),
    ...ofErrors(parts, commands),
    ...ofThrottles(parts, commands),
    ofRecursion(parts, commands),
    ofSilence(parts, metrics, commands),
  ];
}

function ofQueues({ queue }: OperatedParts, { run, status }: Commands): AlarmDefinition[] {
  return [
    {
      id: 'DeadLetters',
      name: 'dead letters',
      metric: queue.deadLetterQueue.metricApproximateNumberOfMessagesVisible({
        statistic: Stats.MAXIMUM,
        period: MINUTE,
      }),
      ...reaches(1, 1, 1),
      happened:
        'A message is on the dead-letter queue: the worker cannot understand it, or crashed on it every time.',
      // Of 14 days, up to 4 have gone by on the queue: SQS counts from the first enqueue.
      todo: `${status} shows the reasons; after fixing the cause, run ${run('redrive', '--dead-letters')} within 10 days.`,
    },
    {
      id: 'OldestMessage',
      name: 'queue too slow',
      // SQS leaves messages that were received more than three times out of this metric, so a recovery that waits for
      // its next attempt, for hours if need be, does not count: what counts is work that no worker receives.
      metric: queue.queue.metricApproximateAgeOfOldestMessage({
        statistic: Stats.MAXIMUM,
        period: FIVE_MINUTES,
      }),
      ...reaches(Duration.hours(1).toSeconds(), 3, 3),
      happened:
        'Messages have waited for more than an hour: there are more than the workers can process, or no worker runs.',
      todo: `${status} shows what waits and the deadlines; check the errors and throttles of the worker, or raise maxConcurrency as far as ${run('preflight')} allows.`,
    },
  ];
}

function ofErrors(
  { ingest, worker, reconcile, dashboard, reconcileMinutes }: OperatedParts,
  { run, status }: Commands,
): AlarmDefinition[] {
  return [
    {
      id: 'IngestErrors',
      name: 'ingest fails',
      metric: errorsOf(ingest, FIVE_MINUTES),
      ...reaches(3, 1, 1),
      happened: 'The ingest function crashes or runs out of time: notifications are not accepted.',
      todo: `See its logs, then ${run('send-test')} to check that notifications are accepted again.`,
    },
    {
      id: 'WorkerErrors',
      name: 'worker fails',
      metric: errorsOf(worker, QUARTER_HOUR),
      // One crash recovers by itself: the message is redelivered after the visibility timeout, a quarter of an hour.
      ...reaches(1, 4, 2),
      happened:
        'The worker crashes or runs out of time or memory repeatedly. Its messages are redelivered, but the deadline is approaching.',
      todo: `See its logs; if out of memory, raise workerMemoryMb. ${status} shows what is at risk meanwhile.`,
    },
    {
      id: 'ReconcileErrors',
      name: 'reconcile fails',
      metric: errorsOf(reconcile, runPeriod(reconcileMinutes)),
      // The next run is the retry of one that fails.
      ...reaches(1, 3, 2),
      happened:
        'The reconcile function fails: stalled recoveries are not resumed and deadlines are not monitored.',
      todo: `See its logs; ${status} shows the deadlines meanwhile.`,
    },
    ...(dashboard === undefined
      ? []
      : [
          {
            id: 'DashboardErrors',
            name: 'dashboard fails',
            metric: errorsOf(dashboard, FIVE_MINUTES),
            ...reaches(3, 1, 1),
            happened: 'The dashboard function crashes or runs out of time. Recoveries go on.',
            todo: `See its logs; ${status} shows the same meanwhile.`,
          },
        ]),
  ];
}

function ofThrottles(
  { ingest, worker, reconcile, dashboard, reconcileMinutes }: OperatedParts,
  { run, status }: Commands,
): AlarmDefinition[] {
  const everyRun = { period: runPeriod(reconcileMinutes), ...reaches(1, 3, 2) };
  const quarterHour = { period: FIVE_MINUTES, ...reaches(1, 3, 3) };
  const functions = [
    { id: 'IngestThrottled', name: 'ingest', of: ingest, effect: 'notifications get 5xx responses' },
    { id: 'WorkerThrottled', name: 'worker', of: worker, effect: 'recoveries wait' },
    { id: 'ReconcileThrottled', name: 'reconcile', of: reconcile, effect: 'deadlines are not monitored' },
    ...(dashboard === undefined
      ? []
      : [
          {
            id: 'DashboardThrottled',
            name: 'dashboard',
            of: dashboard,
            effect: 'its pages get 5xx responses',
          },
        ]),
  ];
  return functions.map(({ id, name, of, effect }) => {
    const { period, ...evaluation } = of === reconcile ? everyRun : quarterHour;
    return {
      id,
      name: `${name} throttled`,
      metric: throttlesOf(of, period),
      ...evaluation,
      happened: `Lambda throttles the ${name} function again and again, ${effect}: the account's concurrency is used up.`,
      todo: `${run('preflight')} says whether to lower maxConcurrency or which quota to raise; ${status} shows what waits.`,
    };
  });
}

/**
 * Only the worker sends to what invokes it: nothing that the other functions send to invokes them.
 * https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
 */
function ofRecursion({ worker }: OperatedParts, { run, status }: Commands): AlarmDefinition {
  return {
    id: 'WorkerRecursion',
    name: 'worker stopped as a loop',
    metric: worker.metric('RecursiveInvocationsDropped', { statistic: Stats.SUM, period: FIVE_MINUTES }),
    ...reaches(1, 4, 1),
    happened:
      'Lambda took messages that the worker queues for itself for an endless loop and stopped one, which the template allows: the recursive loop setting of the function was changed.',
    todo: `${status} shows dead letters and what is at risk; ${run('redrive', '--dead-letters')} starts their chain anew. Before that, set recursive loop detection of the worker to Allow again.`,
  };
}

/**
 * A run writes its level, so a quarter of an hour without a sample is one without a run. Missing data cannot stand for that:
 * it would alarm at once after the first deploy, before the first run. The queue is the clock: it has data for as long as
 * it exists, since Lambda polls it and each call keeps a queue's metrics coming for six hours
 * (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/monitoring-using-cloudwatch.html). So each
 * period that counts lies after the deploy, and a reconcile that has never run alarms as one that has stopped.
 */
function ofSilence(
  { queue, reconcileMinutes }: OperatedParts,
  metrics: StackMetrics,
  { status }: Commands,
): AlarmDefinition {
  // In quarters of an hour: three runs at least.
  const silent = Math.max(3, Math.ceil((3 * reconcileMinutes) / 15));
  const clock = { statistic: Stats.SAMPLE_COUNT, period: QUARTER_HOUR };
  return {
    id: 'ReconcileSilent',
    name: 'reconcile silent',
    metric: new MathExpression({
      expression: 'IF(clock > 0, FILL(runs, 0))',
      usingMetrics: {
        clock: queue.queue.metricApproximateNumberOfMessagesVisible(clock),
        runs: metrics.of('openRecoveries', 'reconcile', Stats.SAMPLE_COUNT, QUARTER_HOUR),
      },
      label: 'runs of reconcile',
      period: QUARTER_HOUR,
    }),
    ...{ ...reaches(1, silent, silent), below: true, missing: TreatMissingData.IGNORE },
    happened: `The reconcile function has not completed for ${15 * silent} minutes: deadlines are not monitored.`,
    todo: `Check whether its schedule is enabled, and its logs; ${status} shows the deadlines meanwhile.`,
  };
}
