import { Fn, Lazy, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway';
import {
  CfnStage,
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
}

/** What callers may ask of a route; beyond it they get 429 and try again. */
export interface Throttle {
  /** In the long run. */
  readonly requestsPerSecond: number;
  /** At once. */
  readonly burst: number;
}

/** A route to a function. */
export interface FunctionRoute {
  readonly key: HttpRouteKey;
  /** @default - the low throttle of the API */
  readonly throttle?: Throttle;
}

/**
 * The throttle of every route without one of its own. Each request that is let through occupies a function, and a new
 * account has ten in all: a flood on a page or on a path that does not exist must leave room for notifications.
 */
const DEFAULT_THROTTLE: Throttle = { requestsPerSecond: 5, burst: 10 };

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
  readonly #stage: HttpStage;
  /** By route key, in the words of CloudFormation, which takes them as JSON. */
  readonly #routeSettings: Record<string, Readonly<Record<string, number>>> = {};

  constructor(scope: Construct, id: string, props: RecoveryApiProps) {
    super(scope, id);
    this.#accessLog = new LogGroup(this, 'AccessLog', {
      logGroupName: accessLogName(Stack.of(this)),
      retention: props.logRetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.api = new HttpApi(this, 'Api', {
      description: 'Notifications from Zencoder',
      createDefaultStage: false,
    });
    this.#stage = new HttpStage(this, 'Stage', {
      httpApi: this.api,
      stageName: '$default',
      autoDeploy: true,
      throttle: { rateLimit: DEFAULT_THROTTLE.requestsPerSecond, burstLimit: DEFAULT_THROTTLE.burst },
      accessLogSettings: {
        destination: new LogGroupLogDestination(this.#accessLog),
        format: AccessLogFormat.custom(JSON.stringify(ACCESS_LOG_FIELDS)),
      },
    });
    const stage = this.#stage.node.defaultChild;
    if (!(stage instanceof CfnStage)) throw new Error('the stage has no CloudFormation resource');
    stage.routeSettings = Lazy.any({ produce: () => this.#routeSettings });
  }

  /**
   * Gives a route a throttle of its own in place of the API's low default.
   *
   * API Gateway refuses settings of a route that does not exist yet ("Unable to find Route by key"), so the stage waits
   * for the route. https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-throttling.html
   */
  throttle({ key }: HttpRouteKey, route: HttpRoute, { requestsPerSecond, burst }: Throttle): void {
    this.#routeSettings[key] = { ThrottlingRateLimit: requestsPerSecond, ThrottlingBurstLimit: burst };
    this.#stage.node.addDependency(route);
  }

  /** Routes to a function; the routes are returned so that their owner can state what authorizes. */
  addFunction(id: string, routes: readonly FunctionRoute[], handler: IFunction): HttpRoute[] {
    const integration = new HttpLambdaIntegration(id, handler);
    return routes.map(({ key, throttle }) => {
      const route = new HttpRoute(this, key.key, { httpApi: this.api, routeKey: key, integration });
      if (throttle !== undefined) this.throttle(key, route, throttle);
      return route;
    });
  }

  /**
   * Counts the responses to a route with a status, by the function or by the API itself when it does not get the function's.
   * It counts lines of the access log, since the API's own metrics have no routes unless they are paid for.
   *
   * @param metricName in the namespace of the stack's metrics.
   * @param status e.g. `413`, or `5*` for all of a class.
   */
  countResponses(metricName: string, { key }: HttpRouteKey, status: string): MetricFilter {
    return new MetricFilter(this, metricName, {
      logGroup: this.#accessLog,
      metricNamespace: Stack.of(this).stackName,
      metricName,
      filterPattern: FilterPattern.all(
        FilterPattern.stringValue('$.status', '=', status),
        FilterPattern.stringValue('$.route', '=', key),
      ),
    });
  }
}

/**
 * API Gateway must be allowed by a resource policy of CloudWatch Logs to write, and adds each log group to it: in an account
 * with many, the policy outgrows its 5,120 characters and the deploy fails. Log groups under `/aws/vendedlogs/` need no
 * entry of their own. The id of the stack is another one after each deletion, so no name is used twice.
 * https://docs.aws.amazon.com/step-functions/latest/dg/bp-cwl.html
 */
function accessLogName({ stackName, stackId }: Stack): string {
  const uuid = Fn.select(2, Fn.split('/', stackId));
  return Fn.join('/', ['/aws/vendedlogs/zencoder-recovery', stackName, uuid]);
}
