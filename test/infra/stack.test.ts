import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { INDEXES, TABLE_KEYS, TTL_ATTRIBUTE } from '../../lambda/shared/ledger/table.ts';
import { textOf } from './policies.ts';
import { templateOf } from './template.ts';

const KEY = 'arn:aws:kms:us-east-1:123456789012:key/0a1b2c3d';
const PREVIOUS = ['older', { bucketName: 'oldest', bucketOwner: '444455556666' }];
const template = templateOf();

const API_KEY = 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:zencoder-AbCdEf';

describe('the ledger table', () => {
  it('has the keys and indexes that the code uses', () => {
    template.hasResourceProperties('AWS::DynamoDB::Table', {
      KeySchema: [
        { AttributeName: TABLE_KEYS.partitionKey, KeyType: 'HASH' },
        { AttributeName: TABLE_KEYS.sortKey, KeyType: 'RANGE' },
      ],
      GlobalSecondaryIndexes: Object.values(INDEXES).map((index) => ({
        IndexName: index.name,
        KeySchema: [
          { AttributeName: index.partitionKey, KeyType: 'HASH' },
          { AttributeName: index.sortKey, KeyType: 'RANGE' },
        ],
        Projection: { ProjectionType: index.projection },
      })),
      TimeToLiveSpecification: { AttributeName: TTL_ATTRIBUTE, Enabled: true },
    });
  });

  it('is on demand, with point-in-time recovery, and protected from deletion by hand', () => {
    template.hasResourceProperties('AWS::DynamoDB::Table', {
      BillingMode: 'PAY_PER_REQUEST',
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      DeletionProtectionEnabled: true,
    });
  });
});

describe('the queue', () => {
  const DAYS = 24 * 60 * 60;

  it('retains messages longer than a recovery lasts, and dead-letters only those that crash the worker', () => {
    template.hasResourceProperties('AWS::SQS::Queue', {
      SqsManagedSseEnabled: true,
      MessageRetentionPeriod: 4 * DAYS,
      RedrivePolicy: { maxReceiveCount: 340 },
    });
  });

  it('has a dead-letter queue with the maximum retention', () => {
    template.hasResourceProperties('AWS::SQS::Queue', {
      SqsManagedSseEnabled: true,
      MessageRetentionPeriod: 14 * DAYS,
      RedrivePolicy: Match.absent(),
    });
    template.resourceCountIs('AWS::SQS::Queue', 2);
  });

  it.each([
    { timeout: 900, visibility: 930 },
    { timeout: 120, visibility: 132 },
    { timeout: 5, visibility: 6 },
  ])(
    'has a visibility timeout of $visibility s for a worker timeout of $timeout s',
    ({ timeout, visibility }) => {
      const made = templateOf({ workerTimeoutSeconds: timeout });
      made.hasResourceProperties('AWS::SQS::Queue', { VisibilityTimeout: visibility });
      made.hasResourceProperties('AWS::Lambda::Function', { Timeout: timeout });
    },
  );

  it('leaves half of the concurrency of a new account to the other functions', () => {
    template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      ScalingConfig: { MaximumConcurrency: 5 },
    });
  });

  it('delivers one message per invocation, up to the configured concurrency', () => {
    templateOf({ maxConcurrency: '25' }).hasResource('AWS::Lambda::EventSourceMapping', {
      Properties: {
        BatchSize: 1,
        FunctionResponseTypes: ['ReportBatchItemFailures'],
        ScalingConfig: { MaximumConcurrency: 25 },
      },
      DependsOn: Match.arrayWith([Match.stringLikeRegexp('^RecoveryWorkerRoleDefaultPolicy')]),
    });
  });
});

describe('ingest', () => {
  it('keeps the reserved concurrency that the setting gives, and none of the account by default', () => {
    const reserved = (of: typeof template) =>
      Object.values(of.findResources('AWS::Lambda::Function'))
        .map(({ Properties }) => Properties)
        .filter(({ ReservedConcurrentExecutions }) => ReservedConcurrentExecutions !== undefined)
        .map(({ Environment, ReservedConcurrentExecutions }) => [
          Environment.Variables.POWERTOOLS_SERVICE_NAME,
          ReservedConcurrentExecutions,
        ]);
    expect(reserved(template)).toEqual([]);
    const reserving = templateOf({ ingestReservedConcurrency: '20' });
    expect(reserved(reserving)).toEqual([['ingest', 20]]);
    reserving.hasOutput('IngestReservedConcurrency', { Value: '20' });
  });
});

