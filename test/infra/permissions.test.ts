import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import {
  INDEXES,
  KNOWN_SOURCES,
  LAST_NOTIFICATION,
  refusalsPartition,
  signInsPartition,
} from '../../lambda/shared/ledger/table.ts';
import { PROBE_PREFIX } from '../../lambda/shared/runtime/preflight.ts';
import { type Grant, grantsOf, rolesWithOtherPolicies } from './policies.ts';
import { templateOf } from './template.ts';

const template = templateOf();
const ingest = grantsOf(template, 'NotificationsIngest');
const worker = grantsOf(template, 'RecoveryWorker');
const reconcile = grantsOf(template, 'ReconciliationReconcile');
const dashboard = grantsOf(template, 'DashboardPages');

describe('the role of ingest', () => {
  it('may only write its logs, read its secret, send messages to the queue and count notifications', () => {
    expect(allowed(ingest)).toEqual({
      'NotificationsIngestLogs.Arn': ['logs:CreateLogStream', 'logs:PutLogEvents'],
      NotificationSecret: ['secretsmanager:GetSecretValue'],
      'RecoveriesQueue.Arn': ['sqs:SendMessage'],
      'LedgerTable.Arn': ['dynamodb:UpdateItem'],
    });
  });

  it('may update only the refusal counters and the time of the last notification in the ledger', () => {
    const onLedger = ingest.filter(({ resources }) => resources.includes('LedgerTable.Arn'));
    expect(onLedger.map(({ condition }) => condition)).toEqual([
      { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['REFUSALS#*', 'LATEST#NOTIFICATION'] } },
    ]);
    expect(refusalsPartition(0)).toMatch(/^REFUSALS#/);
    expect(LAST_NOTIFICATION).toBe('LATEST#NOTIFICATION');
  });
});

describe('the role of the worker', () => {
  it('may only do what a recovery needs', () => {
    expect(allowed(worker)).toEqual({
      'RecoveryWorkerLogs.Arn': ['logs:CreateLogStream', 'logs:PutLogEvents'],
      'RecoveriesQueue.Arn': [
        'sqs:ChangeMessageVisibility',
        'sqs:DeleteMessage',
        'sqs:GetQueueAttributes',
        'sqs:ReceiveMessage',
        'sqs:SendMessage',
      ],
      'RecoveriesDeadLetterQueue.Arn': ['sqs:SendMessage'],
      EventsTopic: ['sns:Publish'],
      'LedgerTable.Arn': [
        'dynamodb:DeleteItem',
        'dynamodb:GetItem',
        'dynamodb:PutItem',
        'dynamodb:Query',
        'dynamodb:UpdateItem',
      ],
      'RecoveredBucket.Arn/*': [
        's3:AbortMultipartUpload',
        's3:GetObject',
        's3:ListMultipartUploadParts',
        's3:PutObject',
      ],
      'RecoveredBucket.Arn': ['s3:ListBucket'],
      [`RecoveredBucket.Arn/${PROBE_PREFIX}*`]: [
        's3:DeleteObject',
        's3:DeleteObjectVersion',
        's3:GetObjectRetention',
      ],
    });
  });

  it('may read the configured Zencoder API key, and no other secret', () => {
    const key = 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:zencoder-AbCdEf';
    const withKey = allowed(grantsOf(templateOf({ zencoderApiKeySecretArn: key }), 'RecoveryWorker'));
    expect(withKey).toEqual({ ...allowed(worker), [key]: ['secretsmanager:GetSecretValue'] });
  });

  it('is denied s3:PutObject without If-None-Match, except for parts', () => {
    expect(worker.filter(({ effect }) => effect === 'Deny')).toEqual([
      {
        sid: 'NeverOverwrite',
        effect: 'Deny',
        actions: ['s3:PutObject'],
        resources: ['RecoveredBucket.Arn/*'],
        condition: {
          Null: { 's3:if-none-match': 'true' },
          Bool: { 's3:ObjectCreationOperation': 'true' },
        },
      },
    ]);
  });

  it('may do the same in an existing bucket, and use its key', () => {
    const key = 'arn:aws:kms:eu-central-1:123456789012:key/0a1b2c3d';
    const own = templateOf({ bucketName: 'my-bucket', bucketKmsKeyArn: key });
    const made = allowed(worker);
    expect(allowed(grantsOf(own, 'RecoveryWorker'))).toMatchObject({
      'arn:AWS::Partition:s3:::my-bucket/*': made['RecoveredBucket.Arn/*'],
      'arn:AWS::Partition:s3:::my-bucket': made['RecoveredBucket.Arn'],
      [key]: ['kms:Decrypt', 'kms:GenerateDataKey'],
    });
  });

  it('may give a bucket of another account full control of its objects, and set no other ACL', () => {
    const acl = grantsOf(
      templateOf({ bucketName: 'my-bucket', bucketOwner: '444455556666' }),
      'RecoveryWorker',
    ).filter(({ actions }) => actions.includes('s3:PutObjectAcl'));
    expect(acl).toMatchObject([
      {
        resources: ['arn:AWS::Partition:s3:::my-bucket/*'],
        condition: { StringEquals: { 's3:x-amz-acl': 'bucket-owner-full-control' } },
      },
    ]);
    expect(worker.flatMap(({ actions }) => actions)).not.toContain('s3:PutObjectAcl');
  });

  it('may use no KMS key when the bucket has none', () => {
    expect(worker.flatMap(({ actions }) => actions).filter((action) => action.startsWith('kms:'))).toEqual(
      [],
    );
  });
});

