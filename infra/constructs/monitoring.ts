import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { Alarm, ComparisonOperator } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { Construct } from 'constructs';
import { type AlarmDefinition, commandsFor } from './alarm-definition.ts';
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
  /**
   * Address of the stack's own dashboard, for the descriptions of alarms.
   *
   * @default - a stack without dashboard
   */
  readonly dashboardUrl?: string | undefined;
}

/**
 * Alarms to a topic, and a CloudWatch dashboard. Each alarm states what happened, which command to run and where the
 * dashboard is; what recovers by itself raises none.
 *
 * Alarms have names with the stack's, which is unique in its region as theirs must be. Only another name replaces an alarm,
 * so a name is never in the way of its own replacement:
 * https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudwatch-alarm.html
 */
export class Monitoring extends Construct {
  readonly topic: Topic;

  constructor(scope: Construct, id: string, props: MonitoringProps) {
    super(scope, id);
    const { stackName } = Stack.of(this);
    const metrics = new StackMetrics(stackName);
    const commands = commandsFor(stackName, props.atRiskHours);
    this.topic = new AlarmTopic(this, 'Alarms', { email: props.alarmEmail }).topic;
    const alarms = alarmDefinitions(props, metrics, commands).map((definition) =>
      this.#alarm(definition, props.dashboardUrl),
    );
    addGraphs(this, props, metrics, alarms);
  }

  #alarm(definition: AlarmDefinition, dashboardUrl: string | undefined): Alarm {
    const { id, name, metric, threshold, below, happened, todo } = definition;
    const details = dashboardUrl === undefined ? '' : ` Dashboard: ${dashboardUrl}`;
    const alarm = new Alarm(this, id, {
      alarmName: `${Stack.of(this).stackName} - ${name}`,
      metric,
      threshold,
      comparisonOperator:
        below === true
          ? ComparisonOperator.LESS_THAN_THRESHOLD
          : ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      evaluationPeriods: definition.periods,
      datapointsToAlarm: definition.datapoints,
      treatMissingData: definition.missing,
      alarmDescription: `${happened} What to do: ${todo}${details}`,
    });
    alarm.addAlarmAction(new SnsAction(this.topic));
    alarm.addOkAction(new SnsAction(this.topic));
    return alarm;
  }
}
