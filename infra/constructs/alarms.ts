import { Duration } from 'aws-cdk-lib';
import { type IMetric, MathExpression, Metric, Stats, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { METRICS, type MetricKey } from '../../lambda/shared/runtime/metrics.ts';
import type { MonitoredParts } from './monitoring.ts';

/** A function of the stack that writes metrics. */
export type Service = (typeof METRICS)[MetricKey]['services'][number];

/** The metrics that the functions write, by the names under which they write them. */
export class StackMetrics {
  readonly #namespace: string;

  /** @param namespace `POWERTOOLS_METRICS_NAMESPACE` of the functions. */
  constructor(namespace: string) {
    this.#namespace = namespace;
  }

  /**
   * A metric of one function.
   *
   * @throws {Error} when that function does not write it.
   */
  of(key: MetricKey, service: Service, statistic: string, period: Duration): Metric {
    const { name, services }: { name: string; services: readonly Service[] } = METRICS[key];
    if (!services.includes(service)) throw new Error(`${service} does not write ${name}`);
    return new Metric({
      namespace: this.#namespace,
      metricName: name,
      dimensionsMap: { service },
      statistic,
      period,
    });
  }

  /**
   * A line for each value of the metric's own dimension, whichever there are.
   *
   * @throws {Error} when the metric has no dimension of its own.
   */
  byDimension(key: MetricKey, statistic: string): MathExpression {
    const { name, by }: { name: string; by?: string } = METRICS[key];
    if (by === undefined) throw new Error(`${name} is not broken down`);
    const schema = `"${this.#namespace}","service","${by}"`;
    const period = Duration.minutes(5);
    return new MathExpression({
      expression: `SEARCH('{${schema}} MetricName="${name}"', '${statistic}', ${period.toSeconds()})`,
      label: '',
      period,
    });
  }
}

/** When to wake a person, and what to tell them. */
export interface AlarmDefinition {
  readonly id: string;
  readonly metric: IMetric;
  /** Alarms at this value and above, unless `below`. */
  readonly threshold: number;
  readonly below?: boolean;
  /** So many periods are looked at … */
  readonly periods: number;
  /** … of which so many must be over the threshold. */
  readonly datapoints: number;
  readonly missing: TreatMissingData;
  /** A sentence: what happened. */
  readonly happened: string;
  /** A sentence: what to do, with the command to run. */
  readonly todo: string;
}

const MINUTE = Duration.minutes(1);
const FIVE_MINUTES = Duration.minutes(5);
const QUARTER_HOUR = Duration.minutes(15);

/**
 * Wakes within a minute or two of a single event and stays awake for twenty minutes after the last: attempts that fail
 * for the same reason come up to fifteen minutes apart, and each would be an alarm of its own.
 */
const AT_ONCE = { threshold: 1, periods: 20, datapoints: 1, missing: TreatMissingData.NOT_BREACHING };

/** Every alarm, the gravest first. */
export function alarmDefinitions(
  parts: MonitoredParts,
  metrics: StackMetrics,
  command: (name: string, options?: string) => string,
): AlarmDefinition[] {
  return [
    ...ofRecoveries(parts, metrics, command),
    ...ofNotifications(metrics, command),
    ...ofQueues(parts, command),
    ...ofFunctions(parts, metrics, command),
  ];
}

type Command = (name: string, options?: string) => string;

function ofRecoveries(
  { atRiskHours }: MonitoredParts,
  metrics: StackMetrics,
  run: Command,
): AlarmDefinition[] {
  const event = (key: Parameters<StackMetrics['of']>[0]) => metrics.of(key, 'worker', Stats.SUM, MINUTE);
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
        'A recovery failed and is not tried again by itself, for example because its key holds an object of yours.',
      todo: `${run('failures', '--state failed --since 24h')} says why; fix it, then ${run('redrive', '--state failed --since 24h')}.`,
    },
    {
      id: 'AtRisk',
      metric: metrics.of('atRiskRecoveries', 'reconcile', Stats.MAXIMUM, FIVE_MINUTES),
      // A level: between two runs it stays what it was.
      ...{ threshold: 1, periods: 1, datapoints: 1, missing: TreatMissingData.IGNORE },
      happened: `Open recoveries have less than ${atRiskHours} hours left, or nothing is queued to retry them.`,
      todo: `${run('status')} names them with their last error; ${run('preflight')} tells what is wrong with the bucket; ${run('redrive', '--state pending')} starts them with fresh URLs.`,
    },
    {
      id: 'TooSlow',
      metric: event('atRiskRecoveries'),
      ...AT_ONCE,
      happened:
        'At this rate a copy will not finish before its URL expires, or a recovery needs a new URL that is not available.',
      todo: `${run('status')} names it and why; raise maxConcurrency or give the stack a Zencoder API key, then ${run('redrive', '--state pending')}.`,
    },
    {
      id: 'CustomerMustAct',
      metric: event('actionRequired'),
      ...AT_ONCE,
      happened:
        'The bucket, its KMS key or the Zencoder API denies the worker. Recoveries are tried again until their deadline.',
      todo: `${run('preflight')} says exactly which permission, key policy or region to change; ${run('status')} names the errors. Once it is fixed, recoveries continue automatically within 15 minutes.`,
    },
    ...(['worker', 'reconcile'] as const).map((service) => ({
      id: service === 'worker' ? 'UnreadableRecords' : 'UnreadableOpenRecords',
      metric: metrics.of('unreadableRecords', service, Stats.SUM, FIVE_MINUTES),
      ...{ threshold: 1, periods: 4, datapoints: 1, missing: TreatMissingData.NOT_BREACHING },
      happened: `The ${service} function met records of the ledger that this version cannot read: changed by hand, or written by a newer version. It leaves them alone, and their files are not recovered.`,
      todo: `Its logs name each record (pk, sk) and what is wrong with it: correct the item, or deploy the version that wrote it. Before the deadline the recovery then goes on by itself; after it, ${run('redrive', '--dead-letters')} brings the message back. ${run('status')} shows what is left.`,
    })),
    {
      id: 'EventsOwed',
      metric: metrics.of('eventsOwed', 'reconcile', Stats.MAXIMUM, MINUTE),
      // A level: between two runs it stays what it was.
      ...{ threshold: 1, periods: 1, datapoints: 1, missing: TreatMissingData.IGNORE },
      happened:
        'Events are not being delivered: the topic in the output EventsTopicArn does not take them. Files are recovered all the same, and the events are kept.',
      todo: `Fix the topic's key or policy, or the organization's policy, so that the roles of worker and reconcile may publish; their logs name the reason at "events not published". ${run('status')} shows how many are owed; they are published by themselves within minutes.`,
    },
    {
      id: 'ApiKeyRefused',
      metric: metrics.of('actionRequired', 'reconcile', Stats.SUM, FIVE_MINUTES),
      ...{ threshold: 1, periods: 4, datapoints: 1, missing: TreatMissingData.NOT_BREACHING },
      happened:
        'The Zencoder API refuses the key, or shows it no URLs: outputs that no notification told of are not found, and no URL is refreshed.',
      todo: `Put a full-access API key into the secret that the setting zencoderApiKeySecretArn names; ${run('status')} shows what waits for it.`,
    },
  ];
}

