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
import type { Service, StackMetrics } from './alarms.ts';
import type { MonitoredParts } from './monitoring.ts';

const PERIOD = Duration.minutes(5);
const HALF = 12;
const THIRD = 8;

/** The CloudWatch dashboard: alarms on top, then what a notification meets from one end to the other. */
export function makeGraphs(
  scope: Construct,
  parts: MonitoredParts,
  metrics: StackMetrics,
  alarms: readonly Alarm[],
): Dashboard {
  const of = (key: MetricKey, service: Service, statistic: string, label: string) =>
    metrics.of(key, service, statistic, PERIOD).with({ label });
  const { queue, deadLetterQueue } = parts.queue;
  return new Dashboard(scope, 'Graphs', {
    defaultInterval: Duration.days(1),
    widgets: [
      [new AlarmStatusWidget({ title: 'Alarms', alarms: [...alarms], width: 24, height: 4 })],
      [
        graph('Failed uploads, by error class', HALF, [metrics.byDimension('primaryFailures', Stats.SUM)]),
        graph('Lost and failed files, by last error', HALF, [
          metrics.byDimension('lostFiles', Stats.SUM),
          metrics.byDimension('failedFiles', Stats.SUM),
        ]),
      ],
      [
        graph(
          'Recovered',
          THIRD,
          [of('recoveredFiles', 'worker', Stats.SUM, 'files')],
          [of('recoveredBytes', 'worker', Stats.SUM, 'bytes')],
        ),
        graph('Time from failure to recovered', THIRD, [
          of('timeToRecovered', 'worker', Stats.p(50), 'median, ms'),
          of('timeToRecovered', 'worker', Stats.p(99), 'p99, ms'),
          of('timeToRecovered', 'worker', Stats.MAXIMUM, 'longest, ms'),
        ]),
        graph('Time left at recovery', THIRD, [
          of('timeLeftAtRecovery', 'worker', Stats.p(1), 'p1, ms'),
          of('timeLeftAtRecovery', 'worker', Stats.MINIMUM, 'shortest, ms'),
        ]),
      ],
      [
        graph('Open recoveries', THIRD, [
          of('openRecoveries', 'reconcile', Stats.MAXIMUM, 'open'),
          of('atRiskRecoveries', 'reconcile', Stats.MAXIMUM, 'at risk'),
          of('unreadableRecords', 'reconcile', Stats.MAXIMUM, 'not readable'),
          of('unreadableRecords', 'worker', Stats.MAXIMUM, 'not readable by the worker'),
        ]),
        graph(
          'The customer must act, by error',
          THIRD,
          [metrics.byDimension('actionRequired', Stats.SUM)],
          [of('unlistedStorage', 'ingest', Stats.SUM, 'notifications of files that are not fetched')],
        ),
        graph('Attempts of a recovery', THIRD, [
          of('attempts', 'worker', Stats.AVERAGE, 'average'),
          of('attempts', 'worker', Stats.MAXIMUM, 'most'),
        ]),
      ],
      [
        graph(
          'Events that the topic has not taken',
          HALF,
          [of('eventsOwed', 'reconcile', Stats.MAXIMUM, 'owed')],
          [of('oldestEventOwed', 'reconcile', Stats.MAXIMUM, 'oldest, ms')],
        ),
        graph('Refused by the topic, by reason', HALF, [
          metrics.byDimension('eventsNotPublished', Stats.SUM),
        ]),
      ],
      [
        graph('Refused notifications, by reason', HALF, [
          metrics.byDimension('refusedNotifications', Stats.SUM),
        ]),
        graph('Parts of notifications that were not read, by reason', HALF, [
          metrics.byDimension('partsNotRead', Stats.SUM),
        ]),
      ],
      [
        graph('Queue', THIRD, [
          queue.metricApproximateNumberOfMessagesVisible({
            label: 'waiting',
            period: PERIOD,
            statistic: Stats.MAXIMUM,
          }),
          queue.metricApproximateNumberOfMessagesNotVisible({
            label: 'at work or until their next attempt',
            period: PERIOD,
            statistic: Stats.MAXIMUM,
          }),
        ]),
        graph('Oldest message that waits for its first attempts', THIRD, [
          queue.metricApproximateAgeOfOldestMessage({
            label: 'seconds',
            period: PERIOD,
            statistic: Stats.MAXIMUM,
          }),
        ]),
        graph('Dead letters', THIRD, [
          deadLetterQueue.metricApproximateNumberOfMessagesVisible({
            label: 'dead letters',
            period: PERIOD,
            statistic: Stats.MAXIMUM,
          }),
        ]),
      ],
      functionsRow(parts),
      [
        new TextWidget({
          width: 24,
          height: 2,
          markdown: 'Each alarm says what to do. `npm run status` tells what is open, and why.',
        }),
      ],
    ],
  });
}

function functionsRow({ api, ingest, worker, reconcile }: MonitoredParts): IWidget[] {
  const each = (metric: (of: IFunction, label: string) => IMetric) => [
    metric(ingest, 'ingest'),
    metric(worker, 'worker'),
    metric(reconcile, 'reconcile'),
  ];
  return [
    graph(
      'Errors of functions',
      THIRD,
      each((of, label) => of.metricErrors({ label, period: PERIOD, statistic: Stats.SUM })),
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
