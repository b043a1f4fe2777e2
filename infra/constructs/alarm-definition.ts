import { Duration } from 'aws-cdk-lib';
import { type IMetric, Stats, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';

/** An alarm: its metric and its description. */
export interface AlarmDefinition {
  /** Construct id: part of the logical id, which never changes. */
  readonly id: string;
  /** What people see, after the name of the stack; a few words. */
  readonly name: string;
  readonly metric: IMetric;
  /** Alarms at this value and above, unless `below`. */
  readonly threshold: number;
  readonly below?: boolean;
  /** Periods that are evaluated … */
  readonly periods: number;
  /** … of which this many must be over the threshold. */
  readonly datapoints: number;
  readonly missing: TreatMissingData;
  /** A sentence: what happened. */
  readonly happened: string;
  /** A sentence: what to do, with the command to run. */
  readonly todo: string;
}

/** Formats an operator command for this stack, e.g. `npm run preflight -- --stack NAME`. */
export type Command = (name: string, options?: string) => string;

/** The commands that descriptions name, for this stack and its settings. */
export interface Commands {
  readonly run: Command;
  /** `npm run status` with the stack's own threshold of what is at risk. */
  readonly status: string;
}

/** The commands for a stack, as an operator types them. */
export function commandsFor(stackName: string, atRiskHours: number): Commands {
  const run: Command = (name, options = '') =>
    `\`npm run ${name} -- ${options}${options === '' ? '' : ' '}--stack ${stackName}\``;
  return { run, status: run('status', `--at-risk ${atRiskHours}h`) };
}

type Evaluation = Pick<AlarmDefinition, 'threshold' | 'periods' | 'datapoints' | 'missing'>;

export const MINUTE = Duration.minutes(1);
export const FIVE_MINUTES = Duration.minutes(5);
export const QUARTER_HOUR = Duration.minutes(15);

/** Alarms when `datapoints` of the last `periods` are at the threshold; a period without data is in order. */
export function reaches(threshold: number, periods: number, datapoints: number): Evaluation {
  return { threshold, periods, datapoints, missing: TreatMissingData.NOT_BREACHING };
}

/**
 * Alarms within a minute or two of a single event and stays on for twenty minutes after the last: attempts that fail
 * for the same reason are up to fifteen minutes apart, and each would raise a separate alarm.
 */
export const AT_ONCE = reaches(1, 20, 1);

/** A level that reconcile measures: between two runs it stays what it was, however long those are apart. */
export const LEVEL: Evaluation = { ...reaches(1, 1, 1), missing: TreatMissingData.IGNORE };

/**
 * An event of reconcile in periods of five minutes: stays on until two runs later, and so does not end between two runs
 * that both count it.
 *
 * @param reconcileMinutes minutes between two runs.
 */
export function eachRun(reconcileMinutes: number): Evaluation {
  return reaches(1, Math.ceil((2 * reconcileMinutes) / 5) + 2, 1);
}

/** A period that has at least one run of reconcile. */
export function runPeriod(reconcileMinutes: number): Duration {
  return Duration.minutes(Math.max(15, reconcileMinutes));
}

export function errorsOf(of: IFunction, period: Duration): IMetric {
  return of.metricErrors({ statistic: Stats.SUM, period });
}

export function throttlesOf(of: IFunction, period: Duration): IMetric {
  return of.metricThrottles({ statistic: Stats.SUM, period });
}