describe('a preflight of the worker', () => {
  it('may look for a retention of its probe objects only', () => {
    const looks = worker.filter(({ actions }) => actions.includes('s3:GetObjectRetention'));
    expect(looks.map(({ resources }) => resources)).toEqual([[`RecoveredBucket.Arn/${PROBE_PREFIX}*`]]);
  });
});

describe('the role of reconcile', () => {
  it('may only read and update records, publish events, and send and count messages', () => {
    expect(allowed(reconcile)).toEqual({
      'ReconciliationReconcileLogs.Arn': ['logs:CreateLogStream', 'logs:PutLogEvents'],
      'RecoveriesQueue.Arn': ['sqs:GetQueueAttributes', 'sqs:SendMessage'],
      EventsTopic: ['sns:Publish'],
      'LedgerTable.Arn': ['dynamodb:GetItem', 'dynamodb:Query', 'dynamodb:UpdateItem'],
      'LedgerTable.Arn/index/failures-by-day': ['dynamodb:GetItem', 'dynamodb:Query'],
      'LedgerTable.Arn/index/failures-by-class': ['dynamodb:GetItem', 'dynamodb:Query'],
      'LedgerTable.Arn/index/failures-by-host': ['dynamodb:GetItem', 'dynamodb:Query'],
      'LedgerTable.Arn/index/recoveries-by-state': ['dynamodb:GetItem', 'dynamodb:Query'],
      'LedgerTable.Arn/index/events-owed': ['dynamodb:GetItem', 'dynamodb:Query'],
    });
  });
});

