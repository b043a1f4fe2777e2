import { Stack } from 'aws-cdk-lib';
import type { HttpApi } from 'aws-cdk-lib/aws-apigatewayv2';
import { Alarm, ComparisonOperator } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { MetricFilter } from 'aws-cdk-lib/aws-logs';
import type { Topic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { type AlarmDefinition, alarmDefinitions } from './monitoring/alarm-definitions.ts';
import { AlarmTopic } from './monitoring/alarm-topic.ts';
import { makeGraphs } from './monitoring/graphs.ts';
import { StackMetrics } from './monitoring/stack-metrics.ts';
import type { RecoveryQueue } from './recovery-queue.ts';

/** What alarms and graphs look at. */
export interface MonitoredParts {
  readonly api: HttpApi;
  /** Counts the notifications that did not reach ingest or the queue: answered 5xx, or 413. */
  readonly notTaken: MetricFilter;
  readonly queue: RecoveryQueue;
  readonly ingest: IFunction;
  readonly worker: IFunction;
  readonly reconcile: IFunction;
  /** Hours before its deadline from which an open recovery counts as at risk; for the alarm's words. */
  readonly atRiskHours: number;
  /** Minutes between two runs of reconcile. */
  readonly reconcileMinutes: number;
}

export interface MonitoringProps extends MonitoredParts {
  /**
   * Address that alarms are sent to.
   *
   * @default - none: subscribe to the topic
   */
  readonly alarmEmail?: string | undefined;
}

/**
 * Alarms to a topic, and a CloudWatch dashboard. An alarm is for a person: each says what happened and which command to
 * run; what heals by itself raises none.
 */
export class Monitoring extends Construct {
  readonly topic: Topic;

  constructor(scope: Construct, id: string, props: MonitoringProps) {
    super(scope, id);
    const { stackName } = Stack.of(this);
    const metrics = new StackMetrics(stackName);
    const command = (name: string, options = '') =>
      `\`npm run ${name} -- ${options}${options === '' ? '' : ' '}--stack ${stackName}\``;
    this.topic = new AlarmTopic(this, 'Alarms', { email: props.alarmEmail }).topic;
    const alarms = alarmDefinitions(props, metrics, command).map((definition) => this.#alarm(definition));
    makeGraphs(this, props, metrics, alarms);
  }

  #alarm({ id, metric, threshold, below, ...definition }: AlarmDefinition): Alarm {
    const alarm = new Alarm(this, id, {
      metric,
      threshold,
      comparisonOperator:
        below === true
          ? ComparisonOperator.LESS_THAN_THRESHOLD
          : ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      evaluationPeriods: definition.periods,
      datapointsToAlarm: definition.datapoints,
      treatMissingData: definition.missing,
      alarmDescription: `${definition.happened} What to do: ${definition.todo}`,
    });
    alarm.addAlarmAction(new SnsAction(this.topic));
    alarm.addOkAction(new SnsAction(this.topic));
    return alarm;
  }
}