function ofNotifications(metrics: StackMetrics, run: Command): AlarmDefinition[] {
  const event = (key: Parameters<StackMetrics['of']>[0]) => metrics.of(key, 'ingest', Stats.SUM, MINUTE);
  return [
    {
      id: 'UnlistedStorage',
      metric: event('unlistedStorage'),
      ...AT_ONCE,
      happened:
        'Zencoder keeps files on storage that the setting zencoderStorage does not list, or names them in a form that is not allowed: they are not fetched, and after 24 hours they are gone.',
      todo: `The logs of the ingest function name the storage and the reason: where it is not listed, add it to zencoderStorage and deploy; then ${run('redrive', '--job ID --output ID')} for the outputs of the jobs named there, for which the setting zencoderApiKeySecretArn is needed.`,
    },
    {
      id: 'NotificationsRefused',
      metric: event('refusedNotifications'),
      ...AT_ONCE,
      happened:
        'Ingest refused a notification that came with credentials (4xx): wrong credentials or path, or a body that is no notification. Zencoder repeats it in vain, and what it names is not recovered.',
      todo: `${run('status')} says which answers were given and what to do about each; ${run('notification-url')} prints the URL to give to Zencoder, ${run('send-test')} shows that it works. With a Zencoder API key, reconcile finds the outputs that were missed.`,
    },
    {
      id: 'PartsNotRead',
      metric: event('partsNotRead'),
      ...AT_ONCE,
      happened:
        'A notification was taken, but parts of it could not be read or were more than ingest takes: files that they name are not recovered.',
      todo: `The logs of the ingest function name the job: look its outputs up at Zencoder; with a Zencoder API key, ${run('redrive', '--job ID --output ID')} recovers an output that the stack has no record of; of an output that it knows, only the files that it knows are tried again. Then report the shape of the notification to the maintainers of this stack.`,
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
      ...{ threshold: 1, periods: 1, datapoints: 1, missing: TreatMissingData.NOT_BREACHING },
      happened:
        'A message is on the dead-letter queue: the worker cannot understand it, or died of it each time.',
      todo: `${run('status')} tells the reasons; mend them, then ${run('redrive', '--dead-letters')} within 14 days.`,
    },
    {
      id: 'OldestMessage',
      // SQS leaves messages that were received more than three times out of this metric, so a recovery that waits for its
      // next attempt, for hours if need be, does not count: what counts is work that nobody takes up.
      metric: queue.queue.metricApproximateAgeOfOldestMessage({
        statistic: Stats.MAXIMUM,
        period: FIVE_MINUTES,
      }),
      ...{ threshold: Duration.hours(1).toSeconds(), periods: 3, datapoints: 3 },
      missing: TreatMissingData.NOT_BREACHING,
      happened:
        'Messages have waited for more than an hour: there are more than the workers can take, or none runs.',
      todo: `${run('status')} shows what waits and until when there is time; look at the errors and throttles of the worker, or raise maxConcurrency.`,
    },
  ];
}

