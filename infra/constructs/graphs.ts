import { Duration } from 'aws-cdk-lib';
import {
  type Alarm,
  AlarmStatusWidget,
  Dashboard,
  GraphWidget,
  type IMetric,
  type IWidget,
  Stats,
  TextWidget,
} from 'aws-cdk-lib/aws-cloudwatch';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import type { MetricKey } from '../../lambda/shared/runtime/metrics.ts';
import type { MonitoredParts } from './alarms.ts';
import type { RecoveryQueue } from './queue.ts';
import type { Service, StackMetrics } from './stack-metrics.ts';

const PERIOD = Duration.minutes(5);
const HALF = 12;
const THIRD = 8;

/** A metric of one function, as a line of a graph. */
type Line = (key: MetricKey, service: Service, statistic: string, label: string) => IMetric;

/** The CloudWatch dashboard: alarms on top, then what a notification passes through, in order. */
export function addGraphs(
  scope: Construct,
  parts: MonitoredParts,
  metrics: StackMetrics,
  alarms: readonly Alarm[],
): Dashboard {
  const line: Line = (key, service, statistic, label) =>
    metrics.of(key, service, statistic, PERIOD).with({ label });
  return new Dashboard(scope, 'Graphs', {
    defaultInterval: Duration.days(1),
    widgets: [
      [new AlarmStatusWidget({ title: 'Alarms', alarms: [...alarms], width: 24, height: 4 })],
      failuresRow(metrics),
      recoveredRow(line),
      openRow(metrics, line),
      eventsRow(metrics, line),
      notificationsRow(metrics, line),
      queueRow(parts.queue),
      functionsRow(parts),
      [
        new TextWidget({
          width: 24,
          height: 2,
          markdown: 'Each alarm says what to do. `npm run status` shows what is open, and why.',
        }),
      ],
    ],
  });
}

function failuresRow(metrics: StackMetrics): IWidget[] {
  return [
    graph('Failed uploads, by error class', HALF, [metrics.byDimension('primaryFailures', Stats.SUM)]),
    graph('Lost and failed files, by last error', HALF, [
      metrics.byDimension('lostFiles', Stats.SUM),
      metrics.byDimension('failedFiles', Stats.SUM),
    ]),
  ];
}

function recoveredRow(line: Line): IWidget[] {
  return [
    graph(
      'Recovered',
      THIRD,
      [line('recoveredFiles', 'worker', Stats.SUM, 'files')],
      [line('recoveredBytes', 'worker', Stats.SUM, 'bytes')],
    ),
    graph('Time from failure to recovered', THIRD, [
      line('timeToRecovered', 'worker', Stats.p(50), 'median, ms'),
      line('timeToRecovered', 'worker', Stats.p(99), 'p99, ms'),
      line('timeToRecovered', 'worker', Stats.MAXIMUM, 'longest, ms'),
    ]),
    graph('Time left at recovery', THIRD, [
      line('timeLeftAtRecovery', 'worker', Stats.p(1), 'p1, ms'),
      line('timeLeftAtRecovery', 'worker', Stats.MINIMUM, 'shortest, ms'),
    ]),
  ];
}

function openRow(metrics: StackMetrics, line: Line): IWidget[] {
  return [
    graph('Open recoveries', THIRD, [
      line('openRecoveries', 'reconcile', Stats.MAXIMUM, 'open'),
      line('atRiskRecoveries', 'reconcile', Stats.MAXIMUM, 'at risk'),
      line('unreadableRecords', 'reconcile', Stats.MAXIMUM, 'not readable'),
      line('unreadableRecords', 'worker', Stats.MAXIMUM, 'not readable by the worker'),
    ]),
    graph(
      'Action required, by error',
      THIRD,
      [metrics.byDimension('actionRequired', Stats.SUM)],
      [line('unlistedStorage', 'ingest', Stats.SUM, 'notifications of files that are not fetched')],
    ),
    graph('Attempts of a recovery', THIRD, [
      line('attempts', 'worker', Stats.AVERAGE, 'average'),
      line('attempts', 'worker', Stats.MAXIMUM, 'maximum'),
    ]),
  ];
}

function eventsRow(metrics: StackMetrics, line: Line): IWidget[] {
  return [
    graph(
      'Events that the topic has not accepted',
      HALF,
      [line('eventsOwed', 'reconcile', Stats.MAXIMUM, 'owed')],
      [line('oldestEventOwed', 'reconcile', Stats.MAXIMUM, 'oldest, ms')],
    ),
    graph('Events denied by the topic, by reason', HALF, [
      metrics.byDimension('eventsNotPublished', Stats.SUM),
    ]),
  ];
}

function notificationsRow(metrics: StackMetrics, line: Line): IWidget[] {
  return [
    graph(
      'Rejected notifications, by reason',
      THIRD,
      [metrics.byDimension('refusedNotifications', Stats.SUM)],
      [line('deniedNotifications', 'ingest', Stats.SUM, 'requests with wrong credentials')],
    ),
    graph('Parts of notifications that were not read, by reason', THIRD, [
      metrics.byDimension('partsNotRead', Stats.SUM),
    ]),
    graph('Passwords that the dashboard refused, by reason', THIRD, [
      metrics.byDimension('refusedSignIns', Stats.SUM),
    ]),
  ];
}

function queueRow({ queue, deadLetterQueue }: RecoveryQueue): IWidget[] {
  const largest = (label: string) => ({ label, period: PERIOD, statistic: Stats.MAXIMUM });
  return [
    graph('Queue', THIRD, [
      queue.metricApproximateNumberOfMessagesVisible(largest('waiting')),
      queue.metricApproximateNumberOfMessagesNotVisible(largest('in progress or waiting to retry')),
    ]),
    graph('Oldest message that waits for its first attempts', THIRD, [
      queue.metricApproximateAgeOfOldestMessage(largest('seconds')),
    ]),
    graph('Dead letters', THIRD, [
      deadLetterQueue.metricApproximateNumberOfMessagesVisible(largest('dead letters')),
    ]),
  ];
}

function functionsRow({ api, ingest, worker, reconcile, dashboard }: MonitoredParts): IWidget[] {
  const each = (metric: (of: IFunction, label: string) => IMetric) => [
    metric(ingest, 'ingest'),
    metric(worker, 'worker'),
    metric(reconcile, 'reconcile'),
    ...(dashboard === undefined ? [] : [metric(dashboard, 'dashboard')]),
  ];
  return [
    graph(
      'Errors of functions, and throttles (right)',
      THIRD,
      each((of, label) => of.metricErrors({ label, period: PERIOD, statistic: Stats.SUM })),
      each((of, label) => of.metricThrottles({ label, period: PERIOD, statistic: Stats.SUM })),
    ),
    graph(
      'Durations of functions, p95',
      THIRD,
      each((of, label) => of.metricDuration({ label, period: PERIOD, statistic: Stats.p(95) })),
    ),
    graph('Requests to the API', THIRD, [
      api.metricCount({ label: 'all', period: PERIOD, statistic: Stats.SUM }),
      api.metricClientError({ label: '4xx', period: PERIOD, statistic: Stats.SUM }),
      api.metricServerError({ label: '5xx', period: PERIOD, statistic: Stats.SUM }),
    ]),
  ];
}

function graph(title: string, width: number, left: IMetric[], right: IMetric[] = []): GraphWidget {
  return new GraphWidget({
    title,
    width,
    height: 6,
    left,
    right,
    leftYAxis: { min: 0 },
    rightYAxis: { min: 0 },
  });
}
