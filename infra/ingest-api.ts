import { Fn, Validations } from 'aws-cdk-lib';
import { HttpMethod } from 'aws-cdk-lib/aws-apigatewayv2';
import { Construct } from 'constructs';
import { type LoggingProps, RecoveryFunction } from './function.ts';
import type { RecoveryApi } from './http-api.ts';
import type { NotificationSecret } from './notification-secret.ts';
import type { RecoveryQueue } from './recovery-queue.ts';

const PATH = '/notifications';

export interface IngestApiProps extends LoggingProps {
  readonly api: RecoveryApi;
  readonly queue: RecoveryQueue;
  readonly secret: NotificationSecret;
  /** Entries of Zencoder's storage, separated by commas; see `parseStorageAllowList`. */
  readonly zencoderStorage: string;
  /** Whether outputs without any destination are collected as well. */
  readonly collectUnsentOutputs: boolean;
}

/**
 * `POST /notifications` and the function behind it, which may read its secret and put messages on the queue.
 *
 * 512 MB is not for the memory but for the share of a processor that comes with it: a cold start that Zencoder waits
 * for. 15 seconds leave room for the SDK's own retries and are within what the API waits for an answer.
 */
export class IngestApi extends Construct {
  readonly ingest: RecoveryFunction;
  /** Where Zencoder posts to, without credentials. */
  readonly notificationUrl: string;

  constructor(scope: Construct, id: string, props: IngestApiProps) {
    super(scope, id);
    this.ingest = new RecoveryFunction(this, 'Ingest', {
      folder: 'ingest',
      description: 'Takes notifications from Zencoder and queues what there is to record and to recover',
      memoryMb: 512,
      timeoutSeconds: 15,
      logLevel: props.logLevel,
      logRetentionDays: props.logRetentionDays,
      environment: {
        QUEUE_URL: props.queue.queue.queueUrl,
        NOTIFICATION_SECRET_ARN: props.secret.secret.secretArn,
        ZENCODER_STORAGE: props.zencoderStorage,
        COLLECT_UNSENT_OUTPUTS: String(props.collectUnsentOutputs),
      },
    });
    props.queue.grantSend(this.ingest.role);
    props.secret.grantRead(this.ingest.role);

    const routes = props.api.addFunction(HttpMethod.POST, PATH, this.ingest.function);
    for (const route of routes) {
      Validations.of(route).acknowledge({
        id: 'AwsSolutions-APIG4',
        reason:
          'Zencoder can sign no request and fetch no token: all it can send are Basic credentials in the URL and one ' +
          'header. The function compares both with the secret in constant time before it reads the body, accepts the ' +
          'current and the previous version, and answers 401 otherwise.',
      });
    }
    this.notificationUrl = Fn.join('', [props.api.api.apiEndpoint, PATH]);
  }
}
