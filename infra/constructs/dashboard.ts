import { Fn, Validations } from 'aws-cdk-lib';
import { HttpMethod, HttpRouteKey } from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import type { RecoveryBucket } from './bucket.ts';
import { type LoggingProps, NodeFunction } from './function.ts';
import type { PublicApi, Throttle } from './http-api.ts';
import type { LedgerTable } from './ledger-table.ts';
import type { RecoveryQueue } from './queue.ts';

/** People sign in now and then: what is more than this tries passwords. */
const SIGN_IN_THROTTLE: Throttle = { requestsPerSecond: 1, burst: 10 };

/** Every route of the dashboard, some with a throttle of their own; any other path never reaches the function. */
const ROUTES: readonly (readonly [HttpMethod, string, Throttle?])[] = [
  [HttpMethod.GET, '/'],
  [HttpMethod.GET, '/errors'],
  [HttpMethod.GET, '/jobs'],
  [HttpMethod.GET, '/jobs/{path+}'],
  [HttpMethod.POST, '/jobs/{jobId}/outputs/{outputId}/retry'],
  [HttpMethod.GET, '/api/{path+}'],
  [HttpMethod.GET, '/assets/{name}'],
  [HttpMethod.GET, '/sign-in'],
  [HttpMethod.POST, '/sign-in', SIGN_IN_THROTTLE],
  [HttpMethod.POST, '/sign-out'],
];

export interface DashboardProps extends LoggingProps {
  readonly api: PublicApi;
  readonly ledger: LedgerTable;
  readonly queue: RecoveryQueue;
  readonly bucket: RecoveryBucket;
  /** Hours before its deadline from which an open recovery is shown as at risk. */
  readonly atRiskHours: number;
  /** Whether the worker has a key of the Zencoder API, so that what is settled can be retried. */
  readonly hasZencoderApiKey: boolean;
}

/**
 * The dashboard: pages and JSON API on the stack's HTTP API, behind credentials of their own. Its role reads the
 * ledger and recovered objects; it writes counters of sign-ins, and messages that request a retry from the worker.
 *
 * 512 MB for the share of a processor that comes with it: people wait for cold starts.
 */
export class Dashboard extends Construct {
  /**
   * User name and password of the operator: JSON, generated. A viewer's are added by hand: Secrets Manager generates one
   * value a secret, and another template of it would make CloudFormation generate the password of existing stacks anew.
   */
  readonly secret: Secret;
  /** Address of the overview. */
  readonly url: string;
  readonly pages: NodeFunction;

  constructor(scope: Construct, id: string, props: DashboardProps) {
    super(scope, id);
    this.secret = madeSecret(this);
    this.pages = new NodeFunction(this, 'Pages', {
      folder: 'dashboard',
      description: 'Shows what Zencoder could not upload and where the recovery of each file stands',
      memoryMb: 512,
      timeoutSeconds: 20,
      logLevel: props.logLevel,
      logRetentionDays: props.logRetentionDays,
      environment: {
        TABLE_NAME: props.ledger.table.tableName,
        QUEUE_URL: props.queue.queue.queueUrl,
        BUCKET_NAME: props.bucket.bucketName,
        BUCKET_OWNER: props.bucket.owner,
        ...props.bucket.downloadVariables,
        DASHBOARD_SECRET_ARN: this.secret.secretArn,
        AT_RISK_HOURS: String(props.atRiskHours),
        HAS_ZENCODER_API_KEY: String(props.hasZencoderApiKey),
      },
    });
    props.ledger.grantRead(this.pages.role);
    props.ledger.grantCountSignIns(this.pages.role);
    props.queue.grantSend(this.pages.role);
    props.bucket.grantDownload(this.pages.role);
    this.pages.role.addToPrincipalPolicy(
      new PolicyStatement({
        actions: ['secretsmanager:GetSecretValue'],
        resources: [this.secret.secretArn],
      }),
    );

    const integration = new HttpLambdaIntegration('Pages', this.pages.function);
    for (const [method, path, throttle] of ROUTES) {
      for (const route of props.api.api.addRoutes({ path, methods: [method], integration })) {
        if (throttle !== undefined) props.api.throttle(HttpRouteKey.with(path, method), route, throttle);
        Validations.of(route).acknowledge({
          id: 'AwsSolutions-APIG4',
          reason:
            'Browsers and curl sign no request. Before anything else the function asks for a session, which its sign-in ' +
            'form begins and its secret signs, or for HTTP Basic credentials. Passwords are compared with both ' +
            'versions of the secret in constant time, and not looked at after too many wrong ones; forms need a token ' +
            'besides, so that no other site can send them.',
        });
      }
    }
    this.url = Fn.join('', [props.api.api.apiEndpoint, '/']);
  }
}

function madeSecret(scope: Construct): Secret {
  const secret = new Secret(scope, 'Secret', {
    description: 'User name and password of the dashboard and its JSON API',
    generateSecretString: {
      secretStringTemplate: JSON.stringify({ username: 'dashboard' }),
      generateStringKey: 'password',
      passwordLength: 32,
      excludePunctuation: true,
    },
  });
  Validations.of(secret).acknowledge({
    id: 'AwsSolutions-SMG4',
    reason:
      'People and scripts hold this password, so a rotation on a schedule would only lock them out. It is rotated by ' +
      'putting a new value; the previous version stays valid until the next one.',
  });
  return secret;
}