describe('the functions', () => {
  it('run on Node 24 and arm64, with limited log retention', () => {
    template.allResourcesProperties('AWS::Lambda::Function', {
      Runtime: 'nodejs24.x',
      Architectures: ['arm64'],
      Handler: 'handler.handler',
      LoggingConfig: { LogGroup: Match.anyValue() },
    });
    templateOf({ logRetentionDays: 30 }).allResourcesProperties('AWS::Logs::LogGroup', {
      RetentionInDays: 30,
    });
  });

  it('are stopped in a recursive loop, except for the worker, which sends its own messages', () => {
    const functions = Object.values(template.findResources('AWS::Lambda::Function'));
    const loops = functions.map(({ Properties: { Environment, RecursiveLoop = 'Terminate' } }) => [
      Environment.Variables.POWERTOOLS_SERVICE_NAME,
      RecursiveLoop,
    ]);
    expect(Object.fromEntries(loops)).toEqual({
      ingest: 'Terminate',
      worker: 'Allow',
      reconcile: 'Terminate',
      dashboard: 'Terminate',
    });
  });

  it('have the environment variables that they parse', () => {
    const shared = {
      POWERTOOLS_LOG_LEVEL: 'DEBUG',
      POWERTOOLS_METRICS_NAMESPACE: 'ZencoderRecovery',
      ZENCODER_STORAGE: 'zencoder-live',
      QUEUE_URL: 'RecoveriesQueue',
    };
    const made = templateOf({
      logLevel: 'debug',
      zencoderStorage: ['zencoder-live'],
      collectUnsentOutputs: 'true',
      bucketName: 'my-bucket',
      bucketOwner: '012345678901',
      bucketKmsKeyArn: KEY,
      keyTemplate: '{job_id}/{filename}',
      segmentBytes: 2 ** 30,
      recordTtlDays: 30,
    });
    expect(environmentOf(made, 'ingest')).toEqual({
      ...shared,
      POWERTOOLS_SERVICE_NAME: 'ingest',
      TABLE_NAME: 'LedgerTable',
      NOTIFICATION_SECRET_ARN: 'NotificationSecret',
      COLLECT_UNSENT_OUTPUTS: 'true',
    });
    expect(environmentOf(made, 'worker')).toEqual({
      ...shared,
      POWERTOOLS_SERVICE_NAME: 'worker',
      DEAD_LETTER_QUEUE_URL: 'RecoveriesDeadLetterQueue',
      TABLE_NAME: 'LedgerTable',
      BUCKET_NAME: 'my-bucket',
      BUCKET_OWNER: '012345678901',
      BUCKET_KMS_KEY_ARN: KEY,
      OBJECT_ACL: 'bucket-owner-full-control',
      KEY_TEMPLATE: '{job_id}/{filename}',
      SEGMENT_BYTES: String(2 ** 30),
      BUFFER_BYTES: String(128 * 2 ** 20),
      RECORD_TTL_DAYS: '30',
      EVENTS_TOPIC_ARN: 'EventsTopic',
    });
  });

  it('have the variables of the Zencoder API when there is a key for it', () => {
    const made = templateOf({ zencoderApiKeySecretArn: API_KEY });
    expect(environmentOf(made, 'worker')).toMatchObject({
      ZENCODER_API_KEY_SECRET_ARN: API_KEY,
      ZENCODER_API_URL: 'https://app.zencoder.com/api/v2',
    });
    expect(environmentOf(made, 'ingest')).not.toHaveProperty('ZENCODER_API_KEY_SECRET_ARN');
  });
});

