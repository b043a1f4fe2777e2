import { CfnOutput, Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { Config } from './config.ts';
import { RecoveryBucket } from './constructs/bucket.ts';
import { Dashboard } from './constructs/dashboard.ts';
import { EventsTopic } from './constructs/events-topic.ts';
import { PublicApi } from './constructs/http-api.ts';
import { IngestApi } from './constructs/ingest.ts';
import { LedgerTable } from './constructs/ledger-table.ts';
import { Monitoring } from './constructs/monitoring.ts';
import { RecoveryQueue } from './constructs/queue.ts';
import { Reconcile } from './constructs/reconcile.ts';
import { NotificationSecret } from './constructs/secrets.ts';
import { RecoveryWorker } from './constructs/worker.ts';

/** The whole of it, in the order in which a notification travels. */
export class RecoveryStack extends Stack {
  constructor(scope: Construct, config: Config) {
    super(scope, config.stackName, {
      description: 'Recovers files that Zencoder could not upload, and records why',
    });
    const logging = { logLevel: config.logLevel, logRetentionDays: config.logRetentionDays };

    const api = new PublicApi(this, 'Api', { logRetentionDays: config.logRetentionDays });
    const secret = new NotificationSecret(this, 'NotificationSecret');
    const queue = new RecoveryQueue(this, 'Recoveries', {
      workerTimeoutSeconds: config.workerTimeoutSeconds,
    });
    const ledger = new LedgerTable(this, 'Ledger');
    const bucket = new RecoveryBucket(this, 'Recovered', {
      bucketName: config.bucketName,
      kmsKeyArn: config.bucketKmsKeyArn,
    });

    const events = new EventsTopic(this, 'Events');
    const zencoderApi = {
      zencoderApiKeySecretArn: config.zencoderApiKeySecretArn,
      zencoderApiUrl: config.zencoderApiUrl,
    };

    const { notificationUrl, ingest, notTaken } = new IngestApi(this, 'Notifications', {
      ...logging,
      api,
      queue,
      ledger,
      secret,
      zencoderStorage: config.zencoderStorage,
      collectUnsentOutputs: config.collectUnsentOutputs,
    });
    const { worker } = new RecoveryWorker(this, 'Recovery', {
      ...logging,
      ...zencoderApi,
      queue,
      ledger,
      bucket,
      events,
      keyTemplate: config.keyTemplate,
      zencoderStorage: config.zencoderStorage,
      segmentBytes: config.segmentBytes,
      recordTtlDays: config.recordTtlDays,
      maxConcurrency: config.maxConcurrency,
      timeoutSeconds: config.workerTimeoutSeconds,
      memoryMb: config.workerMemoryMb,
    });

    const { reconcile } = new Reconcile(this, 'Reconciliation', {
      ...logging,
      ...zencoderApi,
      queue,
      ledger,
      events,
      zencoderStorage: config.zencoderStorage,
      collectUnsentOutputs: config.collectUnsentOutputs,
      atRiskHours: config.atRiskHours,
      reconcileMinutes: config.reconcileMinutes,
    });

    const { topic } = new Monitoring(this, 'Monitoring', {
      api: api.api,
      notTaken,
      queue,
      ingest: ingest.function,
      worker: worker.function,
      reconcile: reconcile.function,
      atRiskHours: config.atRiskHours,
      reconcileMinutes: config.reconcileMinutes,
      alarmEmail: config.alarmEmail,
    });

    this.#output(
      'NotificationUrl',
      notificationUrl,
      'Where Zencoder posts to; put user name and password in',
    );
    this.#output('NotificationSecretArn', secret.secret.secretArn, 'Secret with that user name and password');
    this.#output('TableName', ledger.table.tableName, 'The ledger');
    this.#output('BucketName', bucket.bucketName, 'Where recovered files are');
    this.#output('QueueUrl', queue.queue.queueUrl, 'Work to be done');
    this.#output('DeadLetterQueueUrl', queue.deadLetterQueue.queueUrl, 'Messages that need a person');
    this.#output('AlarmTopicArn', topic.topicArn, 'Alarms, each with what to do');
    this.#output('EventsTopicArn', events.topic.topicArn, 'An event for each failed upload and each outcome');
    this.#output('WorkerFunctionName', worker.function.functionName, 'The function that copies');
    this.#output(
      'ReconcileFunctionName',
      reconcile.function.functionName,
      'The function that runs on the schedule',
    );
    this.#output(
      'WorkerRoleArn',
      worker.role.roleArn,
      'Its role, which a bucket or key policy has to let in',
    );

    if (config.dashboard) {
      const { atRiskHours } = config;
      const dashboard = new Dashboard(this, 'Dashboard', {
        ...logging,
        api,
        ledger,
        queue,
        bucket,
        atRiskHours,
        hasZencoderApiKey: config.zencoderApiKeySecretArn !== undefined,
      });
      this.#output('DashboardUrl', dashboard.url, 'What failed and where its recovery stands');
      this.#output(
        'DashboardSecretArn',
        dashboard.secret.secretArn,
        'Secret with user name and password of it',
      );
    }
  }

  #output(name: string, value: string, description: string): void {
    new CfnOutput(this, name, { value, description });
  }
}
