import { Duration } from 'aws-cdk-lib';
import type { HttpApi } from 'aws-cdk-lib/aws-apigatewayv2';
import { type IMetric, Stats, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { MetricFilter } from 'aws-cdk-lib/aws-logs';
import type { MetricKey } from '../../lambda/shared/runtime/metrics.ts';
import {
  type AlarmDefinition,
  AT_ONCE,
  type Command,
  FIVE_MINUTES,
  LEVEL,
  MINUTE,
  QUARTER_HOUR,
  reaches,
} from './alarm-definition.ts';
import type { RecoveryQueue } from './queue.ts';
import type { StackMetrics } from './stack-metrics.ts';

/** What alarms and graphs look at. */
export interface MonitoredParts {
  readonly api: HttpApi;
  /** Counts the notifications that did not reach ingest or the queue: 5xx responses, or 413. */
  readonly notTaken: MetricFilter;
  readonly queue: RecoveryQueue;
  readonly ingest: IFunction;
  readonly worker: IFunction;
  readonly reconcile: IFunction;
  /** Hours before its deadline from which an open recovery counts as at risk; for the alarm's description. */
  readonly atRiskHours: number;
  /** Minutes between two runs of reconcile. */
  readonly reconcileMinutes: number;
}

/** Every alarm, the gravest first. */
export function alarmDefinitions(
  parts: MonitoredParts,
  metrics: StackMetrics,
  command: Command,
): AlarmDefinition[] {
  return [
    ...ofFiles(parts, metrics, command),
    ...ofDependencies(metrics, command),
    ...ofNotifications(metrics, command),
    ...ofQueues(parts, command),
    ...ofFunctions(parts, command),
    ...ofReconcile(parts, metrics, command),
  ];
}

function ofFiles({ atRiskHours }: MonitoredParts, metrics: StackMetrics, run: Command): AlarmDefinition[] {
  const event = (key: MetricKey) => metrics.of(key, 'worker', Stats.SUM, MINUTE);
  return [
    {
      id: 'Lost',
      metric: event('lostFiles'),
      ...AT_ONCE,
      happened:
        'A backup file is lost as far as is known: its URL expired before it was copied, or Zencoder no longer has it or denies it.',
      todo: `${run('failures', '--state lost --since 24h')} lists the files and why. A later notification, or ${run('redrive', '--state lost --since 24h')} with a Zencoder API key, may still recover them within the 24 hours that Zencoder keeps them; after that, the outputs must be re-encoded or re-uploaded.`,
    },
    {
      id: 'Failed',
      metric: event('failedFiles'),
      ...AT_ONCE,
      happened:
        'A recovery failed and is not retried automatically, for example because its key already contains another object.',
      todo: `${run('failures', '--state failed --since 24h')} shows why; after fixing the cause, run ${run('redrive', '--state failed --since 24h')}.`,
    },
    {
      id: 'AtRisk',
      metric: metrics.of('atRiskRecoveries', 'reconcile', Stats.MAXIMUM, FIVE_MINUTES),
      ...LEVEL,
      happened: `Open recoveries have less than ${atRiskHours} hours left, or nothing is queued to retry them.`,
      todo: `${run('status')} lists them with their last error; ${run('preflight')} shows what is wrong with the bucket; ${run('redrive', '--state pending')} starts them with new URLs.`,
    },
    {
      id: 'TooSlow',
      metric: event('atRiskRecoveries'),
      ...AT_ONCE,
      happened:
        'At this rate a copy will not finish before its URL expires, or a recovery needs a new URL that is not available.',
      todo: `${run('status')} lists it and why; raise maxConcurrency or give the stack a Zencoder API key, then run ${run('redrive', '--state pending')}.`,
    },
  ];
}

/** What the stack depends on and cannot repair: permissions, records, the topic, the API key. */
function ofDependencies(metrics: StackMetrics, run: Command): AlarmDefinition[] {
  return [
    {
      id: 'CustomerMustAct',
      metric: metrics.of('actionRequired', 'worker', Stats.SUM, MINUTE),
      ...AT_ONCE,
      happened:
        'The bucket, its KMS key or the Zencoder API denies the worker. Recoveries are retried until their deadline.',
      todo: `${run('preflight')} shows exactly which permission, key policy or region to change; ${run('status')} lists the errors. Once it is fixed, recoveries continue automatically within 15 minutes.`,
    },
    ...(['worker', 'reconcile'] as const).map((service) => ({
      id: service === 'worker' ? 'UnreadableRecords' : 'UnreadableOpenRecords',
      metric: metrics.of('unreadableRecords', service, Stats.SUM, FIVE_MINUTES),
      ...reaches(1, 4, 1),
      happened: `The ${service} function found records that this version cannot read: changed by hand, or written by a newer version. It leaves them unchanged, and their files are not recovered.`,
      todo: `Its logs name each record (pk, sk) and what is wrong with it: correct the item, or deploy the version that wrote it. Before the deadline the recovery then continues automatically; after it, ${run('redrive', '--dead-letters')} moves the message back to the queue. ${run('status')} shows what is left.`,
    })),
    {
      id: 'EventsOwed',
      metric: metrics.of('eventsOwed', 'reconcile', Stats.MAXIMUM, MINUTE),
      ...LEVEL,
      happened:
        'Events are not being delivered: the topic in the output EventsTopicArn does not accept them. Files are still recovered, and the events are kept.',
      todo: `Fix the topic's key or policy, or the organization's policy, so that the roles of worker and reconcile may publish; their logs give the reason at "events not published". ${run('status')} shows how many are owed; they are published automatically within minutes.`,
    },
    {
      id: 'ApiKeyRefused',
      metric: metrics.of('actionRequired', 'reconcile', Stats.SUM, FIVE_MINUTES),
      ...reaches(1, 4, 1),
      happened:
        'The Zencoder API denies the key, or returns no URLs for it: outputs without a notification are not found, and no URL is refreshed.',
      todo: `Put a full-access API key into the secret that the setting zencoderApiKeySecretArn names; ${run('status')} shows what waits for it.`,
    },
  ];
}

function ofNotifications(metrics: StackMetrics, run: Command): AlarmDefinition[] {
  const event = (key: MetricKey) => metrics.of(key, 'ingest', Stats.SUM, MINUTE);
  return [
    {
      id: 'UnlistedStorage',
      metric: event('unlistedStorage'),
      ...AT_ONCE,
      happened:
        'Zencoder keeps files on storage that the setting zencoderStorage does not list, or gives URLs in a form that is not allowed: the files are not fetched, and after 24 hours they are gone.',
      todo: `The logs of the ingest function give the storage and the reason: if it is not listed, add it to zencoderStorage and deploy; then run ${run('redrive', '--job ID --output ID')} for the outputs of the jobs in these logs, which needs the setting zencoderApiKeySecretArn.`,
    },
    {
      id: 'NotificationsRefused',
      metric: event('refusedNotifications'),
      ...AT_ONCE,
      happened:
        'Ingest rejected a notification that had credentials (4xx): wrong credentials or path, or a body that is no notification. Zencoder repeats it without success, and its files are not recovered.',
      todo: `${run('status')} shows which responses were sent and what to do about each; ${run('notification-url')} prints the URL to give to Zencoder, ${run('send-test')} shows whether it works. With a Zencoder API key, reconcile finds the missed outputs.`,
    },
    {
      id: 'PartsNotRead',
      metric: event('partsNotRead'),
      ...AT_ONCE,
      happened:
        'A notification was accepted, but parts of it could not be read or exceed what ingest accepts: files in those parts are not recovered.',
      todo: `The logs of the ingest function give the job: look up its outputs at Zencoder; with a Zencoder API key, ${run('redrive', '--job ID --output ID')} recovers an output that has no record; for an output with a record, only the recorded files are retried. Then report the format of the notification to the maintainers of this stack.`,
    },
  ];
}

function ofQueues({ queue }: MonitoredParts, run: Command): AlarmDefinition[] {
  return [
    {
      id: 'DeadLetters',
      metric: queue.deadLetterQueue.metricApproximateNumberOfMessagesVisible({
        statistic: Stats.MAXIMUM,
        period: MINUTE,
      }),
      ...reaches(1, 1, 1),
      happened:
        'A message is on the dead-letter queue: the worker cannot understand it, or crashed on it every time.',
      todo: `${run('status')} shows the reasons; after fixing the cause, run ${run('redrive', '--dead-letters')} within 14 days.`,
    },
    {
      id: 'OldestMessage',
      // SQS leaves messages that were received more than three times out of this metric, so a recovery that waits for
      // its next attempt, for hours if need be, does not count: what counts is work that no worker receives.
      metric: queue.queue.metricApproximateAgeOfOldestMessage({
        statistic: Stats.MAXIMUM,
        period: FIVE_MINUTES,
      }),
      ...reaches(Duration.hours(1).toSeconds(), 3, 3),
      happened:
        'Messages have waited for more than an hour: there are more than the workers can process, or no worker runs.',
      todo: `${run('status')} shows what waits and the deadlines; check the errors and throttles of the worker, or raise maxConcurrency.`,
    },
  ];
}

function ofFunctions({ notTaken, ingest, worker }: MonitoredParts, run: Command): AlarmDefinition[] {
  return [
    {
      id: 'NotificationsNotTaken',
      metric: notTaken.metric({ statistic: Stats.SUM, period: FIVE_MINUTES }),
      // Zencoder tries one notification ten times in five minutes, so a glitch stays below and an outage does not.
      ...reaches(3, 1, 1),
      happened:
        'Notifications get 5xx responses, or 413 for their size: they are not accepted. Zencoder repeats them for at least one to two hours.',
      todo: `${run('send-test')} shows whether it still fails, and why; see the logs of the ingest function for details. If the response is 413, notify by output and not by job.`,
    },
    {
      id: 'IngestErrors',
      metric: errorsOf(ingest, FIVE_MINUTES),
      ...reaches(3, 1, 1),
      happened: 'The ingest function crashes or runs out of time: notifications are not accepted.',
      todo: `See its logs, then ${run('send-test')} to check that notifications are accepted again.`,
    },
    {
      id: 'WorkerErrors',
      metric: errorsOf(worker, QUARTER_HOUR),
      // One crash recovers by itself: the message is redelivered after the visibility timeout, a quarter of an hour.
      ...reaches(1, 4, 2),
      happened:
        'The worker crashes or runs out of time or memory repeatedly. Its messages are redelivered, but the deadline is approaching.',
      todo: `See its logs; if out of memory, raise workerMemoryMb. ${run('status')} shows what is at risk meanwhile.`,
    },
    ...[
      { id: 'IngestThrottled', of: ingest, effect: 'notifications get 5xx responses' },
      { id: 'WorkerThrottled', of: worker, effect: 'recoveries wait' },
    ].map(({ id, of, effect }) => ({
      id,
      metric: of.metricThrottles({ statistic: Stats.SUM, period: FIVE_MINUTES }),
      ...reaches(1, 3, 3),
      happened: `Lambda throttles for a quarter of an hour, ${effect}: the account's concurrency is used up.`,
      todo: `Raise the account's Lambda concurrency, or lower maxConcurrency; ${run('status')} shows what waits.`,
    })),
  ];
}

function ofReconcile(
  { reconcile, reconcileMinutes }: MonitoredParts,
  metrics: StackMetrics,
  run: Command,
): AlarmDefinition[] {
  // In quarters of an hour: three runs at least.
  const silent = Math.max(3, Math.ceil((3 * reconcileMinutes) / 15));
  return [
    {
      id: 'ReconcileErrors',
      metric: errorsOf(reconcile, QUARTER_HOUR),
      ...reaches(1, 2, 2),
      happened:
        'The reconcile function fails: stalled recoveries are not resumed and deadlines are not monitored.',
      todo: `See its logs; ${run('status')} shows the deadlines meanwhile.`,
    },
    {
      id: 'ReconcileSilent',
      metric: metrics.of('openRecoveries', 'reconcile', Stats.SAMPLE_COUNT, QUARTER_HOUR),
      ...{ ...reaches(1, silent, silent), below: true, missing: TreatMissingData.BREACHING },
      happened: `The reconcile function has not completed for ${15 * silent} minutes: deadlines are not monitored.`,
      todo: `Check whether its schedule is enabled, and its logs; ${run('status')} shows the deadlines meanwhile.`,
    },
  ];
}

function errorsOf(of: IFunction, period: Duration): IMetric {
  return of.metricErrors({ statistic: Stats.SUM, period });
}