describe('the API', () => {
  it('routes everything to ingest except the paths of the dashboard', () => {
    expect(routesOf(template)).toEqual([
      '$default',
      'GET /',
      'GET /api/{path+}',
      'GET /assets/{name}',
      'GET /errors',
      'GET /jobs',
      'GET /jobs/{path+}',
      'GET /sign-in',
      'POST /jobs/{jobId}/outputs/{outputId}/retry',
      'POST /notifications',
      'POST /sign-in',
      'POST /sign-out',
    ]);
    expect(routesOf(templateOf({ dashboard: false }))).toEqual(['$default', 'POST /notifications']);
    template.hasResourceProperties('AWS::ApiGatewayV2::Integration', {
      IntegrationType: 'AWS_PROXY',
      PayloadFormatVersion: '2.0',
    });
  });

  it('throttles routes at five requests a second, sign-in at one, and notifications far above what Zencoder sends', () => {
    const notifications = {
      'POST /notifications': { ThrottlingBurstLimit: 1000, ThrottlingRateLimit: 500 },
    };
    const signIn = { 'POST /sign-in': { ThrottlingBurstLimit: 10, ThrottlingRateLimit: 1 } };
    const stageOf = (of: typeof template) => Object.values(of.findResources('AWS::ApiGatewayV2::Stage'));
    expect(stageOf(template)).toMatchObject([
      {
        Properties: {
          DefaultRouteSettings: { ThrottlingBurstLimit: 10, ThrottlingRateLimit: 5 },
          RouteSettings: { ...notifications, ...signIn },
        },
      },
    ]);
    const [without] = stageOf(templateOf({ dashboard: false }));
    expect(without?.Properties?.RouteSettings).toEqual(notifications);
  });

  it('makes the stage after each route whose throttle it sets', () => {
    const [stage] = Object.values(template.findResources('AWS::ApiGatewayV2::Stage'));
    const throttled = Object.keys(stage?.Properties?.RouteSettings ?? {});
    const routes = template.findResources('AWS::ApiGatewayV2::Route');
    const ids = Object.keys(routes).filter((id) => throttled.includes(routes[id]?.Properties?.RouteKey));
    expect(ids).toHaveLength(throttled.length);
    expect(stage?.DependsOn).toEqual(expect.arrayContaining(ids));
  });

  it('writes its access log under /aws/vendedlogs/, by a name that no other stack has', () => {
    const groups = Object.values(template.findResources('AWS::Logs::LogGroup'));
    const names = groups.flatMap(({ Properties: { LogGroupName } }) => LogGroupName ?? []).map(textOf);
    const stackUuid = '{"Fn::Select":[2,{"Fn::Split":["/",{"Ref":"AWS::StackId"}]}]}';
    expect(names).toEqual([`/aws/vendedlogs/zencoder-recovery/ZencoderRecovery/${stackUuid}`]);
    const [stage] = Object.values(template.findResources('AWS::ApiGatewayV2::Stage'));
    expect(textOf(stage?.Properties?.AccessLogSettings?.DestinationArn)).toContain('ApiAccessLog');
  });

  it('logs the client, but no headers, paths or query strings, which can hold credentials', () => {
    const [stage] = Object.values(template.findResources('AWS::ApiGatewayV2::Stage'));
    const format = String(stage?.Properties?.AccessLogSettings?.Format);
    expect(Object.values(JSON.parse(format))).toContain('$context.identity.sourceIp');
    expect(format).not.toMatch(/\$request|header|authorizer|querystring|context\.path/i);
  });
});

describe('the dashboard', () => {
  it('has the environment variables that it parses', () => {
    expect(
      environmentOf(
        templateOf({ atRiskHours: 3, bucketName: 'my-bucket', previousBuckets: PREVIOUS }),
        'dashboard',
      ),
    ).toEqual({
      POWERTOOLS_SERVICE_NAME: 'dashboard',
      POWERTOOLS_LOG_LEVEL: 'INFO',
      POWERTOOLS_METRICS_NAMESPACE: 'ZencoderRecovery',
      TABLE_NAME: 'LedgerTable',
      QUEUE_URL: 'RecoveriesQueue',
      BUCKET_NAME: 'my-bucket',
      BUCKET_OWNER: 'AWS::AccountId',
      PREVIOUS_BUCKETS: 'older=AWS::AccountId,oldest=444455556666',
      DASHBOARD_SECRET_ARN: 'DashboardSecret',
      AT_RISK_HOURS: '3',
      HAS_ZENCODER_API_KEY: 'false',
    });
  });

  it('has a generated secret of its own', () => {
    template.hasResourceProperties('AWS::SecretsManager::Secret', {
      GenerateSecretString: {
        SecretStringTemplate: '{"username":"dashboard"}',
        GenerateStringKey: 'password',
        PasswordLength: 32,
      },
    });
  });

  it('has no resources when it is disabled', () => {
    const without = templateOf({ dashboard: false });
    without.resourceCountIs('AWS::SecretsManager::Secret', 1);
    without.resourceCountIs('AWS::Lambda::Function', 3);
    expect(Object.keys(without.findOutputs('Dashboard*'))).toEqual([]);
  });
});

describe('the notification secret', () => {
  it('is generated from characters that need no escaping in a URL', () => {
    template.hasResourceProperties('AWS::SecretsManager::Secret', {
      GenerateSecretString: {
        SecretStringTemplate: '{"username":"zencoder"}',
        GenerateStringKey: 'password',
        PasswordLength: 32,
        ExcludePunctuation: true,
      },
    });
  });
});

describe('the bucket', () => {
  it('is encrypted and private when the stack creates it', () => {
    template.hasResourceProperties(
      'AWS::S3::Bucket',
      Match.objectLike({
        BucketEncryption: {
          ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }],
        },
        PublicAccessBlockConfiguration: {
          BlockPublicAcls: true,
          BlockPublicPolicy: true,
          IgnorePublicAcls: true,
          RestrictPublicBuckets: true,
        },
        OwnershipControls: { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] },
      }),
    );
  });

  it('expires incomplete uploads, but only after every recovery has ended', () => {
    template.hasResourceProperties('AWS::S3::Bucket', {
      LifecycleConfiguration: {
        Rules: [Match.objectLike({ AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 } })],
      },
    });
  });

  it('is left unchanged when it exists already', () => {
    const own = templateOf({ bucketName: 'my-bucket' });
    own.resourceCountIs('AWS::S3::Bucket', 0);
    own.resourceCountIs('AWS::S3::BucketPolicy', 0);
    own.hasOutput('BucketName', { Value: 'my-bucket' });
  });
});

