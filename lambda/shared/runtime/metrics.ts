import type { Metrics } from '@aws-lambda-powertools/metrics';

/**
 * Every metric of the stack: what it counts, its unit, and who writes it. Functions write them through a meter; alarms
 * and the CloudWatch dashboard take names and units from here.
 *
 * The namespace is the name of the CloudFormation stack (`POWERTOOLS_METRICS_NAMESPACE`), so that two stacks in one
 * account stay apart. Each metric has the dimension `service`, the function that writes it; one with `by` is written a
 * second time with that dimension added. So an alarm uses `service` alone, and a graph can be broken down. Nothing
 * of high cardinality (a job, a file, a label) is ever a dimension: those are in the logs.
 */

/** A dimension beside `service`. */
export type Dimension = 'ErrorClass' | 'Role';

/** A metric as CloudWatch knows it. */
export interface Metric {
  readonly name: string;
  /** CloudWatch's name of the unit. */
  readonly unit: 'Count' | 'Bytes' | 'Milliseconds';
  /** The functions that write it: values of the dimension `service`. */
  readonly services: readonly ('ingest' | 'worker' | 'reconcile' | 'dashboard')[];
  /** What it can be broken down by. */
  readonly by?: Dimension;
}

export const METRICS = {
  /**
   * Uploads to the customer's own destination that failed, each counted once, by Zencoder's error class; `Other` for a class
   * that is not known, since each would be a metric of its own.
   */
  primaryFailures: { name: 'PrimaryFailures', unit: 'Count', services: ['worker'], by: 'ErrorClass' },
  /** Files that reached the bucket. */
  recoveredFiles: { name: 'RecoveredFiles', unit: 'Count', services: ['worker'], by: 'Role' },
  /** Bytes of those files. */
  recoveredBytes: { name: 'RecoveredBytes', unit: 'Bytes', services: ['worker'], by: 'Role' },
  /** From the worker's first claim of the file until it was in the bucket. */
  timeToRecovered: { name: 'TimeToRecovered', unit: 'Milliseconds', services: ['worker'], by: 'Role' },
  /** Time left until the signed URL expired when the file was in the bucket. */
  timeLeftAtRecovery: { name: 'TimeLeftAtRecovery', unit: 'Milliseconds', services: ['worker'], by: 'Role' },
  /** Attempts that a settled recovery took, however it ended. */
  attempts: { name: 'Attempts', unit: 'Count', services: ['worker'], by: 'Role' },
  /** Files that no URL tried so far yields, by the class of the last error; newer evidence opens one again. */
  lostFiles: { name: 'LostFiles', unit: 'Count', services: ['worker'], by: 'ErrorClass' },
  /** Files that need manual action, such as a key that holds a different object. */
  failedFiles: { name: 'FailedFiles', unit: 'Count', services: ['worker'], by: 'ErrorClass' },
  /**
   * Attempts that failed for a cause that the customer can fix: bucket policy, KMS key, region, Zencoder API key.
   * Retries continue until the deadline.
   */
  actionRequired: {
    name: 'ActionRequired',
    unit: 'Count',
    services: ['worker', 'reconcile'],
    by: 'ErrorClass',
  },
  /**
   * Recoveries that may be lost without action. From `reconcile` a level, written at every run: open recoveries
   * with too little time left before their deadline, and those with nothing queued to retry them. From `worker` a
   * count of events: a copy that cannot end in time at its rate, and a recovery that lacks a fresh URL.
   */
  atRiskRecoveries: {
    name: 'AtRiskRecoveries',
    unit: 'Count',
    services: ['worker', 'reconcile'],
    by: 'ErrorClass',
  },
  /**
   * Notifications that name files that are not fetched, by the reason: on storage like Zencoder's that the setting
   * `zencoderStorage` does not list (`not-listed`), or in a form of a listed bucket's address that is not allowed
   * (`form-not-allowed`).
   */
  unlistedStorage: { name: 'UnlistedStorage', unit: 'Count', services: ['ingest'], by: 'ErrorClass' },
  /**
   * Notifications with valid credentials that got a 4xx response, by reason: a path that the API does not have, a body
   * that is no notification. Zencoder repeats them without success.
   */
  refusedNotifications: {
    name: 'RefusedNotifications',
    unit: 'Count',
    services: ['ingest'],
    by: 'ErrorClass',
  },
  /**
   * Requests to the path of notifications with credentials that are not valid: from Zencoder with an old URL, or from any
   * third party.
   */
  deniedNotifications: { name: 'DeniedNotifications', unit: 'Count', services: ['ingest'] },
  /**
   * Passwords that the dashboard refused, by the reason: it was wrong (`wrong`), or too many had been wrong before
   * (`throttled`).
   */
  refusedSignIns: { name: 'RefusedSignIns', unit: 'Count', services: ['dashboard'], by: 'ErrorClass' },
  /** Parts of notifications that could not be read, or were beyond the bounds: what is in them is not recovered. */
  partsNotRead: { name: 'PartsNotRead', unit: 'Count', services: ['ingest'], by: 'ErrorClass' },
  /** Recoveries that are not settled; a level, written at every run of `reconcile`. */
  openRecoveries: { name: 'OpenRecoveries', unit: 'Count', services: ['reconcile'] },
  /**
   * Records of the ledger that this version cannot read and leaves alone, each counted once an invocation: changed by
   * hand, or written by a newer version.
   */
  unreadableRecords: { name: 'UnreadableRecords', unit: 'Count', services: ['worker', 'reconcile'] },
  /** Events that the topic did not accept, by the reason: they stay owed. */
  eventsNotPublished: {
    name: 'EventsNotPublished',
    unit: 'Count',
    services: ['worker', 'reconcile'],
    by: 'ErrorClass',
  },
  /** Events that are owed after a run of `reconcile` has tried to publish them; a level, written at every run. */
  eventsOwed: { name: 'EventsOwed', unit: 'Count', services: ['reconcile'] },
  /** For how long the oldest of them is owed; written at every run, 0 when none is. */
  oldestEventOwed: { name: 'OldestEventOwed', unit: 'Milliseconds', services: ['reconcile'] },
  /** Messages that went to the dead-letter queue because no attempt can process them. */
  messagesNotUnderstood: {
    name: 'MessagesNotUnderstood',
    unit: 'Count',
    services: ['worker'],
    by: 'ErrorClass',
  },
} as const satisfies Record<string, Metric>;

