import { Duration } from 'aws-cdk-lib';
import { Stats } from 'aws-cdk-lib/aws-cloudwatch';
import type { MetricFilter } from 'aws-cdk-lib/aws-logs';
import type { MetricKey } from '../../lambda/shared/runtime/metrics.ts';
import {
  type AlarmDefinition,
  AT_ONCE,
  type Commands,
  FIVE_MINUTES,
  MINUTE,
  QUARTER_HOUR,
  reaches,
} from './alarm-definition.ts';
import type { StackMetrics } from './stack-metrics.ts';

/** What shows how notifications fare. */
export interface NotificationParts {
  /** Counts the 5xx responses to `POST /notifications`. */
  readonly notTaken: MetricFilter;
  /** Counts its 413 responses. */
  readonly tooLarge: MetricFilter;
  /** Failed uploads of one hour from which `FailedUploads` alarms. */
  readonly failedUploadsPerHour: number;
}

/** In quarters of an hour: Zencoder repeats a notification at least five times in one, and single attempts of others stay below. */
const REPEATED = reaches(5, 2, 1);

/** Alarms on what Zencoder says, and on how it was received. */
export function notificationAlarms(
  parts: NotificationParts,
  metrics: StackMetrics,
  commands: Commands,
): AlarmDefinition[] {
  return [
    ...ofContents(parts, metrics, commands),
    ...ofRefusals(metrics, commands),
    ...ofResponses(parts, commands),
  ];
}

function ofContents(
  { failedUploadsPerHour }: NotificationParts,
  metrics: StackMetrics,
  { run }: Commands,
): AlarmDefinition[] {
  const event = (key: MetricKey) => metrics.of(key, 'ingest', Stats.SUM, MINUTE);
  return [
    {
      id: 'UnlistedStorage',
      name: 'files on unlisted storage',
      metric: event('unlistedStorage'),
      ...AT_ONCE,
      happened:
        'Zencoder keeps files on storage that the setting zencoderStorage does not list, or gives URLs in a form that is not allowed: the files are not fetched, and after 24 hours they are gone.',
      todo: `The logs of the ingest function give the storage and the reason: if it is not listed, add it to zencoderStorage and deploy; then run ${run('redrive', '--job ID --output ID')} for the outputs of the jobs in these logs, which needs the setting zencoderApiKeySecretArn.`,
    },
    {
      id: 'PartsNotRead',
      name: 'notification read in part',
      metric: event('partsNotRead'),
      ...AT_ONCE,
      happened:
        'A notification was accepted, but parts of it could not be read or exceed what ingest accepts: files in those parts are not recovered.',
      todo: `The logs of the ingest function give the job: look up its outputs at Zencoder; with a Zencoder API key, ${run('redrive', '--job ID --output ID')} recovers an output that has no record; for an output with a record, only the recorded files are retried. Then report the format of the notification to the maintainers of this stack.`,
    },
    {
      id: 'FailedUploads',
      name: 'many uploads fail',
      // Over all classes and hosts: each as a dimension would be a metric of its own, with its own price, and both come
      // from outside. The command shows which they are.
      metric: metrics.of('primaryFailures', 'worker', Stats.SUM, Duration.hours(1)),
      ...reaches(failedUploadsPerHour, 1, 1),
      happened: `${failedUploadsPerHour} or more uploads to your own destination failed within an hour: it is probably broken, although their files are being recovered.`,
      todo: `${run('failures', '--since 2h')} lists the error class and the host of each; repair the destination or its credentials. The setting failedUploadsPerHour is this threshold.`,
    },
  ];
}

function ofRefusals(metrics: StackMetrics, { run, status }: Commands): AlarmDefinition[] {
  return [
    {
      id: 'NotificationsRefused',
      name: 'notification refused',
      metric: metrics.of('refusedNotifications', 'ingest', Stats.SUM, MINUTE),
      ...AT_ONCE,
      happened:
        'Ingest rejected a notification with valid credentials (4xx): a wrong path, or a body that is no notification. Zencoder repeats it without success, and its files are not recovered.',
      todo: `${status} shows which responses were sent and what to do about each; ${run('notification-url')} prints the URL to give to Zencoder, ${run('send-test')} shows whether it works. With a Zencoder API key, reconcile finds the missed outputs.`,
    },
    {
      id: 'CredentialsRefused',
      name: 'wrong credentials',
      metric: metrics.of('deniedNotifications', 'ingest', Stats.SUM, QUARTER_HOUR),
      ...REPEATED,
      happened:
        'Requests to the notification URL had wrong credentials, again and again: Zencoder has an old or mistyped URL, and its notifications are lost; or a third party tries passwords.',
      todo: `If ${run('failures', '--since 24h')} lacks failures that Zencoder shows, give Zencoder the URL that ${run('notification-url')} prints; ${run('send-test')} shows whether it works. With a Zencoder API key, reconcile finds the missed outputs.`,
    },
  ];
}

function ofResponses({ notTaken, tooLarge }: NotificationParts, { run }: Commands): AlarmDefinition[] {
  return [
    {
      id: 'NotificationsNotTaken',
      name: 'notifications not accepted',
      metric: notTaken.metric({ statistic: Stats.SUM, period: FIVE_MINUTES }),
      // Zencoder tries one notification ten times in five minutes, so a glitch stays below and an outage does not.
      ...reaches(3, 1, 1),
      happened:
        'Notifications get 5xx responses: they are not accepted. Zencoder repeats them for at least one to two hours.',
      todo: `${run('send-test')} shows whether it still fails, and why; see the logs of the ingest function for details.`,
    },
    {
      id: 'NotificationsTooLarge',
      name: 'notifications too large',
      metric: tooLarge.metric({ statistic: Stats.SUM, period: QUARTER_HOUR }),
      // The API refuses a large body before its credentials are seen, so a single one may be a third party's.
      ...REPEATED,
      happened:
        'Requests to the notification URL get 413, again and again: a notification of Zencoder is larger than the stack accepts, and its files are not recovered; or a third party sends large requests.',
      todo: `Notify by output and not by job: put the URL that ${run('notification-url')} prints into the outputs. With a Zencoder API key, reconcile finds the missed outputs.`,
    },
  ];
}
