import { Fn, Validations } from 'aws-cdk-lib';
import { HttpMethod, HttpRouteKey } from 'aws-cdk-lib/aws-apigatewayv2';
import type { MetricFilter } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { NOTIFICATION_PATH } from '../../lambda/ingest/request.ts';
import { type LoggingProps, NodeFunction } from './function.ts';
import type { PublicApi, Throttle } from './http-api.ts';
import type { LedgerTable } from './ledger-table.ts';
import type { RecoveryQueue } from './queue.ts';
import type { NotificationSecret } from './secrets.ts';

const NOTIFICATIONS = HttpRouteKey.with(NOTIFICATION_PATH, HttpMethod.POST);

/** Far more than Zencoder sends, and within what API Gateway allows all APIs of an account (10,000 a second). */
const NOTIFICATION_THROTTLE: Throttle = { requestsPerSecond: 500, burst: 1000 };

export interface IngestApiProps extends LoggingProps {
  readonly api: PublicApi;
  readonly queue: RecoveryQueue;
  readonly ledger: LedgerTable;
  readonly secret: NotificationSecret;
  /** Entries of Zencoder's storage, separated by commas; see `parseStorageAllowList`. */
  readonly zencoderStorage: string;
  /** Whether outputs without any destination are collected as well. */
  readonly collectUnsentOutputs: boolean;
  /**
   * Invocations that are kept for ingest, and the most of it that run at once.
   *
   * @default - none: it shares the account's concurrency
   */
  readonly ingestReservedConcurrency?: number | undefined;
}

/**
 * `POST /notifications` and the function behind it, which may read its secret, put messages on the queue, count what
 * it refuses and note when the last notification came. Every path that no other route has leads to it as well: it takes a notification at `/notifications/`
 * (API Gateway distinguishes the two), and counts one at a wrong path instead of returning a silent 404. Scans of
 * the internet call such paths, so they have the low throttle of the API, and only `POST /notifications` has one of its own.
 *
 * 512 MB is not for the memory but for the share of a processor that comes with it: a cold start that Zencoder waits
 * for. 15 seconds leave room for the SDK's own retries and are within what the API waits for a response.
 */
export class IngestApi extends Construct {
  readonly ingest: NodeFunction;
  /** Counts the 5xx responses to `POST /notifications`: what did not reach ingest or the queue. */
  readonly notTaken: MetricFilter;
  /** Counts its 413 responses: by the API what no function can receive, by ingest what is beyond its own limit. */
  readonly tooLarge: MetricFilter;
  /** Where Zencoder posts to, without credentials. */
  readonly notificationUrl: string;

  constructor(scope: Construct, id: string, props: IngestApiProps) {
    super(scope, id);
    this.ingest = new NodeFunction(this, 'Ingest', {
      folder: 'ingest',
      description: 'Takes notifications from Zencoder and queues what there is to record and to recover',
      memoryMb: 512,
      timeoutSeconds: 15,
      reservedConcurrency: props.ingestReservedConcurrency,
      logLevel: props.logLevel,
      logRetentionDays: props.logRetentionDays,
      environment: {
        QUEUE_URL: props.queue.queue.queueUrl,
        TABLE_NAME: props.ledger.table.tableName,
        NOTIFICATION_SECRET_ARN: props.secret.secret.secretArn,
        ZENCODER_STORAGE: props.zencoderStorage,
        COLLECT_UNSENT_OUTPUTS: String(props.collectUnsentOutputs),
      },
    });
    props.queue.grantSend(this.ingest.role);
    props.secret.grantRead(this.ingest.role);
    props.ledger.grantCountNotifications(this.ingest.role);

    this.notTaken = props.api.countResponses('NotificationsNotTaken', NOTIFICATIONS, '5*');
    this.tooLarge = props.api.countResponses('NotificationsTooLarge', NOTIFICATIONS, '413');
    const routes = [{ key: NOTIFICATIONS, throttle: NOTIFICATION_THROTTLE }, { key: HttpRouteKey.DEFAULT }];
    for (const route of props.api.addFunction('Ingest', routes, this.ingest.function)) {
      Validations.of(route).acknowledge({
        id: 'AwsSolutions-APIG4',
        reason:
          'Zencoder can sign no request and fetch no token: all it can send are Basic credentials in the URL and one ' +
          'header. The function compares both with the secret in constant time before it reads the body, accepts the ' +
          'current and the previous version, and returns 401 otherwise.',
      });
    }
    this.notificationUrl = Fn.join('', [props.api.api.apiEndpoint, NOTIFICATION_PATH]);
  }
}
