import { CfnOutput, Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { Config } from './config.ts';
import { RecoveryBucket } from './constructs/bucket.ts';
import { Dashboard, type DashboardProps } from './constructs/dashboard.ts';
import { EventsTopic } from './constructs/events-topic.ts';
import { PublicApi } from './constructs/http-api.ts';
import { IngestApi } from './constructs/ingest.ts';
import { LedgerTable } from './constructs/ledger-table.ts';
import { Monitoring } from './constructs/monitoring.ts';
import { Operators, type OperatorsProps } from './constructs/operators.ts';
import { RecoveryQueue } from './constructs/queue.ts';
import { Reconcile } from './constructs/reconcile.ts';
import { NotificationSecret } from './constructs/secrets.ts';
import { RecoveryWorker } from './constructs/worker.ts';

/** The stack's outputs, each with its description; the local stack and the commands read them by name. */
const OUTPUTS = {
  NotificationUrl: 'Where Zencoder posts to; add the user name and password',
  NotificationSecretArn: 'Secret with that user name and password',
  TableName: 'The ledger',
  BucketName: 'Where recovered files are',
  QueueUrl: 'Messages for the worker',
  DeadLetterQueueUrl: 'Messages that need attention',
  AlarmTopicArn: 'Alarms, each with what to do',
  AlarmEmail: 'Address that alarms are sent to once it is confirmed',
  EventsTopicArn: 'An event for each failed upload and each outcome',
  WorkerFunctionName: 'The function that copies',
  MaxConcurrency: 'How many workers run at once',
  IngestReservedConcurrency: 'Invocations that are kept for ingest',
  ReconcileFunctionName: 'The function that runs on the schedule',
  WorkerRoleArn: 'The role of the worker, which a bucket or key policy has to allow',
  OperatorPolicyArn: 'What the commands need; attach it to the role of operators',
  DashboardUrl: 'What failed and the state of its recovery',
  DashboardSecretArn: 'Secret with user name and password of the dashboard',
  DashboardFunctionName: 'The function that makes pages',
  DashboardRoleArn: 'The role of the dashboard, which a bucket or key policy has to allow for downloads',
};

/** The stack: its constructs, in the order in which a notification travels. */
export class RecoveryStack extends Stack {
  constructor(scope: Construct, config: Config) {
    const description = 'Recovers files that Zencoder could not upload, and records why';
    super(scope, config.stackName, { description, terminationProtection: config.terminationProtection });
    const { workerTimeoutSeconds, workerMemoryMb } = config;

    const api = new PublicApi(this, 'Api', config);
    const secret = new NotificationSecret(this, 'NotificationSecret');
    const queue = new RecoveryQueue(this, 'Recoveries', { workerTimeoutSeconds });
    const ledger = new LedgerTable(this, 'Ledger', config);
    const bucket = new RecoveryBucket(this, 'Recovered', {
      bucketName: config.bucketName,
      owner: config.bucketOwner,
      kmsKeyArn: config.bucketKmsKeyArn,
      previous: config.previousBuckets,
    });
    const events = new EventsTopic(this, 'Events');

    const { notificationUrl, ingest, notTaken, tooLarge } = new IngestApi(this, 'Notifications', {
      ...config,
      ...{ api, queue, ledger, secret },
    });
    const { worker } = new RecoveryWorker(this, 'Recovery', {
      ...config,
      ...{ queue, ledger, bucket, events },
      timeoutSeconds: workerTimeoutSeconds,
      memoryMb: workerMemoryMb,
    });
    const { reconcile } = new Reconcile(this, 'Reconciliation', { ...config, queue, ledger, events });
    const dashboard = config.dashboard
      ? this.#addDashboard(config, { api, ledger, queue, bucket })
      : undefined;
    const pages = dashboard?.pages.function;
    const { topic } = new Monitoring(this, 'Monitoring', {
      ...config,
      api: api.api,
      ...{ notTaken, tooLarge, queue },
      ingest: ingest.function,
      worker: worker.function,
      reconcile: reconcile.function,
      dashboard: pages,
      dashboardUrl: dashboard?.url,
    });
    this.#output('NotificationUrl', notificationUrl);
    this.#output('NotificationSecretArn', secret.secret.secretArn);
    this.#output('TableName', ledger.table.tableName);
    this.#output('BucketName', bucket.bucketName);
    this.#output('QueueUrl', queue.queue.queueUrl);
    this.#output('DeadLetterQueueUrl', queue.deadLetterQueue.queueUrl);
    this.#output('AlarmTopicArn', topic.topicArn);
    if (config.alarmEmail !== undefined) this.#output('AlarmEmail', config.alarmEmail);
    this.#output('EventsTopicArn', events.topic.topicArn);
    this.#output('WorkerFunctionName', worker.function.functionName);
    this.#output('MaxConcurrency', String(config.maxConcurrency));
    if (config.ingestReservedConcurrency !== undefined) {
      this.#output('IngestReservedConcurrency', String(config.ingestReservedConcurrency));
    }
    this.#output('ReconcileFunctionName', reconcile.function.functionName);
    this.#output('WorkerRoleArn', worker.role.roleArn);
    this.#addOperators({ ledger, queue, secret, worker: worker.function, alarms: topic, dashboard: pages });
  }

  #addOperators(props: OperatorsProps): void {
    const { policy } = new Operators(this, 'Operators', props);
    this.#output('OperatorPolicyArn', policy.managedPolicyArn);
  }

  #addDashboard(
    config: Config,
    parts: Pick<DashboardProps, 'api' | 'ledger' | 'queue' | 'bucket'>,
  ): Dashboard {
    const hasZencoderApiKey = config.zencoderApiKeySecretArn !== undefined;
    const dashboard = new Dashboard(this, 'Dashboard', { ...config, ...parts, hasZencoderApiKey });
    this.#output('DashboardUrl', dashboard.url);
    this.#output('DashboardSecretArn', dashboard.secret.secretArn);
    this.#output('DashboardFunctionName', dashboard.pages.function.functionName);
    this.#output('DashboardRoleArn', dashboard.pages.role.roleArn);
    return dashboard;
  }

  #output(name: keyof typeof OUTPUTS, value: string): void {
    new CfnOutput(this, name, { value, description: OUTPUTS[name] });
  }
}