function ofFunctions(parts: MonitoredParts, metrics: StackMetrics, run: Command): AlarmDefinition[] {
  const { notTaken, ingest, worker, reconcile, reconcileMinutes } = parts;
  // Quarters of an hour, of at least three runs.
  const silent = Math.max(3, Math.ceil((3 * reconcileMinutes) / 15));
  return [
    {
      id: 'NotificationsNotTaken',
      metric: notTaken.metric({ statistic: Stats.SUM, period: FIVE_MINUTES }),
      // Zencoder tries one notification ten times in five minutes, so a glitch stays below and an outage does not.
      ...{ threshold: 3, periods: 1, datapoints: 1, missing: TreatMissingData.NOT_BREACHING },
      happened:
        'Notifications are answered 5xx, or 413 for their size: they are not taken. Zencoder repeats them for an hour or two at least.',
      todo: `${run('send-test')} shows whether it still fails, and why; the logs of the ingest function say more. Where 413 is answered, notify by output and not by job.`,
    },
    {
      id: 'IngestErrors',
      metric: errorsOf(ingest, FIVE_MINUTES),
      ...{ threshold: 3, periods: 1, datapoints: 1, missing: TreatMissingData.NOT_BREACHING },
      happened: 'The ingest function crashes or runs out of time: notifications are not taken.',
      todo: `See its logs, then ${run('send-test')} to show that notifications are taken again.`,
    },
    {
      id: 'WorkerErrors',
      metric: errorsOf(worker, QUARTER_HOUR),
      // A single crash heals itself: the message comes back after the visibility timeout, which is a quarter of an hour.
      ...{ threshold: 1, periods: 4, datapoints: 2, missing: TreatMissingData.NOT_BREACHING },
      happened:
        'The worker crashes or runs out of time or memory again and again. Its messages come back, but time runs.',
      todo: `See its logs; out of memory asks for more workerMemoryMb. ${run('status')} shows what is at risk meanwhile.`,
    },
    ...[
      { id: 'IngestThrottled', of: ingest, effect: 'notifications are answered 5xx' },
      { id: 'WorkerThrottled', of: worker, effect: 'recoveries wait' },
    ].map(({ id, of, effect }) => ({
      id,
      metric: of.metricThrottles({ statistic: Stats.SUM, period: FIVE_MINUTES }),
      ...{ threshold: 1, periods: 3, datapoints: 3, missing: TreatMissingData.NOT_BREACHING },
      happened: `Lambda throttles for a quarter of an hour, ${effect}: the account's concurrency is used up.`,
      todo: `Raise the account's Lambda concurrency, or lower maxConcurrency; ${run('status')} shows what waits.`,
    })),
    {
      id: 'ReconcileErrors',
      metric: errorsOf(reconcile, QUARTER_HOUR),
      ...{ threshold: 1, periods: 2, datapoints: 2, missing: TreatMissingData.NOT_BREACHING },
      happened:
        'The reconcile function fails: stalled recoveries are not taken up and nobody watches the deadlines.',
      todo: `See its logs; ${run('status')} shows the deadlines meanwhile.`,
    },
    {
      id: 'ReconcileSilent',
      metric: metrics.of('openRecoveries', 'reconcile', Stats.SAMPLE_COUNT, QUARTER_HOUR),
      ...{
        threshold: 1,
        below: true,
        periods: silent,
        datapoints: silent,
        missing: TreatMissingData.BREACHING,
      },
      happened: `The reconcile function has not run to its end for ${15 * silent} minutes: nobody watches the deadlines.`,
      todo: `See whether its schedule is enabled, and its logs; ${run('status')} shows the deadlines meanwhile.`,
    },
  ];
}

function errorsOf(of: IFunction, period: Duration): IMetric {
  return of.metricErrors({ statistic: Stats.SUM, period });
}
