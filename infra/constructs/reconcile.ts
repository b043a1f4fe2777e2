import { Duration } from 'aws-cdk-lib';
import { Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import { Construct } from 'constructs';
import type { EventsTopic } from './events-topic.ts';
import { type LoggingProps, NodeFunction } from './function.ts';
import type { LedgerTable } from './ledger-table.ts';
import type { RecoveryQueue } from './queue.ts';
import { grantZencoderApiKey, type ZencoderApiProps, zencoderApiVariables } from './secrets.ts';

export interface ReconcileProps extends LoggingProps, ZencoderApiProps {
  readonly queue: RecoveryQueue;
  readonly ledger: LedgerTable;
  readonly events: EventsTopic;
  /** Entries of Zencoder's storage, separated by commas; see `parseStorageAllowList`. */
  readonly zencoderStorage: string;
  /** Whether outputs without any destination are collected as well. */
  readonly collectUnsentOutputs: boolean;
  /** Hours before its deadline from which an open recovery is at risk. */
  readonly atRiskHours: number;
  /** Minutes between two runs. */
  readonly reconcileMinutes: number;
}

/**
 * The schedule that looks for what no message will wake and what no notification named and that publishes owed events,
 * and its function. A run that takes longer than the interval overlaps with the next, which is harmless.
 *
 * 512 MB hold a page of fifty jobs with all their outputs and thumbnails many times over.
 */
export class Reconcile extends Construct {
  readonly reconcile: NodeFunction;

  constructor(scope: Construct, id: string, props: ReconcileProps) {
    super(scope, id);
    this.reconcile = new NodeFunction(this, 'Reconcile', {
      folder: 'reconcile',
      description:
        'Finds recoveries that are stalled or at risk, publishes owed events, and finds failed uploads without a notification',
      memoryMb: 512,
      timeoutSeconds: 300,
      logLevel: props.logLevel,
      logRetentionDays: props.logRetentionDays,
      environment: {
        QUEUE_URL: props.queue.queue.queueUrl,
        TABLE_NAME: props.ledger.table.tableName,
        EVENTS_TOPIC_ARN: props.events.topic.topicArn,
        ZENCODER_STORAGE: props.zencoderStorage,
        COLLECT_UNSENT_OUTPUTS: String(props.collectUnsentOutputs),
        AT_RISK_HOURS: String(props.atRiskHours),
        VISIBILITY_SECONDS: String(props.queue.visibilitySeconds),
        ...zencoderApiVariables(props),
      },
    });
    const { role } = this.reconcile;
    props.queue.grantSend(role);
    props.queue.grantReadAttributes(role);
    props.ledger.grantRead(role);
    props.ledger.grantUpdate(role);
    props.events.grantPublish(role);
    grantZencoderApiKey(role, props);

    // The next run is the retry, and what waits for longer has been overtaken by it. The rule's policy is for delivery to
    // Lambda alone; Lambda itself runs an asynchronous invocation that fails twice more, unless the function says otherwise:
    // https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
    const interval = Duration.minutes(props.reconcileMinutes);
    const retries = { retryAttempts: 0, maxEventAge: interval };
    this.reconcile.function.configureAsyncInvoke(retries);
    new Rule(this, 'Schedule', {
      description: 'Runs reconcile',
      schedule: Schedule.rate(interval),
      targets: [new LambdaFunction(this.reconcile.function, retries)],
    });
  }
}