export type MetricKey = keyof typeof METRICS;

/** Where functions put their numbers; written once, when an invocation ends. */
export interface Meter {
  /** @param dimension the value of the metric's dimension, when it has one. */
  add(metric: MetricKey, value: number, dimension?: string): void;
}

/** CloudWatch takes 100 values of a metric in one line; at the hundredth Powertools would write by itself. */
const MAX_VALUES = 99;
/** Error classes come from Zencoder's links: what cannot be a dimension, or would be one of its own for each file. */
const DIMENSION_VALUE = /^[A-Za-z0-9:._-]{1,80}$/;

interface Series {
  readonly metric: Metric;
  readonly by: string | undefined;
  readonly values: number[];
}

/** A meter that keeps its values until it is flushed. */
export interface FlushingMeter extends Meter {
  /** Writes everything as metric lines (CloudWatch's embedded metric format) and forgets it. */
  flush(): void;
}

/**
 * Gathers the metrics of an invocation. Counts and bytes are added up; times and numbers of attempts stay single values,
 * so that percentiles can be computed.
 *
 * @param metrics without metrics or dimensions of its own but `service`.
 */
export function createMeter(metrics: Metrics): FlushingMeter {
  const series = new Map<string, Series>();
  return {
    add(key: MetricKey, value, by) {
      const metric: Metric = METRICS[key];
      const dimension = metric.by === undefined || by === undefined ? undefined : dimensionOf(by);
      const id = `${key} ${dimension ?? ''}`;
      const known = series.get(id) ?? { metric, by: dimension, values: [] };
      series.set(id, known);
      if (isSum(key)) known.values[0] = (known.values[0] ?? 0) + value;
      else known.values.push(value);
    },
    flush() {
      const all = [...series.values()];
      series.clear();
      for (const each of all) write(metrics, each);
    },
  };
}

function write(metrics: Metrics, { metric, by, values }: Series): void {
  for (let start = 0; start < values.length; start += MAX_VALUES) {
    if (metric.by !== undefined && by !== undefined) {
      metrics.addDimensions({});
      metrics.addDimensions({ [metric.by]: by });
    }
    for (const value of values.slice(start, start + MAX_VALUES)) {
      metrics.addMetric(metric.name, metric.unit, value);
    }
    metrics.publishStoredMetrics();
  }
}

function isSum(key: MetricKey): boolean {
  return METRICS[key].unit !== 'Milliseconds' && key !== 'attempts';
}

function dimensionOf(by: string): string {
  return DIMENSION_VALUE.test(by) ? by : 'Other';
}
