import type { HttpApi } from 'aws-cdk-lib/aws-apigatewayv2';
import { Stats } from 'aws-cdk-lib/aws-cloudwatch';
import type { MetricKey } from '../../lambda/shared/runtime/metrics.ts';
import {
  type AlarmDefinition,
  AT_ONCE,
  type Commands,
  eachRun,
  FIVE_MINUTES,
  LEVEL,
  MINUTE,
  reaches,
} from './alarm-definition.ts';
import { type NotificationParts, notificationAlarms } from './alarms-of-notifications.ts';
import { type OperatedParts, operationAlarms } from './alarms-of-operation.ts';
import type { StackMetrics } from './stack-metrics.ts';

/** What alarms and graphs look at. */
export interface MonitoredParts extends NotificationParts, OperatedParts {
  readonly api: HttpApi;
  /** Hours before its deadline from which an open recovery counts as at risk; for the alarm's description. */
  readonly atRiskHours: number;
}

/** Every alarm, the gravest first. */
export function alarmDefinitions(
  parts: MonitoredParts,
  metrics: StackMetrics,
  commands: Commands,
): AlarmDefinition[] {
  return [
    ...ofFiles(parts, metrics, commands),
    ...ofDependencies(parts, metrics, commands),
    ...notificationAlarms(parts, metrics, commands),
    ...operationAlarms(parts, metrics, commands),
  ];
}

function ofFiles(
  { atRiskHours }: MonitoredParts,
  metrics: StackMetrics,
  { run, status }: Commands,
): AlarmDefinition[] {
  const event = (key: MetricKey) => metrics.of(key, 'worker', Stats.SUM, MINUTE);
  return [
    {
      id: 'Lost',
      name: 'backup file lost',
      metric: event('lostFiles'),
      ...AT_ONCE,
      happened:
        'A backup file is lost as far as is known: its URL expired before it was copied, or Zencoder no longer has it or denies it.',
      todo: `${run('failures', '--state lost --since 24h')} lists the files and why. A later notification, or ${run('redrive', '--state lost --since 24h')} with a Zencoder API key, may still recover them within the 24 hours that Zencoder keeps them; after that, the outputs must be re-encoded or re-uploaded.`,
    },
    {
      id: 'Failed',
      name: 'recovery failed',
      metric: event('failedFiles'),
      ...AT_ONCE,
      happened:
        'A recovery failed and is not retried automatically, for example because its key already contains another object.',
      todo: `${run('failures', '--state failed --since 24h')} shows why; after fixing the cause, run ${run('redrive', '--state failed --since 24h')}.`,
    },
    {
      id: 'AtRisk',
      name: 'recoveries at risk',
      metric: metrics.of('atRiskRecoveries', 'reconcile', Stats.MAXIMUM, FIVE_MINUTES),
      ...LEVEL,
      happened: `Open recoveries have less than ${atRiskHours} hours left, or nothing is queued to retry them.`,
      todo: `${status} lists them with their last error; ${run('preflight')} shows what is wrong with the bucket; ${run('redrive', '--state pending')} starts them with new URLs.`,
    },
    {
      id: 'TooSlow',
      name: 'copy too slow',
      metric: event('atRiskRecoveries'),
      ...AT_ONCE,
      happened:
        'At this rate a copy will not finish before its URL expires, or a recovery needs a new URL that is not available.',
      todo: `${status} lists it and why; raise maxConcurrency as far as ${run('preflight')} allows, or give the stack a Zencoder API key, then run ${run('redrive', '--state pending')}.`,
    },
  ];
}

/** What the stack depends on and cannot repair: permissions, records, the topic, the API key. */
function ofDependencies(
  { reconcileMinutes }: MonitoredParts,
  metrics: StackMetrics,
  { run, status }: Commands,
): AlarmDefinition[] {
  return [
    {
      id: 'CustomerMustAct',
      name: 'access denied',
      metric: metrics.of('actionRequired', 'worker', Stats.SUM, MINUTE),
      ...AT_ONCE,
      happened:
        'The bucket, its KMS key or the Zencoder API denies the worker. Recoveries are retried until their deadline.',
      todo: `${run('preflight')} shows exactly which permission, key policy or region to change; ${status} lists the errors. Once it is fixed, recoveries continue automatically within 15 minutes.`,
    },
    ...(['worker', 'reconcile'] as const).map((service) => ({
      id: service === 'worker' ? 'UnreadableRecords' : 'UnreadableOpenRecords',
      name: `records unreadable by ${service}`,
      metric: metrics.of('unreadableRecords', service, Stats.SUM, FIVE_MINUTES),
      ...(service === 'worker' ? reaches(1, 4, 1) : eachRun(reconcileMinutes)),
      happened: `The ${service} function found records that this version cannot read: changed by hand, or written by a newer version. It leaves them unchanged, and their files are not recovered.`,
      todo: `Its logs name each record (pk, sk) and what is wrong with it: correct the item, or deploy the version that wrote it. Before the deadline the recovery then continues automatically; after it, ${run('redrive', '--dead-letters')} moves the message back to the queue. ${status} shows what is left.`,
    })),
    {
      id: 'EventsOwed',
      name: 'events not delivered',
      metric: metrics.of('eventsOwed', 'reconcile', Stats.MAXIMUM, MINUTE),
      ...LEVEL,
      happened:
        'Events are not being delivered: the topic in the output EventsTopicArn does not accept them. Files are still recovered, and the events are kept.',
      todo: `Fix the topic's key or policy, or the organization's policy, so that the roles of worker and reconcile may publish; their logs give the reason at "events not published". ${status} shows how many are owed; they are published automatically at the next run of reconcile.`,
    },
    {
      id: 'ApiKeyRefused',
      name: 'Zencoder API key refused',
      metric: metrics.of('actionRequired', 'reconcile', Stats.SUM, FIVE_MINUTES),
      ...eachRun(reconcileMinutes),
      happened:
        'The Zencoder API denies the key, or returns no URLs for it: outputs without a notification are not found, and no URL is refreshed.',
      todo: `Put a full-access API key into the secret that the setting zencoderApiKeySecretArn names; ${status} shows what waits for it.`,
    },
  ];
}
