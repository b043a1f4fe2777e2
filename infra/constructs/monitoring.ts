import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { Alarm, ComparisonOperator } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { Construct } from 'constructs';
import type { AlarmDefinition } from './alarm-definition.ts';
import { alarmDefinitions, type MonitoredParts } from './alarms.ts';
import { addGraphs } from './graphs.ts';
import { StackMetrics } from './stack-metrics.ts';

export interface AlarmTopicProps {
  /**
   * Address that alarms are sent to; AWS sends it a confirmation email first.
   *
   * @default - none: subscribe to the topic what you like
   */
  readonly email?: string | undefined;
}

/**
 * Where alarms go. Encrypted by a key of its own, since CloudWatch cannot publish to a topic under the AWS managed key
 * (whose policy denies it), and restricted to TLS.
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

export interface MonitoringProps extends MonitoredParts {
  /**
   * Address that alarms are sent to.
   *
   * @default - none: subscribe to the topic
   */
  readonly alarmEmail?: string | undefined;
}

/**
 * Alarms to a topic, and a CloudWatch dashboard. Each alarm states what happened and which
 * command to run; what recovers by itself raises none.
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
    addGraphs(this, props, metrics, alarms);
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