describe('the stack', () => {
  it('outputs the address of each resource, without credentials', () => {
    const outputs = Object.entries(template.findOutputs('*')).map(([name, { Value }]) => [
      name,
      textOf(Value),
    ]);
    expect(Object.fromEntries(outputs)).toEqual({
      NotificationUrl: 'Api.ApiEndpoint/notifications',
      AlarmTopicArn: 'MonitoringAlarmsTopic',
      EventsTopicArn: 'EventsTopic',
      ReconcileFunctionName: 'ReconciliationReconcileFunction',
      NotificationSecretArn: 'NotificationSecret',
      TableName: 'LedgerTable',
      BucketName: 'RecoveredBucket',
      QueueUrl: 'RecoveriesQueue',
      DeadLetterQueueUrl: 'RecoveriesDeadLetterQueue',
      WorkerFunctionName: 'RecoveryWorkerFunction',
      MaxConcurrency: '5',
      WorkerRoleArn: 'RecoveryWorkerRole.Arn',
      OperatorPolicyArn: 'OperatorsPolicy',
      DashboardFunctionName: 'DashboardPagesFunction',
      DashboardRoleArn: 'DashboardPagesRole.Arn',
      DashboardUrl: 'Api.ApiEndpoint/',
      DashboardSecretArn: 'DashboardSecret',
    });
  });

  it('has no fixed resource names, so two stacks can share an account', () => {
    const named = Object.entries(template.toJSON().Resources ?? {}).filter(([, resource]) =>
      /"(FunctionName|QueueName|TableName|BucketName|RoleName|LogGroupName|TopicName)":"/.test(
        JSON.stringify(resource),
      ),
    );
    expect(named.map(([id]) => id)).toEqual([]);
  });
});

function routesOf(from: typeof template): string[] {
  return Object.values(from.findResources('AWS::ApiGatewayV2::Route'))
    .map(({ Properties }) => String(Properties.RouteKey))
    .toSorted();
}

function environmentOf(from: typeof template, service: string): Record<string, string> {
  const [found] = Object.values(
    from.findResources('AWS::Lambda::Function', {
      Properties: { Environment: { Variables: { POWERTOOLS_SERVICE_NAME: service } } },
    }),
  );
  const variables: Record<string, unknown> = found?.Properties?.Environment?.Variables ?? {};
  return Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, textOf(value)]));
}

describe('the schedule', () => {
  it('runs reconcile at the configured rate, without retries of the rule or of Lambda', () => {
    const made = templateOf({ reconcileMinutes: 7 });
    made.hasResourceProperties('AWS::Events::Rule', {
      ScheduleExpression: 'rate(7 minutes)',
      State: 'ENABLED',
      Targets: [
        Match.objectLike({ RetryPolicy: { MaximumRetryAttempts: 0, MaximumEventAgeInSeconds: 7 * 60 } }),
      ],
    });
    const configured = Object.values(made.findResources('AWS::Lambda::EventInvokeConfig'));
    expect(
      configured.map(({ Properties: { FunctionName, ...settings } }) => [textOf(FunctionName), settings]),
    ).toEqual([
      [
        'ReconciliationReconcileFunction',
        { Qualifier: '$LATEST', MaximumRetryAttempts: 0, MaximumEventAgeInSeconds: 7 * 60 },
      ],
    ]);
    template.resourceCountIs('AWS::Events::Rule', 1);
  });

  it('passes reconcile the at-risk threshold and the visibility timeout', () => {
    const made = templateOf({ atRiskHours: 3, workerTimeoutSeconds: 100, zencoderApiKeySecretArn: API_KEY });
    expect(environmentOf(made, 'reconcile')).toMatchObject({
      AT_RISK_HOURS: '3',
      VISIBILITY_SECONDS: '110',
      QUEUE_URL: 'RecoveriesQueue',
      TABLE_NAME: 'LedgerTable',
      ZENCODER_API_KEY_SECRET_ARN: API_KEY,
    });
  });
});

describe('the events topic', () => {
  it('is encrypted, denies requests without TLS, and has no subscriber', () => {
    template.hasResourceProperties('AWS::SNS::Topic', {
      KmsMasterKeyId: 'alias/aws/sns',
    });
    template.hasResourceProperties('AWS::SNS::TopicPolicy', {
      PolicyDocument: {
        Statement: [
          Match.objectLike({
            Effect: 'Deny',
            Action: 'sns:Publish',
            Condition: { Bool: { 'aws:SecureTransport': 'false' } },
          }),
        ],
      },
    });
  });
});