describe('the role of the dashboard', () => {
  it('may only read the ledger, recovered objects and its own secret, count sign-ins, and send a retry to the queue', () => {
    const indexes = Object.values(INDEXES).map(({ name }) => `LedgerTable.Arn/index/${name}`);
    const reads = ['dynamodb:GetItem', 'dynamodb:Query'];
    expect(allowed(dashboard)).toEqual({
      'DashboardPagesLogs.Arn': ['logs:CreateLogStream', 'logs:PutLogEvents'],
      DashboardSecret: ['secretsmanager:GetSecretValue'],
      'LedgerTable.Arn': [...reads, 'dynamodb:UpdateItem'],
      ...Object.fromEntries(indexes.map((index) => [index, reads])),
      'RecoveredBucket.Arn/*': ['s3:GetObject'],
      'RecoveriesQueue.Arn': ['sqs:SendMessage'],
    });
  });

  it('may update only the counters of sign-ins in the ledger', () => {
    const updates = dashboard.filter(({ actions }) => actions.includes('dynamodb:UpdateItem'));
    expect(updates.map(({ condition }) => condition)).toEqual([
      { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['SIGNINS#*'] } },
    ]);
    expect([signInsPartition(0), KNOWN_SOURCES]).toEqual(Array(2).fill(expect.stringMatching(/^SIGNINS#/)));
  });

  it('may decrypt with the key of an existing bucket, but not encrypt', () => {
    const key = 'arn:aws:kms:eu-central-1:123456789012:key/0a1b2c3d';
    const own = templateOf({ bucketName: 'my-bucket', bucketKmsKeyArn: key });
    expect(allowed(grantsOf(own, 'DashboardPages'))).toMatchObject({
      'arn:AWS::Partition:s3:::my-bucket/*': ['s3:GetObject'],
      [key]: ['kms:Decrypt'],
    });
  });
});

describe('the role of the dashboard with previous buckets', () => {
  it('may read those, and decrypt by their keys', () => {
    const key = 'arn:aws:kms:eu-central-1:123456789012:key/0a1b2c3d';
    const previousBuckets = ['older', { bucketName: 'oldest', bucketKmsKeyArn: key }];
    const grants = allowed(grantsOf(templateOf({ previousBuckets }), 'DashboardPages'));
    expect(grants).toMatchObject({
      'RecoveredBucket.Arn/*': ['s3:GetObject'],
      'arn:AWS::Partition:s3:::older/*': ['s3:GetObject'],
      'arn:AWS::Partition:s3:::oldest/*': ['s3:GetObject'],
      [key]: ['kms:Decrypt'],
    });
    const ofWorker = allowed(grantsOf(templateOf({ previousBuckets }), 'RecoveryWorker'));
    expect(Object.keys(ofWorker)).not.toContain('arn:AWS::Partition:s3:::older/*');
  });
});

describe('each role', () => {
  const grants = [...ingest, ...worker, ...dashboard, ...reconcile];

  it('has no wildcard in its actions', () => {
    expect(grants.flatMap(({ actions }) => actions).filter((action) => action.includes('*'))).toEqual([]);
  });

  it('has no wildcard in its resources except for the objects of the bucket', () => {
    const wild = grants.flatMap(({ resources }) => resources).filter((resource) => resource.includes('*'));
    expect(new Set(wild)).toEqual(new Set(['RecoveredBucket.Arn/*', `RecoveredBucket.Arn/${PROBE_PREFIX}*`]));
  });

  it('has no managed or inline policies outside these tests', () => {
    expect(rolesWithOtherPolicies(template)).toEqual([]);
    // Of operators, attached to no role.
    template.resourceCountIs('AWS::IAM::ManagedPolicy', 1);
    template.allResourcesProperties('AWS::IAM::ManagedPolicy', { Roles: Match.absent() });
    template.resourceCountIs('AWS::IAM::Policy', 4);
  });

  it('can be assumed by Lambda only', () => {
    template.allResourcesProperties('AWS::IAM::Role', {
      AssumeRolePolicyDocument: {
        Statement: [
          { Action: 'sts:AssumeRole', Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' } },
        ],
      },
    });
  });
});

describe('queues and the created bucket', () => {
  it.each(['AWS::SQS::QueuePolicy', 'AWS::S3::BucketPolicy'])(
    'deny requests without TLS in %s, and nothing else',
    (type) => {
      template.allResourcesProperties(type, {
        PolicyDocument: {
          Statement: Match.arrayWith([
            Match.objectLike({
              Effect: 'Deny',
              Condition: { Bool: { 'aws:SecureTransport': 'false' } },
            }),
          ]),
        },
      });
      expect(JSON.stringify(template.findResources(type))).not.toContain('"Allow"');
    },
  );
});

function allowed(grants: readonly Grant[]): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  for (const { effect, actions, resources } of grants) {
    if (effect === 'Deny') continue;
    for (const resource of resources) {
      found[resource] = [...(found[resource] ?? []), ...actions].toSorted();
    }
  }
  return found;
}
