import { RemovalPolicy, Stack } from 'aws-cdk-lib';
import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway';
import {
  HttpApi,
  HttpRoute,
  type HttpRouteKey,
  HttpStage,
  LogGroupLogDestination,
} from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { FilterPattern, LogGroup, MetricFilter } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';

export interface RecoveryApiProps {
  /** How many days the access log is kept. */
  readonly logRetentionDays: number;
  /**
   * Requests a second that the API serves in the long run; beyond it callers get 429 and try again.
   *
   * @default 500
   */
  readonly requestsPerSecond?: number;
  /**
   * Requests that it serves at once.
   *
   * @default 1000
   */
  readonly burst?: number;
}

/** What an access log line holds. Neither headers nor query strings: both can carry credentials. */
const ACCESS_LOG_FIELDS = {
  requestId: '$context.requestId',
  time: '$context.requestTime',
  route: '$context.routeKey',
  protocol: '$context.protocol',
  sourceIp: '$context.identity.sourceIp',
  userAgent: '$context.identity.userAgent',
  status: '$context.status',
  responseBytes: '$context.responseLength',
  latencyMs: '$context.responseLatency',
  error: '$context.error.message',
  integrationError: '$context.integrationErrorMessage',
};

/**
 * The stack's public HTTP API on its default stage, throttled, with an access log. Its address supports HTTP/1.1
 * as well as HTTP/2, which matters because Zencoder does not deliver over HTTP/2. It authorizes no caller itself: each
 * route states which component does.
 */
export class PublicApi extends Construct {
  readonly api: HttpApi;
  readonly #accessLog: LogGroup;

  constructor(scope: Construct, id: string, props: RecoveryApiProps) {
    super(scope, id);
    this.#accessLog = new LogGroup(this, 'AccessLog', {
      retention: props.logRetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.api = new HttpApi(this, 'Api', {
      description: 'Notifications from Zencoder',
      createDefaultStage: false,
    });
    new HttpStage(this, 'Stage', {
      httpApi: this.api,
      stageName: '$default',
      autoDeploy: true,
      throttle: { rateLimit: props.requestsPerSecond ?? 500, burstLimit: props.burst ?? 1000 },
      accessLogSettings: {
        destination: new LogGroupLogDestination(this.#accessLog),
        format: AccessLogFormat.custom(JSON.stringify(ACCESS_LOG_FIELDS)),
      },
    });
  }

  /** Routes to a function; the routes are returned so that their owner can state what authorizes. */
  addFunction(id: string, keys: readonly HttpRouteKey[], handler: IFunction): HttpRoute[] {
    const integration = new HttpLambdaIntegration(id, handler);
    return keys.map(
      (routeKey) => new HttpRoute(this, routeKey.key, { httpApi: this.api, routeKey, integration }),
    );
  }

  /**
   * Counts the requests to these routes with a 5xx response, by the function or by the API itself when it does not get
   * the function's response, or 413: the API rejects what no function can receive. It counts lines of the access log, since the API's own
   * metric has no routes.
   *
   * @param metricName in the namespace of the stack's metrics.
   */
  countNotTaken(metricName: string, keys: readonly HttpRouteKey[]): MetricFilter {
    return new MetricFilter(this, metricName, {
      logGroup: this.#accessLog,
      metricNamespace: Stack.of(this).stackName,
      metricName,
      filterPattern: FilterPattern.all(
        FilterPattern.any(
          FilterPattern.stringValue('$.status', '=', '5*'),
          FilterPattern.stringValue('$.status', '=', '413'),
        ),
        FilterPattern.any(...keys.map(({ key }) => FilterPattern.stringValue('$.route', '=', key))),
      ),
    });
  }
}
