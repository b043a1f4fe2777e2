import { Duration } from 'aws-cdk-lib';
import { type IMetric, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';

/** An alarm: its metric and its description. */
export interface AlarmDefinition {
  /** Construct id: part of the logical id, which never changes. */
  readonly id: string;
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

/** Formats an operator command for this stack, e.g. `npm run status -- --stack NAME`. */
export type Command = (name: string, options?: string) => string;

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

/** A level that reconcile measures: between two runs it stays what it was. */
export const LEVEL: Evaluation = { ...reaches(1, 1, 1), missing: TreatMissingData.IGNORE };
