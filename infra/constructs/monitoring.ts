import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import type { HttpApi } from 'aws-cdk-lib/aws-apigatewayv2';
import { Alarm, ComparisonOperator } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { MetricFilter } from 'aws-cdk-lib/aws-logs';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { Construct } from 'constructs';
import { type AlarmDefinition, alarmDefinitions, StackMetrics } from './alarms.ts';
import { makeGraphs } from './graphs.ts';
import type { RecoveryQueue } from './queue.ts';

export interface AlarmTopicProps {
  /**
   * Whom to write to. AWS asks the address for its consent first.
   *
   * @default - nobody: subscribe whatever you like to the topic
   */
  readonly email?: string | undefined;
}

/**
 * Where alarms go. Encrypted by a key of its own, since CloudWatch cannot publish to a topic under the AWS managed key
 * (whose policy does not let it in), and closed to everything but TLS.
 */
export class AlarmTopic extends Construct {
  readonly topic: Topic;

  constructor(scope: Construct, id: string, props: AlarmTopicProps) {
    super(scope, id);
    const { account, partition, region } = Stack.of(this);
    const cloudWatch = new ServicePrincipal('cloudwatch.amazonaws.com');
    const key = new Key(this, 'Key', {
      description: 'Encrypts the alarms of the Zencoder recovery stack',
      enableKeyRotation: true,
      pendingWindow: Duration.days(7),
      removalPolicy: RemovalPolicy.DESTROY,
    });
    key.addToResourcePolicy(
      new PolicyStatement({
        principals: [cloudWatch],
        actions: ['kms:Decrypt', 'kms:GenerateDataKey*'],
        resources: ['*'],
        conditions: { StringEquals: { 'aws:SourceAccount': account } },
      }),
    );
    this.topic = new Topic(this, 'Topic', { masterKey: key, enforceSSL: true });
    // A policy of one's own replaces the one by which everything in the account may publish.
    this.topic.addToResourcePolicy(
      new PolicyStatement({
        principals: [cloudWatch],
        actions: ['sns:Publish'],
        resources: [this.topic.topicArn],
        conditions: {
          StringEquals: { 'aws:SourceAccount': account },
          ArnLike: { 'aws:SourceArn': `arn:${partition}:cloudwatch:${region}:${account}:alarm:*` },
        },
      }),
    );
    if (props.email !== undefined) this.topic.addSubscription(new EmailSubscription(props.email));
  }
}

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
