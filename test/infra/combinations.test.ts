import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Validations } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { AwsSolutionsChecks } from 'cdk-nag';
import fc from 'fast-check';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { SETTINGS } from '../../infra/config.ts';
import { appOf } from './template.ts';

/** Values of each setting. */
const VALUES = {
  stackName: fc.constantFrom('Recovery', 'a-b-c'),
  collectUnsentOutputs: fc.boolean(),
  dashboard: fc.boolean(),
  atRiskHours: fc.integer({ min: 1, max: 24 }),
  failedUploadsPerHour: fc.integer({ min: 1, max: 1_000_000 }),
  reconcileMinutes: fc.integer({ min: 1, max: 60 }),
  zencoderApiKeySecretArn: fc.constant(
    'arn:aws:secretsmanager:eu-west-1:123456789012:secret:zencoder-AbCdEf',
  ),
  zencoderApiUrl: fc.constant('https://zencoder.example.com/api/v2'),
  zencoderStorage: fc.constantFrom('zencoder-live', 'https://files.example.com/bucket, zencoder-live'),
  alarmEmail: fc.constant('on-call@example.com'),
  maxConcurrency: fc.integer({ min: 2, max: 1000 }),
  ingestReservedConcurrency: fc.integer({ min: 2, max: 1000 }),
  workerTimeoutSeconds: fc.integer({ min: 2, max: 900 }),
  workerMemoryMb: fc.integer({ min: 512, max: 10_240 }),
  segmentBytes: fc.integer({ min: 5 * 2 ** 20, max: 64 * 2 ** 30 }),
  recordTtlDays: fc.integer({ min: 0, max: 3650 }),
  logLevel: fc.constantFrom('DEBUG', 'INFO', 'WARN', 'ERROR'),
  logRetentionDays: fc.constantFrom('1', '365', '3653'),
  keyTemplate: fc.constant('{job_id}/{filename}'),
  existingTableName: fc.constant('restored-ledger'),
  previousBuckets: fc.constantFrom(['earlier'], [{ bucketName: 'earlier', bucketOwner: '210987654321' }]),
  terminationProtection: fc.boolean(),
};
const OWN_BUCKET = {
  bucketName: 'mine',
  bucketOwner: '210987654321',
  bucketKmsKeyArn: 'arn:aws:kms:eu-west-1:123456789012:key/0a1b2c3d',
};
const bucketSettings = fc.constantFrom({}, { bucketName: OWN_BUCKET.bucketName }, OWN_BUCKET);
const settings = fc
  .tuple(fc.record(VALUES, { requiredKeys: [] }), bucketSettings)
  .map(([values, bucket]) => ({ ...values, ...bucket }));

const variables = v.object({
  Properties: v.object({ Environment: v.object({ Variables: v.record(v.string(), v.unknown()) }) }),
});

const report = v.object({ pluginReports: v.array(v.unknown()) });

/** The template with these settings, and what AwsSolutions finds in it. */
function checked(values: Readonly<Record<string, unknown>>) {
  const app = appOf(values);
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  const { stacks, directory } = app.synth();
  const { pluginReports: findings } = v.parse(
    report,
    JSON.parse(readFileSync(join(directory, 'validation-report.json'), 'utf8')),
  );
  return { template: Template.fromJSON(stacks[0]?.template), findings };
}

/** What must hold whatever the settings. */
function expectSafe(template: Template): void {
  const all = (type: string) => Object.values(template.findResources(type));
  for (const queue of all('AWS::SQS::Queue')) {
    expect(queue).toMatchObject({ Properties: { SqsManagedSseEnabled: true } });
  }
  for (const topic of all('AWS::SNS::Topic')) {
    expect(topic).toMatchObject({ Properties: { KmsMasterKeyId: expect.anything() } });
  }
  for (const table of all('AWS::DynamoDB::Table')) {
    expect(table).toMatchObject({
      UpdateReplacePolicy: 'Retain',
      Properties: {
        DeletionProtectionEnabled: true,
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      },
    });
  }
  for (const bucket of all('AWS::S3::Bucket')) {
    expect(bucket).toMatchObject({
      UpdateReplacePolicy: 'Retain',
      Properties: {
        BucketEncryption: expect.anything(),
        PublicAccessBlockConfiguration: {
          BlockPublicAcls: true,
          BlockPublicPolicy: true,
          IgnorePublicAcls: true,
          RestrictPublicBuckets: true,
        },
        VersioningConfiguration: { Status: 'Enabled' },
      },
    });
  }
  for (const group of all('AWS::Logs::LogGroup')) {
    expect(group).toMatchObject({ Properties: { RetentionInDays: expect.any(Number) } });
  }
  for (const made of all('AWS::Lambda::Function')) {
    expect(made).toMatchObject({ Properties: { Runtime: 'nodejs24.x', Architectures: ['arm64'] } });
    const { Variables } = v.parse(variables, made).Properties.Environment;
    // A variable may say that there is a secret and where, not what it is.
    const named = Object.keys(Variables).filter((name) => /(?:PASSWORD|SECRET|KEY|TOKEN)$/.test(name));
    expect(named.filter((name) => !name.startsWith('HAS_'))).toEqual([]);
  }
  const outputs = JSON.stringify(template.toJSON().Outputs);
  expect(outputs).not.toContain('{{resolve:');
}

describe('the template', () => {
  it('is tried with every setting', () => {
    expect([...Object.keys(VALUES), ...Object.keys(OWN_BUCKET)].toSorted()).toEqual([...SETTINGS].toSorted());
  });

  it('passes AwsSolutions and is encrypted, private, kept and logged for a limited time, with any settings together', () => {
    fc.assert(
      fc.property(settings, (values) => {
        const { template, findings } = checked(values);
        expect(findings).toEqual([]);
        expectSafe(template);
      }),
      { numRuns: 15 },
    );
  });
});
